import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { FakeHls } from './fakes.fixture.ts';
import { minute, settled, setUp, start, windowAt } from './player.fixture.ts';

test('a live stream is played from its live playlist, at its edge', (t) => {
  const { seen, document, playLive } = setUp(t);
  playLive();
  assert.deepEqual(FakeHls.loads, ['/live/cam/index.m3u8']);
  assert.equal(seen.snapshot.mode, 'live');
  assert.equal(seen.snapshot.paused, false);
  assert.equal(document.front, FakeHls.last.video);
});

test('the old picture stays in front until the new one has a frame, and the sound changes with it', async (t) => {
  const { player, document, seen, playLive, arrive, pass } = setUp(t);
  playLive();
  player.controls.setVolume(0.7);
  const old = document.front;
  player.controls.goTo(start - 20 * minute);
  await settled();
  assert.equal(document.front, old);
  assert.equal(seen.snapshot.loading, true);
  assert.equal(seen.snapshot.pictured, true);
  assert.equal(document.back.muted, true);
  FakeHls.last.list(start - 20 * minute, start - 10 * minute, { live: false });
  arrive(0);
  assert.notEqual(document.front, old);
  assert.deepEqual([document.front.muted, document.front.volume, old.muted, old.paused], [false, 0.7, true, true]);
  assert.equal(FakeHls.all[0]!.destroyed, false, 'it stays below the new one until that is drawn');
  pass(300);
  assert.equal(FakeHls.all[0]!.destroyed, true);
  assert.equal(seen.snapshot.mode, 'past');
});

test('a new request during a switch drops what was being prepared', async (t) => {
  const { player, playLive } = setUp(t);
  playLive();
  player.controls.goTo(start - 20 * minute);
  await settled();
  player.controls.goTo(start - 45 * minute);
  await settled();
  assert.equal(FakeHls.all.at(-2)!.destroyed, true);
  assert.equal(FakeHls.loads.at(-1), windowAt(start - 45 * minute));
});

test('a switch that receives nothing for eight seconds is given up; the picture stays', async (t) => {
  const { player, seen, document, playLive, pass } = setUp(t);
  playLive();
  const old = document.front;
  player.controls.goTo(start - 20 * minute);
  await settled();
  pass(6_000);
  FakeHls.last.emit('BUFFER_APPENDED');
  pass(6_000);
  assert.equal(seen.snapshot.note, null, 'something arrived');
  pass(3_000);
  const failure = { code: 'unreachable', status: 0, title: '', hint: '' };
  assert.deepEqual(seen.snapshot.note, { key: 'note.failed', failure });
  assert.equal(seen.snapshot.failure, null, 'nothing covers a picture that plays');
  assert.equal(seen.snapshot.mode, 'live');
  assert.equal(document.front, old);
  assert.deepEqual(
    [document.back, document.front].map((video) => video.hasAttribute('src')),
    [false, true],
    'the browser does not load an address that was given up',
  );
});

test('the player waits for a stream without a signal, and returns to live by itself', (t) => {
  const { player, seen, state } = setUp(t);
  state('waiting');
  player.controls.goLive();
  assert.equal(seen.snapshot.mode, 'offline');
  assert.deepEqual(FakeHls.loads, []);
  state('live');
  assert.deepEqual(FakeHls.loads, ['/live/cam/index.m3u8']);
});

test('a time within the live playlist is a seek on the same buffer, an older one is loaded from its window', async (t) => {
  const { player, seen, document, playLive } = setUp(t);
  playLive();
  player.controls.goTo(start - minute);
  await settled();
  assert.equal(document.front.currentTime, 240);
  assert.equal(seen.snapshot.mode, 'shifted');
  assert.equal(FakeHls.all.length, 1);
  player.controls.goTo(start - 10 * minute);
  await settled();
  assert.equal(FakeHls.loads.at(-1), windowAt(start - 10 * minute));
  assert.equal(seen.snapshot.shownMs, start - 10 * minute, 'the bar moves before the picture');
});

test('a position just before loaded media is reached by a seek further back, and is not ready before', async (t) => {
  const { player, seen, document, playLive } = setUp(t);
  playLive();
  FakeHls.last.list(start - 5 * minute, start, { openMs: 59_950 }); // the next segment begins at 240.05 s
  const { front } = document;
  front.bufferedFrom = 240.05;
  front.seeks = [];
  player.controls.goTo(start - minute);
  await settled();
  assert.deepEqual(front.seeks, [240.05 - 0.15]);
  front.picture(239.88);
  assert.equal(seen.snapshot.shownMs, start - minute, 'a frame on the way does not count');
  front.bufferedFrom = 230;
  front.dispatch('seeked');
  assert.deepEqual(front.seeks, [240.05 - 0.15, 240]);
  front.picture(240);
  assert.equal(seen.snapshot.shownMs, start - minute);
});

