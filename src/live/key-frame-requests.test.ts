import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { videoFrames, videoTrack } from './frames.fixture.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import type { Sink } from './sink.ts';
import { Stream } from './stream.ts';

function open() {
  const clock = createManualClock();
  let count = 0;
  const requests = new KeyFrameRequests(clock, () => () => count++);
  return { clock, requests, sent: () => count };
}

test('a source gets at most one request a second, from any number of sinks', () => {
  const { clock, requests, sent } = open();
  for (let i = 0; i < 10; i++) requests.request();
  assert.equal(sent(), 1);
  clock.advance(999);
  requests.request();
  requests.add({ key: false });
  assert.equal(sent(), 1);
});

test('the request is repeated each second until a key frame comes', () => {
  const { clock, requests, sent } = open();
  requests.request();
  for (let i = 0; i < 25; i++) {
    clock.advance(100);
    requests.add({ key: false });
  }
  assert.equal(sent(), 3);
  requests.add({ key: true });
  clock.advance(5000);
  requests.add({ key: false });
  assert.equal(sent(), 3);
});

test('a request that comes too early is made later, unless a key frame comes first', () => {
  const { clock, requests, sent } = open();
  requests.request();
  requests.add({ key: true });
  requests.request();
  clock.advance(1000);
  requests.add({ key: false });
  assert.equal(sent(), 2);
});

test('a stream asks its publisher while a run or a late sink waits for a key frame, and says where it cannot', () => {
  const track = videoTrack();
  const past = { endUs: 0, hasMedia: false, lastRun: 0, gaps: [] };
  const clock = createManualClock();
  const stream = new Stream({ clock, past });
  assert.equal(stream.sinks.requestKeyFrame(), false);
  let requests = 0;
  const pace = { kind: 'continuous' } as const;
  stream.startRun({ tracks: [track], utcOffsetUs: 0, clock: 'source', pace, requestKeyFrame: () => requests++ });
  const frames = videoFrames({ track, seconds: 8, rate: 25, gopS: 4 });
  const publish = (from: number, to: number) => {
    for (const frame of frames.slice(from, to)) {
      clock.advance(40);
      stream.publish(frame);
    }
  };
  publish(50, 60);
  assert.equal(requests, 1, 'the run began within a GOP');
  publish(100, 150);
  assert.equal(requests, 1);
  const sink: Sink = { startRun() {}, write() {}, flush() {}, endRun() {}, damage() {} };
  stream.sinks.attach(sink, { name: 'late' });
  assert.equal(requests, 1);
  stream.sinks.attach(sink, { name: 'late', fromKeyFrame: true });
  assert.equal(requests, 2);
  stream.offline('stopped');
  assert.equal(stream.sinks.requestKeyFrame(), false);
});
