import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeHls } from './fakes.fixture.ts';
import { minute, settled, setUp, start, windowAt } from './player.fixture.ts';

test('near now a room plays from the live list, which begins at the position of the room', (t) => {
  const { player, state } = setUp(t);
  state('live');
  player.target.follow(start - 5_000, true, 1);
  assert.deepEqual(FakeHls.loads, ['/live/cam/index.m3u8']);
  assert.equal((FakeHls.last.config as { liveSyncDuration?: number }).liveSyncDuration, 5);
  assert.equal(player.target.busy, true);
});

test('a position in the list is a seek, an older one is loaded from its window', async (t) => {
  const { player, playLive, document, seen } = setUp(t);
  playLive();
  player.target.follow(start - 2 * minute, true, 1);
  assert.deepEqual(document.front.seeks, [180]);
  assert.equal(FakeHls.all.length, 1);
  player.target.follow(start - 20 * minute, true, 1);
  await settled();
  assert.equal(FakeHls.loads.at(-1), windowAt(start - 20 * minute));
  FakeHls.last.list(start - 25 * minute, start - 15 * minute, { live: false });
  FakeHls.last.video!.picture(300);
  assert.equal(seen.snapshot.mode, 'past');
  assert.equal(player.target.busy, false);
});

test('a position in the parts of the segment that is not complete yet is in the list', (t) => {
  const { player, playLive, document } = setUp(t);
  playLive();
  FakeHls.last.list(start - 5 * minute, start + 1_800, { openMs: 1_800 });
  document.front.bufferedTo = 301.8;
  assert.equal(player.target.isBuffered(start + 300), true);
  assert.equal(player.target.follow(start + 300, true, 1), true);
  assert.deepEqual(document.front.seeks, [300.3]);
});

test('a position after the end of the live list is waited for', (t) => {
  const { player, playLive, document } = setUp(t);
  playLive();
  player.target.follow(start + 5_000, true, 1);
  assert.deepEqual(document.front.seeks, []);
  assert.equal(FakeHls.all.length, 1);
});

test('a live list that ends long before the room was no longer loaded: it is loaded again, and the picture stays', (t) => {
  const { player, playLive, document } = setUp(t);
  playLive();
  assert.equal(player.target.follow(start + 30_000, true, 1), true);
  assert.deepEqual(document.front.seeks, []);
  assert.deepEqual(FakeHls.loads, ['/live/cam/index.m3u8', '/live/cam/index.m3u8']);
});

test('in a room the player neither follows the live edge nor starts and pauses by itself', (t) => {
  const { player, playLive, document, pass, seen } = setUp(t);
  playLive();
  const { front } = document;
  player.target.follow(null, true, 1);
  pass(20_000); // far behind the edge
  assert.deepEqual(front.seeks, []);
  assert.equal(front.playbackRate, 1);
  front.pause(); // a key of a headset
  assert.equal(seen.snapshot.paused, true);
  player.target.follow(null, true, 1);
  assert.equal(front.paused, false);
  player.target.follow(null, false, 1);
  void front.play();
  assert.equal(player.target.paused, false, 'the next step of the room pauses it');
  player.target.follow(null, false, 1);
  assert.equal(front.paused, true);
});

test('a correction is a factor of the speed of the room, in whole percents', (t) => {
  const { player, playLive, document, seen } = setUp(t);
  playLive();
  player.target.follow(null, true, 1.5);
  assert.equal(document.front.playbackRate, 1.5);
  player.target.correct(1.03);
  assert.equal(document.front.playbackRate, 1.55);
  assert.equal(seen.snapshot.rate, 1.5, 'corrections are not shown');
});

test('frames are those since the last seek, with their programme time', (t) => {
  const { player, playLive, document, pass } = setUp(t);
  playLive();
  pass(300);
  document.front.picture(299.8);
  assert.deepEqual(player.target.frames.at(-1), { atMs: 300, positionMs: start - 200 });
  player.target.follow(start - minute, true, 1);
  assert.deepEqual(player.target.frames, []);
});

test('the media at a position is in the browser, or it is not', (t) => {
  const { player, playLive, document } = setUp(t);
  playLive();
  document.front.bufferedFrom = 200;
  assert.equal(player.target.isBuffered(start - 50_000), true);
  assert.equal(player.target.isBuffered(start - 2 * minute), false);
  assert.equal(player.target.isBuffered(start - 20 * minute), false);
});

test('a list that has just begun is played, not a window that does not have its last seconds yet', async (t) => {
  const { player, state, document } = setUp(t);
  state('live');
  player.target.follow(start - 1_500, true, 1);
  FakeHls.last.list(start - 4_000, start);
  FakeHls.last.video!.picture(2);
  player.target.follow(start - 1_200, true, 1);
  await settled();
  player.target.follow(start - 3_900, true, 1); // a list keeps three target durations
  await settled();
  assert.equal(FakeHls.all.length, 1);
  assert.deepEqual(document.front.seeks, [2.8, 0.1]);
});

test('a room that catches up with live leaves the window', async (t) => {
  const { player, state, document } = setUp(t);
  state('live');
  player.target.follow(start - 20 * minute, true, 1.5);
  await settled();
  FakeHls.last.list(start - 20 * minute, start, { live: false });
  FakeHls.last.video!.picture(10);
  assert.equal(document.front.paused, false);
  player.target.follow(start - 1_500, true, 1);
  assert.equal(FakeHls.loads.at(-1), '/live/cam/index.m3u8');
});
