import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSent } from './sent-figures.ts';

const reports = (timestamp: number, bytesSent: number) => [
  { type: 'codec', id: 'c', mimeType: 'video/H264' },
  {
    type: 'outbound-rtp',
    kind: 'video',
    codecId: 'c',
    timestamp,
    bytesSent,
    frameWidth: 1280,
    frameHeight: 720,
    framesPerSecond: 30,
  },
  { type: 'outbound-rtp', kind: 'audio', timestamp, bytesSent: bytesSent / 10 },
  { type: 'remote-inbound-rtp', kind: 'video', roundTripTime: 0.02, fractionLost: 0.25 },
];

test('the bitrate is that of picture and sound between two reports', () => {
  const first = readSent(reports(1000, 100_000), null);
  assert.equal(first.figures.bitrate, null);
  const second = readSent(reports(2000, 200_000), first.report);
  assert.equal(second.figures.bitrate, 880_000);
  const { width, height, frameRate, codec, roundTripMs, lossShare } = second.figures;
  assert.deepEqual([width, height, frameRate, codec, roundTripMs, lossShare], [1280, 720, 30, 'H.264', 20, 0.25]);
});

test('reports that begin again have no bitrate, and missing ones no figures', () => {
  assert.equal(readSent(reports(2000, 10), { atMs: 1000, bytes: 5000 }).figures.bitrate, null);
  const { bitrate, codec, roundTripMs } = readSent([], null).figures;
  assert.deepEqual([bitrate, codec, roundTripMs], [null, '', null]);
});
