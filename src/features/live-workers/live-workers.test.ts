import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncoderView } from '../../api/workers/encoder-shapes.ts';
import { freeOf } from './live-worker.ts';
import { closeReason, parseOffer } from './messages.ts';

const view = (device: string, used: number, change: Partial<EncoderView> = {}): EncoderView => ({
  device,
  name: 'h264_nvenc',
  codec: 'h264',
  speed: 300,
  sessions: 3,
  used,
  state: 'ready',
  reason: '',
  ...change,
});

test('a worker offers the free places of devices that work and encode H.264, each once', () => {
  const devices = [
    view('a', 1),
    view('a', 1, { name: 'hevc_nvenc', codec: 'hevc' }),
    view('b', 3),
    view('c', 0, { state: 'failed' }),
    view('d', 0, { speed: 100 }),
  ];
  assert.deepEqual(freeOf(devices), { places: 5, speed: 150 });
  assert.deepEqual(freeOf([]), { places: 0, speed: 0 });
});

test('an offer that is malformed is none', () => {
  const offer = { id: 'w', name: 'gpu-box', places: 3, speed: 300 };
  assert.deepEqual(parseOffer(JSON.stringify({ ...offer, more: true })), offer);
  for (const text of [
    'no JSON',
    'null',
    JSON.stringify({ ...offer, places: -1 }),
    JSON.stringify({ ...offer, places: 1.5 }),
    JSON.stringify({ ...offer, speed: 'fast' }),
    JSON.stringify({ ...offer, name: 'x'.repeat(101) }),
  ]) {
    assert.equal(parseOffer(text), undefined, text);
  }
});

test('a reason fits into a close frame', () => {
  assert.equal(closeReason('编码器'.repeat(200)).length, 120);
  assert.equal(closeReason('ended').toString(), 'ended');
});
