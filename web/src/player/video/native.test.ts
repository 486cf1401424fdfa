import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StreamView } from '../../../../src/api/shapes.ts';
import { idle, type MediaState } from '../../media/state.ts';
import { FakeDocument, FakeVideo, fakeSurface } from '../fakes.fixture.ts';
import { NativePlayer } from './native.ts';

const mark = 1_795_160_400_000; // a ten-minute mark
const date = (second: number) => new Date(mark + second * 1000).toISOString();
const settled = () => new Promise(setImmediate);

/** A player on a stream whose window at `mark` has two segments with a hole of a minute between them. */
function setUp(t: TestContext) {
  const page = globalThis as { location?: { href: string } };
  page.location = { href: 'http://host/watch/cam' };
  const document = new FakeDocument();
  const seen = { snapshot: idle as MediaState };
  const moment = (atMs: number) => ({ atMs });
  const player = new NativePlayer({
    surface: fakeSurface(document),
    stream: 'cam',
    now: () => mark + 3_600_000,
    recorded: {
      known: moment,
      knownBefore: moment,
      find: async (at) => moment(at),
      findBefore: async (at) => moment(at),
    },
    load: async (url) => {
      if (url.endsWith('index.m3u8')) return '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nav0.m3u8\n';
      const segment = (second: number) => `#EXT-X-PROGRAM-DATE-TIME:${date(second)}\n#EXTINF:10,\n${second}.m4s\n`;
      return `#EXTM3U\n${segment(0)}#EXT-X-DISCONTINUITY\n${segment(70)}#EXT-X-ENDLIST\n`;
    },
    onChange: (snapshot) => {
      seen.snapshot = snapshot;
    },
  });
  t.after(() => {
    player.close();
    delete page.location;
  });
  return {
    player,
    seen,
    video: document.videos[0]!,
    state: (name: string) => player.streamChanged({ state: name } as StreamView),
  };
}

test('live plays the live playlist, and only if the stream is live', (t) => {
  const { player, seen, video, state } = setUp(t);
  player.controls.goLive();
  assert.equal(seen.snapshot.mode, 'offline');
  state('live');
  assert.equal(video.src, '/live/cam/index.m3u8');
  assert.equal(seen.snapshot.mode, 'live');
});

test('a requested time plays from its window, and its UTC includes the hole that the playlist leaves out', async (t) => {
  const { player, seen, video } = setUp(t);
  player.controls.goTo(mark + 72_000);
  await settled();
  assert.equal(video.src, `http://host/vod/cam/${mark / 1000}/${mark / 1000 + 600}/index.m3u8`);
  assert.equal(video.currentTime, 12);
  video.readyState = 4;
  video.dispatch('seeked');
  assert.equal(seen.snapshot.mode, 'past');
  assert.equal(seen.snapshot.shownMs, mark + 72_000);
});

test('at the end of a window the next one follows', async (t) => {
  const { player, video } = setUp(t);
  player.controls.goTo(mark + 1_000);
  await settled();
  video.dispatch('ended');
  await settled();
  assert.equal(video.src, `http://host/vod/cam/${mark / 1000 + 600}/${mark / 1000 + 1200}/index.m3u8`);
});

test('where the browser says which time it shows, a room keeps it in step: live by the date, windows by their playlist', async (t) => {
  const safari = FakeVideo.prototype as unknown as { getStartDate?: () => Date };
  safari.getStartDate = () => new Date(mark + 3_540_000); // a minute before now
  t.after(() => delete safari.getStartDate);
  const { player, video, state } = setUp(t);
  const target = player.target!;
  state('live');
  assert.equal(target.follow(mark + 3_597_000, true, 1), true);
  assert.equal(video.src, '/live/cam/index.m3u8');
  Object.assign(video, { readyState: 4, seekable: { length: 1, start: () => 40, end: () => 59 }, videoWidth: 0 });
  Object.assign(video, { bufferedFrom: 50, bufferedTo: 59 });
  assert.equal(target.isBuffered(mark + 3_597_000), true);
  assert.equal(target.follow(mark + 3_597_000, true, 1), true);
  assert.equal(video.currentTime, 57);
  assert.equal(target.frames.at(-1)!.positionMs, mark + 3_597_000);
  assert.equal(target.follow(mark + 3_599_500, true, 1), false, 'its media is not there yet');
  assert.equal(target.follow(mark + 72_000, false, 1), true);
  assert.equal(target.busy, true);
  await settled();
  assert.deepEqual([video.currentTime, video.paused, target.busy], [12, true, false]);
  assert.equal(target.frames.at(-1)!.positionMs, mark + 72_000);
});

test('in a room it goes as near to live as the browser allows, and stays there', (t) => {
  const safari = FakeVideo.prototype as unknown as { getStartDate?: () => Date };
  safari.getStartDate = () => new Date(mark + 3_540_000);
  t.after(() => delete safari.getStartDate);
  const { player, video, state } = setUp(t);
  const target = player.target!;
  state('live');
  target.follow(mark + 3_597_000, true, 1);
  Object.assign(video, { readyState: 4, seekable: { length: 1, start: () => 0, end: () => 54 }, currentTime: 20 });
  assert.equal(target.follow(mark + 3_597_000, true, 1), true);
  assert.equal(video.currentTime, 54);
  assert.equal(target.follow(mark + 3_597_000, true, 1), false);
});

test('a window plays from the requested time, also in a browser that forgets it while it loads', async (t) => {
  const { player, video } = setUp(t);
  player.controls.goTo(mark + 72_000);
  await settled();
  video.currentTime = 0;
  video.dispatch('loadedmetadata');
  assert.equal(video.currentTime, 12);
  video.currentTime = 15;
  video.dispatch('loadedmetadata');
  assert.equal(video.currentTime, 15, 'only once');
});

test('where the browser does not, a room cannot', (t) => {
  assert.equal(setUp(t).player.target, null);
});

test('media that the browser cannot play is reported', async (t) => {
  const { player, seen, video } = setUp(t);
  player.controls.goTo(mark + 1_000);
  await settled();
  video.dispatch('error');
  assert.deepEqual(seen.snapshot.failure, { code: 'unplayable', status: 0, title: '', hint: '' });
});

test('after an error of a shifted playlist, going live loads it again', (t) => {
  const { player, seen, video, state } = setUp(t);
  state('live');
  player.controls.goLive();
  video.picture(10);
  player.controls.togglePlay();
  assert.equal(seen.snapshot.mode, 'shifted');
  video.error = {};
  video.dispatch('error');
  assert.equal(seen.snapshot.failure?.code, 'unplayable');
  video.src = '';
  player.controls.goLive();
  assert.equal(video.src, '/live/cam/index.m3u8');
  assert.equal(seen.snapshot.failure, null);
});
