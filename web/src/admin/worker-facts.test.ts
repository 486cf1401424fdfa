import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workerFacts } from './worker-facts.ts';

test('encoders, processors and version are named, in whatever form they are reported', () => {
  assert.equal(
    workerFacts({ encoders: ['libx264', { name: 'h264_nvenc' }], cpus: 8, version: '0.2.0' }),
    'libx264, h264_nvenc · 8 CPU · 0.2.0',
  );
  assert.equal(workerFacts({ encoders: 'all', cpus: 'many' }), '');
});

test('hardware encoders have their device, speed and sessions, and those that failed a mark', () => {
  const encoder = {
    name: 'h264_nvenc',
    device: 'nvidia0',
    speed: 410.4,
    used: 1,
    sessions: 3,
    state: 'ready',
  } as const;
  const failed = { ...encoder, device: 'nvidia1', used: 0, state: 'failed' } as const;
  assert.equal(
    workerFacts({ encoders: ['h264_nvenc'] }, [encoder, failed]),
    'h264_nvenc nvidia0 410/s 1/3, h264_nvenc nvidia1 410/s 0/3 !',
  );
});
