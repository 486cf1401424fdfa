import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulation, stateAt } from './sync.fixture.ts';

const worst = (late: readonly number[]) => Math.max(...late.map(Math.abs));

/** A room that has been in step for ten seconds. */
function inStep(): Simulation {
  const room = new Simulation();
  room.update(stateAt(1, -5_000));
  room.pass(10_000);
  room.target.seeks.length = 0;
  room.target.rates.length = 0;
  return room;
}

test('who joins is in step within 2 s, at the position of the room', () => {
  for (const loadMs of [50, 400, 1_200, 3_000]) {
    const room = new Simulation();
    room.target.loadMs = loadMs;
    room.update(stateAt(1, -5_000));
    room.pass(loadMs + 1_600);
    assert.ok(worst(room.pass(20_000)) <= 30, `${loadMs} ms`);
    assert.ok(room.target.seeks.length <= 3, `${room.target.seeks.length} seeks`);
  }
});

test('who joins a stream that has just begun, before the room has reached its media, waits for the room at its first frame', () => {
  const room = new Simulation();
  room.target.beginsMs = 66_700;
  room.update(stateAt(1, -5_000));
  room.pass(2_500);
  assert.ok(worst(room.pass(5_000)) <= 30);
  assert.equal(room.target.seeks.length, 1);
  assert.equal(room.controller.isSlow, false);
});

test('in the dead band of 10 ms nothing is written', () => {
  const room = inStep();
  room.target.positionMs += room.controller.offsetMs! - 2;
  room.pass(10_000);
  assert.deepEqual(room.target.rates, []);
  assert.deepEqual(room.target.seeks, []);
});

test('below 0.3 s the speed changes by at most 5 %, in whole percents', () => {
  for (const byMs of [-250, -60, 60, 250]) {
    const room = inStep();
    room.target.positionMs += byMs;
    room.pass(7_000);
    assert.ok(worst(room.pass(5_000)) <= 25, `${byMs} ms`);
    assert.deepEqual(room.target.seeks, []);
    assert.ok(room.target.rates.length > 0);
    for (const factor of room.target.rates) {
      assert.ok(Math.abs(factor - 1) <= 0.05 + 1e-9);
      assert.equal(Math.round(factor * 100) / 100, factor);
    }
  }
});

test('a player that stood still for a second is in step within the next', () => {
  const room = inStep();
  room.target.stuck = true;
  room.pass(1_000);
  room.target.stuck = false;
  room.pass(1_000);
  assert.ok(worst(room.pass(3_000)) <= 50);
  assert.ok(room.target.seeks.length <= 2);
});

test('a source that sends nothing makes no picture late', () => {
  const room = inStep();
  room.target.edgeMs = room.target.positionMs + 500;
  room.pass(200);
  assert.ok(Math.abs(room.controller.offsetMs!) <= 25);
  room.target.stuck = true;
  room.pass(5_000);
  assert.equal(room.controller.offsetMs, null);
});

test('a source that sends nothing for seconds is one stand-still: a load that fails after it is repeated after the usual time', () => {
  const room = inStep();
  const { target } = room;
  target.bufferedTo = target.edgeMs = target.positionMs + 500;
  room.pass(200);
  target.stuck = true;
  room.pass(5_000);
  target.edgeMs = target.positionMs + 8_000;
  const { follow } = target;
  let loads = 0;
  target.follow = (atMs) => {
    if (atMs! >= target.edgeMs) return false;
    loads += 1;
    Object.assign(target, { pictured: false, frames: [] });
    return true;
  };
  room.pass(500);
  assert.equal(loads, 1);
  Object.assign(target, { follow, stuck: false, edgeMs: Number.POSITIVE_INFINITY });
  room.pass(6_500);
  assert.ok(worst(room.pass(1_000)) <= 50);
});

test('after a restart of the server the picture is in step within 3 s, and the network is not too slow', () => {
  for (const downMs of [3_000, 8_000, 20_000]) {
    for (const loadMs of [400, 2_500]) {
      const room = inStep();
      const { target } = room;
      const { follow } = target;
      // What is in the browser plays to its end, and nothing more comes; the playlist is gone, so the edge is
      // unknown.
      target.bufferedTo = target.positionMs + 500;
      room.pass(500);
      target.stuck = true;
      target.follow = () => {
        Object.assign(target, { busy: true, frames: [] });
        return true;
      };
      room.pass(downMs);
      Object.assign(target, { follow, stuck: false, busy: false, loadMs });
      room.controller.returned();
      const late = room.pass(8_000);
      const where = `${downMs} ms gone, loads take ${loadMs} ms`;
      assert.ok(worst(late.slice((loadMs + 2_500) / 5)) <= 50, where);
      assert.equal(room.controller.isSlow, false, where);
    }
  }
});

