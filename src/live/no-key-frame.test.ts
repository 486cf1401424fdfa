import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalClock } from './arrival-clock.ts';
import { audioFrames, interleave, videoFrames } from './frames.fixture.ts';
import { openInbox } from './inbox.ts';
import { audio, NOW_US, open, publish, video } from './stream.fixture.ts';

const tracks = [video, audio];
/** A minute of large frames with a key frame at its start alone. */
const media = interleave(tracks, [
  videoFrames({ track: video, seconds: 60, rate: 25, gopS: 100, startS: 1 }),
  audioFrames({ track: audio, seconds: 60, startS: 1 }).map((frame) => ({ ...frame, data: new Uint8Array(20_000) })),
]);

test('a publisher that never sends a key frame is reported once, gets a request each second, and fills no memory', async () => {
  const heard = open();
  const arrival = new ArrivalClock();
  arrival.add(0, NOW_US, 0);
  let requests = 0;
  const start = { tracks, utcOffsetUs: NOW_US, arrival, clock: 'arrival', pace: { kind: 'continuous' } } as const;
  heard.stream.startRun({ ...start, requestKeyFrame: () => void requests++ });
  const { signal } = new AbortController();
  await using _inbox = openInbox(heard.stream.sinks, { name: 'relay', maxBytes: 1e6, signal, fromKeyFrame: true });
  const keyless = media.map((frame) => ({ ...frame, key: frame.trackId !== 1 }));
  publish(heard, keyless);
  assert.deepEqual(
    heard.events.map(({ type }) => type),
    ['keyless'],
  );
  assert.deepEqual([heard.runs.length, heard.frames.length, heard.stream.placement.context], [0, 0, undefined]);
  assert.ok(requests >= 55 && requests <= 61, `${requests} requests`);
  assert.equal(heard.stream.sinks.memory.bytes, 0);
  publish(heard, [{ ...media[0]!, dts: 61 * 90_000, pts: 61 * 90_000 }]);
  assert.equal(heard.runs.length, 1, 'it begins with its first key frame');
  const held = heard.frames.reduce((sum, { frame }) => sum + frame.data.length, 0);
  assert.ok(held <= 8 * 1024 * 1024, `${held} bytes waited`);
});

test('a run whose key frames stop is reported once, and late sinks wait', () => {
  const heard = open();
  using _kept = heard.stream.sinks.bufferGop();
  const start = { tracks, utcOffsetUs: NOW_US, clock: 'arrival', pace: { kind: 'continuous' } } as const;
  heard.stream.startRun(start);
  publish(heard, media);
  const types = heard.events.map(({ type }) => type);
  assert.deepEqual(types, ['run', 'keyless', 'gop-too-large']);
  assert.deepEqual([heard.stream.sinks.pressure().gop.isTooLarge, heard.stream.sinks.memory.bytes], [true, 0]);
});
