import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { parseRtp, printRtp } from './packet.ts';
import { addReplayTime, parseReplayTime } from './replay-time.ts';

const packet = printRtp({
  payloadType: 96,
  marker: true,
  sequence: 7,
  timestamp: 90_000,
  ssrc: 5,
  payload: Uint8Array.of(1, 2, 3),
});
const time = { utcMs: 1_790_000_000_123.25, isClean: true, isEnd: false, isDiscontinuous: true, isLast: false };

test('the UTC and the flags of a replayed packet are read, and the packet stays one (ONVIF Streaming 6.3)', () => {
  const extended = addReplayTime(packet, time);
  const { utcMs, ...flags } = parseReplayTime(extended)!;
  assert.ok(Math.abs(utcMs - time.utcMs) < 0.001, String(utcMs));
  assert.deepEqual(flags, { isClean: true, isEnd: false, isDiscontinuous: true, isLast: false });
  const { payload, sequence } = parseRtp(extended);
  assert.deepEqual([[...payload], sequence], [[1, 2, 3], 7]);
});

test('the first octets are those of the specification', () => {
  const bytes = addReplayTime(packet, { ...time, utcMs: 0, isEnd: true, isLast: true });
  assert.equal(Buffer.from(bytes.subarray(12, 28)).toString('hex'), 'abac000383aa7e8000000000f0000000');
});

test('packets without the extension, cut ones and random ones have no time and throw nothing', () => {
  assert.equal(parseReplayTime(packet), undefined);
  const extended = addReplayTime(packet, time);
  for (let length = 0; length < 28; length++) assert.equal(parseReplayTime(extended.subarray(0, length)), undefined);
  const random = seeded(4);
  for (let i = 0; i < 2000; i++) {
    parseReplayTime(Uint8Array.from({ length: random(40) }, () => random(256)));
  }
});
