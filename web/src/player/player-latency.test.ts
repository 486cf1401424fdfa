import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeHls } from './fakes.fixture.ts';
import { minute, setUp, start } from './player.fixture.ts';

/** Plays live for `seconds`: Parts of 200 ms that are in the buffer as soon as they are listed. */
function follow({ pass, clock, document }: ReturnType<typeof setUp>, seconds: number): void {
  const hls = FakeHls.last;
  for (let part = 0; part < seconds * 5; part++) {
    pass(200);
    hls.list(start - 5 * minute, start + clock.ms);
    document.front.bufferedTo = 300 + clock.ms / 1000;
    hls.emit('BUFFER_APPENDED');
    document.front.picture(document.front.bufferedTo - 0.45);
  }
}

test('the target falls to what the arrivals of the Parts need', (t) => {
  const made = setUp(t);
  made.playLive();
  follow(made, 5);
  assert.equal(made.seen.snapshot.latency.targetLatencyS, 0.5);
  follow(made, 20);
  const targetS = made.seen.snapshot.latency.targetLatencyS!;
  assert.ok(targetS > 0.33 && targetS < 0.38, `${targetS} s`);
});

test('media that arrives while the page is hidden says nothing about the network', (t) => {
  const made = setUp(t);
  made.playLive();
  made.document.hidden = true;
  follow(made, 20);
  assert.equal(made.seen.snapshot.latency.targetLatencyS, 0.5);
});

test('a picture that waits with enough media ahead raises the target', (t) => {
  const made = setUp(t);
  made.playLive();
  follow(made, 25);
  const lowS = made.seen.snapshot.latency.targetLatencyS!;
  made.document.front.dispatch('waiting');
  follow(made, 1);
  assert.ok(Math.abs(made.seen.snapshot.latency.targetLatencyS! - lowS - 0.05) < 1e-6);
});

test('the filling of the buffer after a seek is not late', (t) => {
  const made = setUp(t);
  made.playLive();
  follow(made, 25);
  const lowS = made.seen.snapshot.latency.targetLatencyS!;
  const { front } = made.document;
  for (let turn = 0; turn < 3; turn++) {
    made.player.controls.goTo(start + made.clock.ms - 20_000);
    front.picture(front.currentTime);
    made.player.controls.goLive();
    front.picture(front.currentTime);
    for (const behindS of [4, 3, 2, 1]) {
      front.bufferedTo = 300 + made.clock.ms / 1000 - behindS;
      FakeHls.last.emit('BUFFER_APPENDED');
    }
    follow(made, 4);
  }
  assert.ok(made.seen.snapshot.latency.targetLatencyS! <= lowS + 0.001);
});
