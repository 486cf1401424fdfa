import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeHls } from './fakes.fixture.ts';
import { minute, settled, setUp, start, windowAt } from './player.fixture.ts';

const noServer = { type: 'networkError', response: { code: 0 }, networkDetails: null };

/** The picture at the edge waits for media, as the element reports it. */
function runDry({ document }: Pick<ReturnType<typeof setUp>, 'document'>): void {
  document.front.readyState = 2;
  document.front.dispatch('waiting');
}

test('a window that is refused leaves a note; the picture continues', async (t) => {
  const { player, seen, playLive } = setUp(t);
  playLive();
  player.controls.goTo(start - 20 * minute);
  await settled();
  FakeHls.last.fail({
    type: 'networkError',
    response: { code: 410, text: '{"code":"deleted"}' },
    networkDetails: null,
  });
  assert.equal(seen.snapshot.note?.key, 'note.failed');
  assert.equal(seen.snapshot.failure, null);
  assert.equal(seen.snapshot.loading, false);
  assert.equal(seen.snapshot.mode, 'live');
});

test('a late failure of an old request does not affect the new one', async (t) => {
  const { player, seen, playLive, answers } = setUp(t);
  playLive();
  answers.refuse = true;
  player.controls.goTo(start - 20 * minute);
  player.controls.goLive();
  await settled();
  assert.equal(seen.snapshot.note, null);
  assert.equal(seen.snapshot.failure, null);
});

test('live that cannot be loaded at the start is reported and retried', (t) => {
  const { player, seen, state, pass } = setUp(t);
  state('live');
  player.controls.goLive();
  pass(8_400);
  assert.equal(seen.snapshot.failure?.code, 'unreachable');
  pass(1_500);
  assert.equal(FakeHls.loads.length, 2);
});

test('“go live” that fails is retried as live, not as the past that plays, and the page shows it', async (t) => {
  const { player, seen, state, pass, arrive } = setUp(t);
  state('live');
  player.controls.goTo(start - 20 * minute);
  await settled();
  FakeHls.last.list(start - 20 * minute, start - 10 * minute, { live: false });
  arrive(0);
  player.controls.goLive();
  assert.deepEqual([seen.snapshot.loading, seen.snapshot.tryingLive], [true, false], 'the first try is loading');
  pass(8_400);
  assert.equal(seen.snapshot.tryingLive, true);
  pass(1_600);
  assert.deepEqual(FakeHls.loads.slice(-2), ['/live/cam/index.m3u8', '/live/cam/index.m3u8']);
  assert.equal(seen.snapshot.tryingLive, true);
  FakeHls.last.list(start - 5 * minute, start);
  arrive(299.5);
  assert.equal(seen.snapshot.tryingLive, false);
});

/** A segment of a window that no longer exists. */
const gone = (fromMs: number) => ({
  type: 'networkError',
  details: 'fragLoadError',
  response: { code: 404 },
  networkDetails: null,
  frag: { programDateTime: fromMs, duration: 2 },
});

test('a missing segment is requested twice, the media before it is played, then it is skipped with a note', async (t) => {
  const { player, seen, document, state, pass, arrive } = setUp(t);
  state('live');
  player.controls.goTo(start - 20 * minute);
  await settled();
  const openWindow = () => FakeHls.last.list(start - 20 * minute, start - 10 * minute, { live: false });
  openWindow();
  arrive(0);
  const pieceMs = start - 20 * minute + 8_000;
  FakeHls.last.fail(gone(pieceMs));
  pass(300);
  assert.equal(FakeHls.loads.length, 2, 'once more');
  openWindow();
  arrive(1);
  FakeHls.last.fail(gone(pieceMs));
  pass(3_000);
  assert.equal(FakeHls.loads.length, 2);
  assert.equal(seen.snapshot.note, null);
  document.front.picture(7.96);
  document.front.readyState = 2;
  document.front.dispatch('waiting');
  pass(300);
  await settled();
  assert.equal(FakeHls.loads.length, 3);
  assert.equal(seen.snapshot.shownMs, pieceMs + 2_002);
  assert.deepEqual(seen.snapshot.note, { key: 'note.missing', toMs: pieceMs + 2_000 });
});

