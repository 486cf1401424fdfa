import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idle, type MediaState } from '../media/state.ts';
import {
  buffered,
  currentTime,
  liveEdgeStart,
  type MediaView,
  mediaEvents,
  Ranges,
  readyState,
  seekable,
  seekTargetMs,
} from './facade.ts';

const originMs = 1_795_160_000_000;
const nowMs = originMs + 3_600_000;

function view(player: Partial<MediaState> = {}, more: Partial<MediaView> = {}): MediaView {
  return { player: { ...idle, ...player }, originMs, nowMs, seeking: false, ...more };
}

test('time starts at the oldest recorded second when the player is opened', () => {
  assert.equal(currentTime(view({ shownMs: originMs + 90_500 })), 90.5);
  assert.equal(currentTime(view()), 0);
  assert.equal(currentTime(view({ shownMs: originMs }, { originMs: null })), 0);
});

test('the seekable range is from the oldest kept time to now, and moves with both', () => {
  const whole = seekable(view(), originMs);
  assert.deepEqual([whole.length, whole.start(0), whole.end(0)], [1, 0, 3_600]);
  assert.equal(seekable(view(), originMs + 60_000).start(0), 60);
  assert.equal(seekable(view({}, { originMs: null }), null).length, 0);
  assert.throws(() => new Ranges().end(0), RangeError);
});

test('the picture is live only at the edge, whatever the latency of the edge', () => {
  const atEdge = view({ shownMs: nowMs - 6_500, atEdge: true });
  assert.ok(currentTime(atEdge) >= liveEdgeStart(atEdge));
  const behind = view({ shownMs: nowMs - 2_000, atEdge: false });
  assert.ok(currentTime(behind) < liveEdgeStart(behind));
});

test('a seek to the end of the seekable range goes live, any other to that time', () => {
  assert.equal(seekTargetMs(3_600, view()), null);
  assert.equal(seekTargetMs(9_999, view()), null);
  assert.equal(seekTargetMs(Number.POSITIVE_INFINITY, view()), null);
  assert.equal(seekTargetMs(60, view()), originMs + 60_000);
});

test('playback begins with its first picture: play, then playing', () => {
  const steps = [
    view(),
    view({ paused: false, loading: true }),
    view({ paused: false, pictured: true, shownMs: nowMs - 1_000 }),
  ];
  assert.deepEqual(mediaEvents(steps[0]!, steps[1]!), ['play', 'waiting']);
  assert.deepEqual(mediaEvents(steps[1]!, steps[2]!), ['playing', 'timeupdate']);
});

test('a seek ends with seeked, and playing if it continues', () => {
  const from = view({ paused: false, pictured: true, loading: true, shownMs: originMs }, { seeking: true });
  const to = view({ paused: false, pictured: true, shownMs: originMs + 40 });
  assert.deepEqual(mediaEvents(from, to), ['seeked', 'playing', 'timeupdate']);
});

test('the first response about the stream is loadedmetadata', () => {
  assert.deepEqual(mediaEvents(view({}, { originMs: null }), view()), [
    'durationchange',
    'loadedmetadata',
    'streamtypechange',
    'targetlivewindowchange',
  ]);
});

test('sound, speed, pause and failure are reported once, and nothing without a change', () => {
  assert.deepEqual(mediaEvents(view(), view({ volume: 0.5 })), ['volumechange']);
  assert.deepEqual(mediaEvents(view(), view({ rate: 2 })), ['ratechange']);
  assert.deepEqual(mediaEvents(view({ paused: false }), view()), ['pause']);
  const failure = { code: 'gone', status: 410, title: '', hint: '' };
  assert.deepEqual(mediaEvents(view(), view({ failure })), ['error']);
  assert.deepEqual(mediaEvents(view({ failure }), view({ failure })), []);
  assert.deepEqual(mediaEvents(view(), view({}, { nowMs: nowMs + 1_000 })), ['progress']);
});

test('the buffered range is ahead of the picture, and determines readyState', () => {
  const shown = view({ shownMs: originMs + 10_000, pictured: true, latency: { ...idle.latency, bufferS: 2 } });
  assert.deepEqual([buffered(shown).start(0), buffered(shown).end(0)], [10, 12]);
  assert.equal(buffered(view()).length, 0);
  assert.deepEqual([readyState(shown), readyState(view()), readyState(view({}, { originMs: null }))], [4, 1, 0]);
});