test('going live from shifted is a seek on the same buffer', async (t) => {
  const { player, seen, document, playLive } = setUp(t);
  playLive();
  player.controls.goTo(start - minute);
  await settled();
  player.controls.goLive();
  assert.equal(FakeHls.all.length, 1);
  assert.equal(document.front.currentTime, 298);
  assert.equal(seen.snapshot.mode, 'live');
});

test('a request for a gap plays after it with a note, and a step back plays before it', async (t) => {
  const { player, seen, state } = setUp(t);
  state('live');
  player.controls.goTo(start - 30 * minute);
  await settled();
  assert.equal(seen.snapshot.shownMs, start - 25 * minute);
  assert.equal(seen.snapshot.note?.key, 'note.skipped');
  player.controls.goTo(start - 30 * minute, { back: true });
  await settled();
  assert.equal(seen.snapshot.shownMs, start - 35 * minute - 5_000);
  assert.equal(seen.snapshot.note, null);
});

test('a pause persists over a seek', async (t) => {
  const { player, seen, document, playLive, arrive } = setUp(t);
  playLive();
  player.controls.togglePlay();
  player.controls.goTo(start - 20 * minute);
  await settled();
  arrive(0);
  assert.equal(seen.snapshot.paused, true);
  player.controls.togglePlay();
  assert.equal(document.front.paused, false);
});

test('after a short pause the live playlist continues shifted, after a long one the time is loaded from its window', async (t) => {
  const { player, seen, document, playLive, pass } = setUp(t);
  playLive();
  player.controls.goTo(start - minute);
  await settled();
  document.front.picture(240);
  player.controls.togglePlay();
  pass(3_000);
  player.controls.togglePlay();
  assert.equal(seen.snapshot.mode, 'shifted');
  player.controls.togglePlay();
  pass(40_000);
  assert.equal(FakeHls.last.loadingEnabled, false, 'nothing is loaded during the pause');
  const { shownMs } = seen.snapshot;
  player.controls.togglePlay();
  await settled();
  assert.equal(FakeHls.loads.at(-1), windowAt(shownMs!));
});

test('a frame that was not reported before a pause still gets its time', (t) => {
  const { document, seen, pass, playLive } = setUp(t);
  playLive();
  const { front } = document;
  const between = 299.5 + 0.055; // of frames of 40 ms, the next one is shown by now
  front.sound(between);
  front.pause();
  pass(300);
  assert.equal(front.seeks.at(-1), between);
  front.picture(299.54);
  assert.equal(Math.round(seen.snapshot.shownMs!), start - 460);

  const seekCount = front.seeks.length;
  front.play();
  front.picture(299.58);
  front.sound(299.59);
  front.pause();
  pass(300);
  assert.equal(front.seeks.length, seekCount, 'it is the frame that was reported');
});

test('a pause by a headset or a media key counts as a pause by the viewer', (t) => {
  const { document, seen, state, playLive } = setUp(t);
  playLive();
  document.front.pause();
  assert.equal(seen.snapshot.paused, true);
  state('live');
  assert.equal(document.front.paused, true);
});

test('sound continues when the screen of a phone goes off, and a pause on the lock screen stays', (t) => {
  const { document, player, seen, playLive } = setUp(t);
  playLive();
  document.front.muted = false;
  document.hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  document.front.pause(); // by the browser
  assert.equal(document.front.paused, false);
  player.controls.togglePlay();
  assert.equal(document.front.paused, true);
  assert.equal(seen.snapshot.paused, true);
});

test('a playlist that cannot be loaded is reported, and retried after 1, 2, 4 seconds', (t) => {
  const { player, seen, state, pass } = setUp(t);
  state('live');
  player.controls.goLive();
  const problem = { code: 'not-ready', title: 'oxbow is not ready', hint: 'Try again in a moment.' };
  const networkDetails = { responseType: '', responseText: JSON.stringify(problem) };
  for (const [turn, waitMs] of [1_000, 2_000, 4_000].entries()) {
    FakeHls.last.fail({ type: 'networkError', response: { code: 503 }, networkDetails });
    assert.deepEqual(seen.snapshot.failure, { ...problem, status: 503 });
    pass(waitMs - 400);
    assert.equal(FakeHls.loads.length, turn + 1);
    pass(900);
    assert.equal(FakeHls.loads.length, turn + 2);
  }
});

