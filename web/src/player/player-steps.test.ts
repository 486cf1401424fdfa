import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeHls } from './fakes.fixture.ts';
import { minute, settled, setUp, start } from './player.fixture.ts';

test('a frame step during a switch is made on the new buffer, from its first picture', async (t) => {
  const { player, seen, document, playLive, arrive } = setUp(t);
  playLive();
  const old = document.front;
  player.controls.goTo(start - 20 * minute);
  await settled();
  FakeHls.last.list(start - 20 * minute, start - 10 * minute, { live: false });
  player.controls.stepFrame(1);
  assert.equal(seen.snapshot.paused, true);
  arrive(2);
  assert.notEqual(document.front, old);
  assert.equal(document.front.paused, true);
  assert.equal(document.front.seeks.at(-1), 2.06, 'the middle of the next frame');
  document.front.picture(2.04);
  assert.equal(seen.snapshot.shownMs, start - 20 * minute + 2_040);
  assert.equal(old.seeks.length, 0);
});

test('a frame step before the first picture does nothing', (t) => {
  const { player, seen, document, state, arrive } = setUp(t);
  state('live');
  player.controls.goLive();
  player.controls.stepFrame(1);
  FakeHls.last.list(start - 5 * minute, start);
  FakeHls.last.video!.bufferedTo = 300;
  arrive(299.5);
  assert.equal(seen.snapshot.paused, false);
  assert.equal(document.front.paused, false);
});

test('a step is one frame, also after the page was too busy to see some', (t) => {
  const { player, document, pass, playLive } = setUp(t);
  playLive();
  const { front } = document;
  front.picture(299.54);
  front.sound(300.77); // more than a second without a reported frame
  pass(300);
  front.picture(300.78);
  front.pause();
  player.controls.stepFrame(1);
  assert.equal(front.seeks.at(-1)!.toFixed(3), '300.840', 'the middle of the next frame');
});

test('a step back into the segment that was joined at a later Part has the whole segment loaded', async (t) => {
  const { player, document, state, arrive } = setUp(t);
  state('live');
  player.controls.goLive();
  const hls = FakeHls.last;
  hls.list(start - 5 * minute, start, { openMs: 10_000 });
  Object.assign(hls.video!, { bufferedFrom: 295, bufferedTo: 300 });
  arrive(299.5);
  player.controls.togglePlay();
  player.controls.goTo(start - 7_000);
  await settled();
  assert.deepEqual(hls.flushed, [{ startOffset: 290, endOffset: 299.95 }]);
  assert.equal(document.front.seeks.at(-1), 293);
  document.front.picture(295);
  player.controls.stepFrame(-1);
  assert.equal(hls.flushed.length, 2, 'also for a frame just before what is loaded');
  assert.equal(document.front.seeks.at(-1), 294.98);
});