test('a requested time whose own segment is missing is skipped at once', async (t) => {
  const { player, seen, state } = setUp(t);
  state('live');
  player.controls.goTo(start - 20 * minute);
  await settled();
  FakeHls.last.fail(gone(start - 20 * minute));
  await settled();
  assert.equal(seen.snapshot.shownMs, start - 20 * minute + 2_002);
  assert.equal(seen.snapshot.note?.key, 'note.missing');
});

test('“try again” requests the time that was refused, whatever was played before', async (t) => {
  const { player, seen, answers, playLive } = setUp(t);
  answers.refuse = true;
  player.controls.goTo(start - 20 * minute);
  await settled();
  assert.equal(seen.snapshot.failure?.code, 'unreachable');
  player.controls.again();
  await settled();
  assert.equal(seen.snapshot.failure?.code, 'unreachable', 'still down');
  answers.refuse = false;
  player.controls.again();
  await settled();
  assert.equal(FakeHls.loads.at(-1), windowAt(start - 20 * minute));
  playLive();
  player.controls.again();
  assert.equal(seen.snapshot.mode, 'live');
});

test('a window that is lost is retried until the server is back', async (t) => {
  const { player, seen, state, pass, arrive } = setUp(t);
  state('live');
  player.controls.goTo(start - 20 * minute);
  await settled();
  FakeHls.last.list(start - 20 * minute, start - 10 * minute, { live: false });
  arrive(0);
  for (let turn = 0; turn < 4; turn++) {
    FakeHls.last.fail(noServer);
    pass(9_000);
  }
  assert.equal(FakeHls.loads.length, 5);
  assert.equal(seen.snapshot.failure, null, 'the last picture stays');
});

test('a loss that falls due during a pause is retried when playback resumes', (t) => {
  const { player, pass, playLive } = setUp(t);
  playLive();
  player.controls.togglePlay();
  FakeHls.last.fail(noServer);
  pass(5_000);
  player.controls.togglePlay();
  pass(300);
  assert.equal(FakeHls.loads.length, 2);
});

test('a headset that pauses can also resume', (t) => {
  const { document, seen, playLive, pass } = setUp(t);
  playLive();
  document.front.pause();
  pass(3_000);
  document.front.play();
  pass(40_000);
  assert.equal(seen.snapshot.paused, false);
  assert.equal(FakeHls.last.loadingEnabled, true, 'what plays is loaded');
});

test('after a stall the player seeks as soon as there is media, and counts one stall', (t) => {
  const set = setUp(t);
  const { document, seen, playLive, pass } = set;
  playLive();
  pass(3_000);
  document.front.bufferedTo = 299.5;
  runDry(set);
  const seeks = document.front.seeks.length;
  pass(1_200);
  assert.equal(document.front.seeks.length, seeks, 'there is no media to continue with');
  FakeHls.last.list(start - 5 * minute, start + 4_200);
  document.front.bufferedTo = 303;
  pass(1_200);
  assert.equal(document.front.seeks.length, seeks + 1);
  document.front.picture(302.4);
  pass(300);
  assert.equal(seen.snapshot.latency.stalls, 1);
});

test('waiting at the end of a stream is not a stall', (t) => {
  const set = setUp(t);
  const { seen, state, arrive, playLive, pass } = set;
  playLive();
  const { targetLatencyS } = seen.snapshot.latency;
  pass(3_000);
  runDry(set);
  pass(900);
  assert.equal(seen.snapshot.latency.stalls, 1);
  state('waiting');
  pass(600);
  assert.equal(seen.snapshot.latency.stalls, 0);
  assert.equal(seen.snapshot.mode, 'offline');
  state('live');
  assert.equal(FakeHls.loads.length, 2);
  FakeHls.last.list(start - minute, start + 4_500);
  arrive(64);
  assert.equal(seen.snapshot.latency.targetLatencyS, targetLatencyS);
});

for (const [name, stand] of [
  ['a page that was blocked', { steady: 4_000, wall: 0 }],
  ['a machine that slept', { steady: 0, wall: 600_000 }],
] as const) {
  test(`waiting after ${name} is not a stall`, (t) => {
    const set = setUp(t);
    const { seen, clock, playLive, pass } = set;
    playLive();
    pass(3_000);
    clock.ms += stand.steady;
    clock.wallMs += stand.wall;
    runDry(set);
    pass(1_500);
    assert.equal(seen.snapshot.latency.stalls, 0);
  });
}