test('recovery from broken media is tried once, then the failure is reported', (t) => {
  const { player, seen, state } = setUp(t);
  state('live');
  player.controls.goLive();
  FakeHls.last.fail({ type: 'mediaError' });
  assert.equal(FakeHls.last.recovered, 1);
  assert.equal(seen.snapshot.failure, null);
  FakeHls.last.fail({ type: 'mediaError' });
  assert.deepEqual(seen.snapshot.failure, { code: 'unplayable', status: 0, title: '', hint: '' });
});

test('a playlist that has ended plays to its end while the next one is loaded', (t) => {
  const { seen, document, playLive, pass, arrive } = setUp(t);
  playLive();
  const old = document.front;
  FakeHls.last.list(start - 5 * minute, start, { live: false });
  pass(300);
  assert.deepEqual(FakeHls.loads, ['/live/cam/index.m3u8', '/live/cam/index.m3u8']);
  assert.equal(document.front, old);
  FakeHls.last.list(start - 5 * minute, start, { live: false });
  pass(300);
  assert.equal(FakeHls.all[1]!.destroyed, true, 'the server still announced the old one');
  pass(1_200);
  FakeHls.last.list(start - minute, start);
  arrive(59);
  assert.notEqual(document.front, old);
  assert.equal(seen.snapshot.mode, 'live');
});

test('a stalled picture is counted, raises the target, and after ten seconds is loaded again', (t) => {
  const { seen, document, playLive, pass } = setUp(t);
  playLive();
  const { targetLatencyS } = seen.snapshot.latency;
  pass(3_000);
  document.front.dispatch('waiting');
  pass(900);
  assert.equal(seen.snapshot.latency.stalls, 1);
  assert.ok(Math.abs(seen.snapshot.latency.targetLatencyS! - targetLatencyS! - 0.2) < 1e-9);
  assert.equal(FakeHls.loads.length, 1);
  pass(11_000);
  assert.equal(FakeHls.loads.length, 2);
});

test('a stream that goes offline leaves its last picture', (t) => {
  const { seen, state, document, playLive, pass } = setUp(t);
  playLive();
  pass(3_000);
  state('waiting');
  document.front.dispatch('waiting');
  pass(900);
  assert.equal(seen.snapshot.mode, 'offline');
  assert.equal(seen.snapshot.pictured, true);
});

test('at the end of a window the next recorded time follows, and after the last one live', async (t) => {
  const { player, seen, document, arrive, state } = setUp(t);
  state('live');
  player.controls.goTo(start - 36 * minute);
  await settled();
  FakeHls.last.list(start - 40 * minute, start - 35 * minute, { live: false });
  arrive(299);
  document.front.dispatch('ended');
  await settled();
  assert.equal(seen.snapshot.shownMs, start - 25 * minute);
});

test('a recording played to its end continues live', async (t) => {
  const { player, document, arrive, state, pass } = setUp(t);
  state('live');
  player.controls.goTo(start - minute);
  await settled();
  FakeHls.last.list(start - 5 * minute, start - 4_000);
  arrive(296);
  document.front.dispatch('waiting');
  pass(300);
  assert.equal(FakeHls.loads.at(-1), '/live/cam/index.m3u8');
});

test('a speed above 1 catches up and then returns to 1; at the edge there is nothing to catch up with', async (t) => {
  const { player, seen, document, playLive, pass } = setUp(t);
  playLive();
  player.controls.setRate(2);
  assert.equal(seen.snapshot.rate, 1);
  player.controls.goTo(start - minute);
  await settled();
  player.controls.setRate(2);
  assert.equal(document.front.playbackRate, 2);
  document.front.picture(240);
  assert.equal(seen.snapshot.mode, 'shifted');
  for (let turn = 0; turn < 8; turn++) document.front.picture(300 + turn * 0.04);
  pass(300);
  assert.equal(seen.snapshot.mode, 'live');
  assert.equal(seen.snapshot.rate, 1);
});

