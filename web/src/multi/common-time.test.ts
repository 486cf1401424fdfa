import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommonTime } from './common-time.ts';

function open() {
  const clock = { nowMs: 1_795_160_000_000 };
  return { clock, time: new CommonTime(() => clock.nowMs) };
}

test('live is a constant distance from now', () => {
  const { clock, time } = open();
  time.goLive();
  clock.nowMs += 300;
  const behindMs = clock.nowMs - time.atMs;
  clock.nowMs += 60_000;
  assert.equal(clock.nowMs - time.atMs, behindMs);
  assert.equal(time.state.live, true);
});

test('the past plays from the requested time, and a time that is not recorded yet is live', () => {
  const { clock, time } = open();
  time.goTo(clock.nowMs - 3_600_000);
  clock.nowMs += 1_300;
  assert.equal(time.atMs, clock.nowMs - 1_300 - 3_600_000 + 1_000);
  time.goTo(clock.nowMs + 5_000);
  assert.equal(time.state.live, true);
});

test('a pause keeps the time, and playing continues from it', () => {
  const { clock, time } = open();
  time.goTo(clock.nowMs - 60_000);
  clock.nowMs += 10_000;
  const atMs = time.atMs;
  time.toggle();
  clock.nowMs += 10_000;
  assert.equal(time.atMs, atMs);
  time.goTo(atMs - 5_000);
  assert.equal(time.state.playing, false, 'a seek does not start it');
  time.toggle();
  assert.equal(time.state.playing, true);
  assert.equal(time.atMs, atMs - 5_000);
});

test('a link waits at its time until the first picture, and not much longer for the others', () => {
  const { clock, time } = open();
  const atMs = clock.nowMs - 60_000;
  time.open(atMs);
  clock.nowMs += 30_000;
  time.picturesCame(0, 4);
  assert.deepEqual([time.atMs, time.isOpening], [atMs, true]);
  time.picturesCame(1, 4);
  clock.nowMs += 4_000;
  time.picturesCame(3, 4);
  assert.equal(time.isOpening, true);
  clock.nowMs += 1_000;
  time.picturesCame(3, 4);
  clock.nowMs += 1_300;
  assert.deepEqual([time.atMs, time.isOpening, time.state.playing], [atMs + 1_000, false, true]);
  time.open(atMs);
  time.picturesCame(4, 4);
  assert.equal(time.state.playing, true, 'all are there');
});

test('while a link opens, a pause is kept, and a seek plays', () => {
  const { clock, time } = open();
  const atMs = clock.nowMs - 60_000;
  time.open(atMs);
  time.toggle();
  time.picturesCame(4, 4);
  assert.deepEqual([time.state.playing, time.atMs], [false, atMs]);
  time.open(atMs);
  time.goTo(atMs - 5_000);
  assert.equal(time.state.playing, true);
  time.open(clock.nowMs + 5_000);
  assert.deepEqual([time.state.live, time.isOpening], [true, false]);
});

test('tiles that lack media for a while move everyone away from now, up to a limit', () => {
  const { clock, time } = open();
  time.goLive();
  clock.nowMs += 300;
  const beforeMs = clock.nowMs - time.atMs;
  time.step(true);
  clock.nowMs += 7_000;
  time.step(true);
  assert.equal(clock.nowMs - time.atMs, beforeMs, 'tiles load first');
  clock.nowMs += 2_000;
  time.step(true);
  clock.nowMs += 1_000;
  time.step(false);
  assert.equal(clock.nowMs - time.atMs, beforeMs, 'a short wait changes nothing');
  for (let second = 0; second < 300; second++) {
    clock.nowMs += 1_000;
    time.step(true);
  }
  clock.nowMs += 300;
  assert.equal(clock.nowMs - time.atMs, 30_000);
});

test('the past is not moved by tiles that lack media', () => {
  const { clock, time } = open();
  time.goTo(clock.nowMs - 60_000);
  const { state } = time;
  time.step(true);
  clock.nowMs += 60_000;
  time.step(true);
  assert.equal(time.state, state);
});

test('the distance that grew becomes smaller again after a minute without a lack, in steps below a seek', () => {
  const { clock, time } = open();
  time.goLive();
  const pass = (seconds: number, lacks: boolean) => {
    for (let quarter = 0; quarter < 4 * seconds; quarter++) {
      clock.nowMs += 250;
      time.step(lacks);
    }
    return clock.nowMs - time.atMs;
  };
  assert.equal(pass(9, false), 4_000);
  assert.equal(pass(12, true), 6_000);
  assert.equal(pass(55, false), 6_000, 'not within a minute');
  const { state } = time;
  assert.ok(pass(10, false) < 6_000);
  assert.ok(time.state.rev > state.rev);
  assert.equal(time.state.anchorServer, state.anchorServer, 'frames of before still count');
  assert.equal(pass(120, false), 4_000);
  assert.equal(pass(600, false), 4_000, 'not below the first distance');
});

test('a distance that was too small is tried again after twice the time', () => {
  const { clock, time } = open();
  time.goLive();
  const pass = (seconds: number, lacks: boolean) => {
    for (let quarter = 0; quarter < 4 * seconds; quarter++) {
      clock.nowMs += 250;
      time.step(lacks);
    }
    return clock.nowMs - time.atMs;
  };
  pass(22, true); // twice too near
  const behindMs = pass(100, false);
  assert.equal(behindMs, 8_000);
  assert.ok(pass(30, false) < behindMs);
});
