import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresBetween, levelBetween, readingOf, Speakers } from './call-figures.ts';

const reports = (seconds: number) => [
  { type: 'outbound-rtp', kind: 'audio', bytesSent: 4_000 * seconds },
  { type: 'outbound-rtp', kind: 'video', bytesSent: 36_000 * seconds },
  {
    type: 'inbound-rtp',
    kind: 'audio',
    trackIdentifier: 'voice',
    bytesReceived: 5_000 * seconds,
    packetsReceived: 49 * seconds,
    packetsLost: seconds,
    totalAudioEnergy: 0.04 * seconds,
    totalSamplesDuration: seconds,
  },
  { type: 'transport', bytesSent: 1e9, bytesReceived: 1e9 },
];

test('rates and loss are those between two readings', () => {
  const figures = figuresBetween(readingOf(reports(1), 1_000), readingOf(reports(3), 3_000));
  assert.deepEqual(figures, { upKbps: 320, downKbps: 40, lossPercent: 2 });
});

test('a new connection, whose counters begin again, is no negative rate', () => {
  const figures = figuresBetween(readingOf(reports(9), 1_000), readingOf([], 2_000));
  assert.deepEqual(figures, { upKbps: 0, downKbps: 0, lossPercent: 0 });
});

test('the level of a voice is the root mean square between two readings', () => {
  const [before, after] = [readingOf(reports(1), 0), readingOf(reports(2), 1_000)];
  assert.equal(levelBetween(before, after, 'voice').toFixed(3), '0.200');
  assert.equal(levelBetween(before, after, 'other'), 0);
  assert.equal(levelBetween(after, after, 'voice'), 0, 'nothing was heard in between');
});

test('who speaks stays marked in a short pause, and not after they have left', () => {
  const speakers = new Speakers();
  const at = (level: number, ms: number) => [...speakers.next(new Map([['ann', level]]), ms)];
  assert.deepEqual(at(0.001, 0), [], 'noise');
  assert.deepEqual(at(0.1, 100), ['ann']);
  assert.deepEqual(at(0, 600), ['ann']);
  assert.deepEqual(at(0, 900), []);
  assert.deepEqual(at(0.1, 1_000), ['ann']);
  assert.deepEqual([...speakers.next(new Map(), 1_001)], []);
});
