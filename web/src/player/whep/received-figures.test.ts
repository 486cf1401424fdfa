import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readReceived } from './received-figures.ts';

const AT_MS = 1_795_000_000_000;
const reports = (jitterBufferDelay: number, jitterBufferEmittedCount: number) => [
  { type: 'inbound-rtp', kind: 'audio', estimatedPlayoutTimestamp: 1 },
  {
    type: 'inbound-rtp',
    kind: 'video',
    estimatedPlayoutTimestamp: AT_MS + 2_208_988_800_000,
    jitterBufferDelay,
    jitterBufferEmittedCount,
    framesDecoded: 50,
    framesDropped: 2,
    freezeCount: 1,
  },
  { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.03 },
];

test('the time of the picture is read from the time of NTP, and the wait of the frames since the last report', () => {
  const first = readReceived(reports(1, 10), null);
  assert.deepEqual([first.shownMs, first.bufferS, first.networkS], [AT_MS, null, 0.03]);
  assert.deepEqual([first.shownFrames, first.droppedFrames, first.stalls], [50, 2, 1]);
  assert.equal(readReceived(reports(3, 20), first.report).bufferS, 0.2);
});

test('a browser without that time has none', () => {
  const { shownMs, networkS, shownFrames } = readReceived([{ type: 'inbound-rtp', kind: 'video' }], null);
  assert.deepEqual([shownMs, networkS, shownFrames], [null, null, 0]);
});