test('a looped range starts again at its end, until a seek', async (t) => {
  const { player, seen, document, playLive } = setUp(t);
  playLive();
  player.controls.setLoop({ fromMs: start - 2 * minute, toMs: start - minute });
  await settled();
  assert.equal(document.front.currentTime, 180);
  document.front.picture(239.99);
  assert.equal(document.front.currentTime, 180);
  player.controls.goLive();
  assert.equal(seen.snapshot.loop, null);
});

test('if the browser forbids sound before the first click, playback starts muted', async (t) => {
  const { player, document, seen, state, arrive } = setUp(t);
  state('live');
  player.controls.toggleMuted();
  for (const video of document.videos) video.refusal = 'NotAllowedError';
  player.controls.goLive();
  document.back.pause();
  arrive(10);
  await settled();
  assert.equal(seen.snapshot.muted, true);
  assert.equal(document.front.paused, false);
});

test('picture in picture moves to the new buffer', async (t) => {
  const { player, document, seen, playLive, arrive } = setUp(t);
  playLive();
  player.controls.togglePicture();
  await settled();
  assert.equal(seen.snapshot.inPicture, true);
  player.controls.goTo(start - 20 * minute);
  await settled();
  arrive(0);
  await settled();
  assert.equal(document.pictureInPictureElement, document.front);
});

test('unmuting restores an audible volume, and volume 0 is muted', (t) => {
  const { player, document } = setUp(t);
  player.controls.setVolume(0);
  assert.equal(document.front.muted, true);
  player.controls.toggleMuted();
  assert.equal(document.front.muted, false);
  assert.equal(document.front.volume, 0.5);
});

test('every buffer keeps the chosen quality', async (t) => {
  const { player, seen, playLive } = setUp(t);
  playLive();
  const levels = [480, 1080].map((height) => ({
    height,
    bitrate: height * 1000,
    name: '',
    uri: `/x/v0-${height}/g7.m3u8`,
  }));
  FakeHls.last.levels = levels;
  FakeHls.last.emit('MANIFEST_PARSED');
  assert.deepEqual(
    seen.snapshot.qualities.map(({ id }) => id),
    ['v0-1080', 'v0-480'],
  );
  player.controls.setQuality('v0-480');
  player.controls.goTo(start - 20 * minute);
  await settled();
  FakeHls.last.levels = levels.map((level) => ({ ...level, uri: level.uri.replace('/g7', '') })).toReversed();
  FakeHls.last.loadLevel = -1;
  FakeHls.last.emit('MANIFEST_PARSED');
  assert.equal(FakeHls.last.loadLevel, 1);
});

test('the viewer is counted with one session for all playlists', async (t) => {
  const { player, playLive } = setUp(t);
  playLive();
  player.controls.goTo(start - 20 * minute);
  await settled();
  const [live, past] = FakeHls.all.map(({ config }) => (config as { cmcd: { sessionId: string } }).cmcd.sessionId);
  assert.ok(live);
  assert.equal(live, past);
});

test('two players on one page do not disturb each other', async (t) => {
  const { player, seen, playLive, arrive, pass, open } = setUp(t);
  playLive();
  const other = open('door');
  other.player.streamChanged({ state: 'live' } as StreamView);
  other.player.controls.goTo(start - 20 * minute);
  await settled();
  assert.equal(FakeHls.loads.at(-1), windowAt(start - 20 * minute).replace('cam', 'door'));
  FakeHls.last.list(start - 20 * minute, start - 10 * minute, { live: false });
  arrive(0);
  other.player.controls.setVolume(0.3);
  other.player.controls.togglePlay();
  pass(600);
  assert.deepEqual([seen.snapshot.mode, seen.snapshot.paused, seen.snapshot.volume], ['live', false, 1]);
  const { mode, paused, volume } = other.seen.snapshot;
  assert.deepEqual([mode, paused, volume], ['past', true, 0.3]);
  const sessions = FakeHls.all.map(({ config }) => (config as { cmcd: { sessionId: string } }).cmcd.sessionId);
  assert.equal(new Set(sessions).size, 2, 'the server counts two viewers');
  player.close();
  pass(600);
  other.player.controls.togglePlay();
  assert.equal(other.seen.snapshot.paused, false);
});

test('a closed player has released everything and reports nothing', (t) => {
  const { player, document, seen, playLive, pass } = setUp(t);
  playLive();
  const last = seen.snapshot;
  player.close();
  pass(1_000);
  assert.equal(seen.snapshot, last);
  assert.deepEqual(document.videos, []);
  assert.equal(FakeHls.last.destroyed, true);
});