test('a source that was gone and is back: a load that takes long then is not the network of a member', () => {
  const room = inStep();
  const { target } = room;
  target.bufferedTo = target.edgeMs = target.positionMs + 500;
  room.pass(500);
  target.stuck = true;
  room.pass(6_000);
  Object.assign(target, { stuck: false, edgeMs: Number.POSITIVE_INFINITY, loadMs: 4_600 });
  for (let passed = 0; passed < 7_500; passed += 250) {
    room.pass(250);
    assert.equal(room.controller.isSlow, false, `${passed} ms`);
  }
  assert.ok(worst(room.pass(1_000)) <= 50);
});

test('something else pauses it, soon after a command: it plays again, in step within a second', () => {
  const room = inStep();
  room.target.bufferedTo = 400_000;
  room.update(stateAt(2, 10_300, { anchorMedia: 300_000 }));
  room.pass(3_000);
  room.target.paused = true;
  room.target.playMs = 1_000;
  room.pass(2_000);
  assert.ok(worst(room.pass(3_000)) <= 50);
});

test('a player that stood still twice is in step within a second each time', () => {
  const room = inStep();
  for (let n = 0; n < 2; n++) {
    room.target.stuck = true;
    room.pass(1_000);
    room.target.stuck = false;
    room.pass(1_000);
    assert.ok(worst(room.pass(600)) <= 50, `${n}`);
  }
});

test('something else pauses it for a second: it is in step within half of the next', () => {
  const room = inStep();
  const { follow } = room.target;
  room.target.follow = () => true; // it cannot play
  room.target.paused = true;
  room.pass(1_000);
  room.target.follow = follow;
  room.pass(500);
  assert.ok(worst(room.pass(3_000)) <= 50);
});

test('a position that is not there yet is no seek, and nothing is learned from it', () => {
  const room = inStep();
  room.target.edgeMs = room.target.positionMs + 900;
  room.target.bufferedTo = room.target.positionMs; // its list is not loaded
  room.target.positionMs -= 1_200;
  for (let n = 0; n < 10; n++) {
    room.pass(500);
    room.target.edgeMs += 500;
    room.target.positionMs -= 20; // and it gets later
  }
  room.target.bufferedTo = room.target.edgeMs += 2_000;
  room.pass(1_000);
  assert.ok(worst(room.pass(3_000)) <= 50);
});

test('what was shown before a page was hidden is not taken for its picture', () => {
  const room = inStep();
  const { frames } = room.target;
  room.hidden = true;
  room.pass(5_000); // it plays on, and shows no frames
  room.target.frames = frames;
  room.hidden = false;
  room.controller.wake();
  room.controller.step();
  room.pass(2_000);
  assert.deepEqual(room.target.seeks, []);
});

test('what keeps throwing it back is followed ever more seldom', () => {
  const room = inStep();
  room.pass(3_000); // what was learned from joining is settled
  for (let n = 0; n < 14; n++) {
    room.target.positionMs -= 2_000; // something keeps throwing it back
    room.pass(1_000);
  }
  assert.ok(room.target.seeks.length <= 6, `${room.target.seeks.length} seeks`);
});

test('on a slow machine, where a seek takes a second, it is in step after a few of them', () => {
  const room = inStep();
  room.target.seekMs = 1_000;
  room.target.positionMs -= 400;
  room.pass(20_000);
  assert.ok(worst(room.pass(5_000)) <= 60);
  assert.ok(room.target.seeks.length <= 6, `${room.target.seeks.length} seeks`);
});

test('a position that is not in the browser is worth a load only beyond 1 s', () => {
  const room = inStep();
  room.target.bufferedTo = room.target.positionMs + 200;
  room.target.positionMs -= 600;
  room.pass(2_000);
  assert.deepEqual(room.target.seeks, []);
});