test('a hidden tab counts no stalls', (t) => {
  const set = setUp(t);
  const { document, seen, playLive, pass } = set;
  playLive();
  pass(3_000);
  document.hidden = true;
  runDry(set);
  pass(3_000);
  assert.equal(seen.snapshot.latency.stalls, 0);
});

test('audio alone has a running time, and its stalls are counted', (t) => {
  const set = setUp(t);
  const { document, seen, playLive, pass } = set;
  for (const video of document.videos) video.videoWidth = 0;
  playLive();
  document.front.sound(299.7);
  pass(300);
  assert.equal(seen.snapshot.shownMs, start - 300);
  pass(3_000);
  runDry(set);
  pass(900);
  assert.equal(seen.snapshot.latency.stalls, 1);
  document.front.sound(299.9);
  pass(300);
  assert.equal(seen.snapshot.shownMs, start - 100);
});

test('a still picture with running sound has a running time', (t) => {
  const { document, seen, playLive, pass } = setUp(t);
  playLive();
  document.front.sound(299.9);
  pass(300);
  assert.equal(seen.snapshot.shownMs, start - 500, 'the next frame may still be reported');
  document.front.sound(301.5);
  pass(300);
  assert.equal(seen.snapshot.shownMs, start + 1_500);
});

test('at half speed, a time that leaves the live playlist continues from its window', async (t) => {
  const { player, document, playLive, pass } = setUp(t);
  playLive();
  player.controls.goTo(start - 4 * minute);
  await settled();
  player.controls.setRate(0.5);
  document.front.picture(60);
  FakeHls.last.list(start - 5 * minute, start + minute, { fragmentStart: 59 });
  pass(300);
  await settled();
  assert.equal(FakeHls.loads.at(-1), windowAt(start - 4 * minute));
});

test('at the end of a recording of an offline stream the page shows that it is offline', async (t) => {
  const set = setUp(t);
  const { player, document, seen, arrive, state, pass } = set;
  state('waiting');
  player.controls.goTo(start - minute);
  await settled();
  FakeHls.last.list(start - 5 * minute, start - 4_000);
  arrive(296);
  runDry(set);
  pass(300);
  assert.equal(seen.snapshot.mode, 'offline');
  assert.equal(document.front.paused, true);
});

test('the next window at the end of a list is not requested with every tick', async (t) => {
  const set = setUp(t);
  const { player, arrive, state, pass, answers } = set;
  state('live');
  player.controls.goTo(start - 40 * minute);
  await settled();
  FakeHls.last.list(start - 40 * minute, start - 35 * minute, { live: false });
  arrive(300);
  answers.requested = 0;
  runDry(set);
  pass(3_000);
  await settled();
  assert.ok(answers.requested <= 1, `${answers.requested} questions`);
});

test('a source whose clock is set back by an hour is still live at its edge', (t) => {
  const { document, seen, playLive, pass } = setUp(t);
  playLive();
  pass(3_000);
  assert.equal(seen.snapshot.atEdge, true);
  FakeHls.last.list(start - 65 * minute, start - 60 * minute);
  for (let turn = 0; turn < 8; turn++) document.front.picture(299.5 + turn * 0.04);
  pass(300);
  assert.equal(seen.snapshot.atEdge, true);
});

test('a viewer one minute behind live stays there when the list is lost, or goes live if that time is not recorded', async (t) => {
  const { player, seen, document, playLive, pass } = setUp(t);
  playLive();
  player.controls.goTo(start - minute);
  await settled();
  document.front.picture(240);
  FakeHls.last.fail(noServer);
  pass(300);
  assert.equal(FakeHls.loads.at(-1), windowAt(start - minute));
  FakeHls.last.fail({ type: 'networkError', response: { code: 404 }, networkDetails: null });
  pass(2_400);
  assert.equal(FakeHls.loads.at(-1), '/live/cam/index.m3u8');
  assert.equal(seen.snapshot.failure, null);
});
