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