test('a pause takes effect at its time, and everyone shows the same frame', () => {
  const room = inStep();
  const anchorMedia = 60_000 + 15_000 + 300;
  room.update(stateAt(2, 10_300, { playing: false, anchorMedia }));
  room.pass(290);
  assert.equal(room.target.paused, false);
  room.pass(700);
  assert.equal(room.target.paused, true);
  assert.equal(Math.floor(room.target.positionMs / 40), Math.floor(anchorMedia / 40));
  room.pass(5_000);
  assert.ok(room.target.seeks.length <= 2);
});

test('playing again begins at its time: the start of the player is learned', () => {
  const room = inStep();
  room.target.playMs = 120;
  let media = 75_300;
  let rev = 2;
  const offsets: number[] = [];
  for (let n = 0; n < 6; n++) {
    room.update(stateAt(rev++, room.nowMs + 300, { playing: false, anchorMedia: media }));
    room.pass(3_000);
    room.update(stateAt(rev++, room.nowMs + 300, { anchorMedia: media }));
    offsets.push(worst(room.pass(2_300).slice(-200)));
    media += 2_000;
  }
  assert.ok(offsets.at(-1)! <= 40, `${offsets}`);
});

test('a seek of the room is one seek of the player, begun so early that it is there in time', () => {
  const room = inStep();
  room.target.bufferedTo = 400_000;
  room.update(stateAt(2, 10_300, { anchorMedia: 300_000 }));
  room.pass(600);
  assert.equal(room.target.seeks.length, 1);
  room.pass(1_500);
  assert.ok(worst(room.pass(3_000)) <= 30);
});

test('at another speed of the room the picture stays in step', () => {
  const room = inStep();
  room.update(stateAt(2, 10_200, { rate: 1.5, anchorMedia: 75_200 }));
  room.pass(3_000);
  assert.ok(worst(room.pass(10_000)) <= 30);
  assert.equal(room.target.rate, 1.5);
  assert.deepEqual(room.target.seeks, []);
});

test('a hidden page changes no speed, and is in step again when it is shown', () => {
  const room = inStep();
  room.hidden = true;
  room.target.positionMs -= 200;
  room.pass(5_000);
  assert.deepEqual(room.target.rates, []);
  assert.deepEqual(room.target.seeks, []);
  room.hidden = false;
  room.controller.wake();
  room.pass(1_500);
  assert.ok(worst(room.pass(2_000)) <= 30);
});

test('a page that is hidden during a correction plays on at the speed of the room', () => {
  const room = inStep();
  room.target.positionMs -= 250;
  room.pass(1_000);
  assert.ok(room.target.factor > 1);
  room.hidden = true;
  room.pass(30_000);
  assert.equal(room.target.factor, 1);
  assert.deepEqual(room.target.seeks, []);
});

test('a browser that dislikes changes of the speed gets seeks only', () => {
  const room = new Simulation({ changesRate: false });
  room.update(stateAt(1, -5_000));
  room.pass(10_000);
  room.target.seeks.length = 0;
  room.target.positionMs -= 250;
  room.pass(10_000);
  assert.deepEqual(room.target.seeks, []);
  room.target.positionMs -= 100;
  room.pass(1_000);
  assert.equal(room.target.seeks.length, 1);
  assert.deepEqual(room.target.rates, []);
});

test('at the end of a video it stays at the end, until the room is elsewhere', () => {
  const room = inStep();
  room.target.durationMs = 75_500;
  room.target.ended = true;
  room.pass(20_000);
  assert.deepEqual(room.target.seeks, []);
  room.update(stateAt(2, room.nowMs + 300, { anchorMedia: 10_000 }));
  room.target.ended = false;
  room.pass(1_000);
  assert.equal(room.target.seeks.length, 1);
});

test('the offset is how much later than the room the picture is', () => {
  const room = inStep();
  assert.ok(Math.abs(room.controller.offsetMs!) <= 45);
  room.target.positionMs -= 290;
  room.pass(300);
  const offsetMs = room.controller.offsetMs!;
  assert.ok(offsetMs > 200 && offsetMs < 340, `${offsetMs}`);
  assert.equal(new Simulation().controller.offsetMs, null);
});

test('live media from elsewhere only starts and pauses with the room', () => {
  const room = new Simulation({ hasPositions: () => false });
  room.update(stateAt(1, -5_000, { live: true, anchorMedia: 0 }));
  room.pass(5_000);
  assert.equal(room.target.paused, false);
  assert.equal(room.controller.offsetMs, null);
  room.update(stateAt(2, 5_200, { live: true, playing: false, anchorMedia: 0 }));
  room.pass(1_000);
  assert.equal(room.target.paused, true);
  assert.deepEqual(room.target.seeks, []);
});

/** A room for two minutes with a network that delivers a share of what plays. */
function onNetwork(network: number, { live = false } = {}) {
  const room = inStep();
  const { target, controller } = room;
  target.network = network;
  target.bufferedTo = target.positionMs + 2_000;
  if (live) target.edgeMs = target.positionMs + 3_000;
  let slowMs = 0;
  const late: number[] = [];
  for (let n = 0; n < 480; n++) {
    target.edgeMs += 250;
    late.push(...room.pass(250));
    if (controller.isSlow) slowMs += 250;
  }
  const inStepShare = late.filter((ms) => Math.abs(ms) < 100).length / late.length;
  return { slowMs, inStepShare, latestMs: Math.max(...late), seeks: target.seeks.length };
}

test('a network that is a little too slow: the page says so, and the picture meets the room with ever more in reserve', () => {
  const { slowMs, seeks, inStepShare } = onNetwork(0.8);
  assert.ok(slowMs > 60_000, `said for ${slowMs} ms`);
  assert.ok(seeks <= 15, `${seeks} seeks`);
  assert.ok(inStepShare > 0.4, `in step for ${inStepShare}`);
});

test('a member that the room waits for is ready once it has media ahead, not as soon as the room pauses', () => {
  const room = inStep();
  const { target, controller } = room;
  target.network = 0.5;
  target.bufferedTo = target.positionMs + 1_000;
  room.pass(2_000);
  assert.equal(controller.lacks, true);
  const at = { anchorMedia: target.positionMs, playing: false };
  room.update(stateAt(2, room.nowMs, { ...at, by: '', waitingFor: ['ben'] }));
  room.pass(1_000);
  assert.equal(controller.lacks, true, 'the room waits, and nothing has arrived');
  room.pass(12_000);
  assert.equal(controller.lacks, false);
  // At the end of the media there is less ahead.
  target.durationMs = target.positionMs + 500;
  target.bufferedTo = target.durationMs;
  assert.equal(controller.lacks, false);
  // A pause by someone is no wait.
  target.bufferedTo = target.positionMs;
  room.update(stateAt(3, room.nowMs, at));
  room.pass(1_000);
  assert.equal(controller.lacks, false);
});

test('live there is nothing to have in reserve: it is brought forward ever more seldom, and never stays behind', () => {
  for (const network of [0.5, 0.8]) {
    const { slowMs, seeks, latestMs } = onNetwork(network, { live: true });
    assert.ok(slowMs > 60_000, `said for ${slowMs} ms`);
    assert.ok(seeks <= 15, `${seeks} seeks`);
    assert.ok(latestMs < 15_000, `${latestMs} ms late`);
  }
});

test('a network that is just fast enough: the page says nothing', () => {
  const { slowMs, seeks } = onNetwork(1.3);
  assert.equal(slowMs, 0);
  assert.ok(seeks <= 2, `${seeks} seeks`);
});

test('on a slow network the quality is lowered in steps, and may rise again two minutes after it was enough', () => {
  const room = inStep();
  const { target } = room;
  Object.assign(target, { network: 0.5, bufferedTo: target.positionMs + 2_000 });
  room.pass(25_000);
  assert.ok(target.eased.length >= 2 && target.eased.every(Boolean), `${target.eased}`);
  target.network = 2;
  room.pass(200_000);
  assert.equal(target.eased.at(-1), false);
  assert.equal(target.eased.filter((isSlow) => !isSlow).length, 1);
});

test('a room that the server moves away from the live edge, because its members lack media, does not hide that the network is slow', () => {
  const room = inStep();
  const { target } = room;
  Object.assign(target, { network: 0.5, bufferedTo: target.positionMs + 2_000, edgeMs: target.positionMs + 3_000 });
  let state = stateAt(2, 10_000, { anchorMedia: 75_000, live: true, by: '' });
  let slowAfter = 0;
  for (let seconds = 0; seconds < 20 && slowAfter === 0; seconds++) {
    if (seconds % 2 === 1) {
      const anchorServer = state.anchorServer + 2_000;
      state = { ...state, rev: state.rev + 1, anchorServer, anchorMedia: state.anchorMedia + 1_900 };
      room.update(state);
    }
    target.edgeMs += 1_000;
    room.pass(1_000);
    if (room.controller.isSlow) slowAfter = seconds;
  }
  assert.ok(slowAfter > 0);
});
