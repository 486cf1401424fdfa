import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { anItem } from '../rooms.fixture.ts';
import { aTimeline, openTestPlayback } from './playback.fixture.ts';

const items = [anItem('a'), anItem('b')];
const film = { kind: 'file', durationMs: 60_000 } as const;

async function openFilm(options: { waitsForSlow?: boolean; durationMs?: number } = {}) {
  const rig = openTestPlayback({ items, ...options });
  rig.media.set('a', { kind: 'file', durationMs: options.durationMs ?? 60_000 });
  rig.media.set('b', film);
  await rig.command({ do: 'item', item: 'a' });
  await rig.run(100);
  return rig;
}

async function openStream(gapMs = 0) {
  const rig = openTestPlayback({ items });
  const nowMs = rig.clock.nowMs();
  const spans = [
    { fromMs: nowMs - 600_000, toMs: nowMs - 300_000 },
    { fromMs: nowMs - 300_000 + gapMs, toMs: nowMs },
  ];
  const stream = aTimeline(() => rig.clock.nowMs(), spans);
  rig.media.set('a', stream);
  rig.media.set('b', film);
  return { ...rig, nowMs, spans, stream, run: rig.run, command: rig.command, rig };
}

suite('commands', () => {
  test('a change takes effect a moment after it was sent, and a pause stops every player at the same picture', async () => {
    const rig = await openFilm();
    await rig.run(5000);
    await rig.command({ do: 'pause' });
    const { anchorServer, anchorMedia, playing } = rig.playback.state;
    assert.deepEqual([playing, anchorServer - rig.clock.nowMs(), anchorMedia], [false, 100, 5100]);
    assert.equal(rig.shown, 5000);
    await rig.run(1000);
    assert.equal(rig.shown, 5100);
    await rig.command({ do: 'play' });
    await rig.run(1100);
    assert.equal(rig.shown, 6100);
  });

  test('a command for an earlier state is refused', async () => {
    const rig = await openFilm();
    const { rev } = rig.playback.state;
    await rig.command({ do: 'seek', positionMs: 30_000 });
    await assert.rejects(rig.command({ do: 'seek', positionMs: 1000 }, rev), { code: 'state-stale' });
    await assert.rejects(rig.command({ do: 'seek', positionMs: 1000 }, rev + 9), { code: 'state-stale' });
    await rig.run(100);
    assert.equal(rig.shown, 30_000);
  });

  test('two people may press pause at once: the second one has nothing to do', async () => {
    const rig = await openFilm();
    const { rev } = rig.playback.state;
    assert.equal(await rig.command({ do: 'pause' }, rev), await rig.command({ do: 'pause' }, rev));
  });

  test('another entry begins at its start and at rate 1', async () => {
    const rig = await openFilm();
    await rig.command({ do: 'rate', rate: 2 });
    await rig.run(1000);
    await rig.command({ do: 'item', item: 'b' });
    const { item, rate, anchorMedia } = rig.playback.state;
    assert.deepEqual([item, rate, anchorMedia], ['b', 1, 0]);
  });

  test('a position stays within the media', async () => {
    const rig = await openFilm();
    await rig.command({ do: 'seek', positionMs: -5 });
    assert.equal(rig.playback.state.anchorMedia, 0);
    await rig.command({ do: 'seek', positionMs: 1e15 });
    assert.equal(rig.playback.state.anchorMedia, 60_000);
    await assert.rejects(rig.command({ do: 'seek', positionMs: Number.NaN }), { code: 'bad-request' });
  });

  test('of two entries chosen at once, one is stale', async () => {
    const rig = await openFilm();
    const { rev } = rig.playback.state;
    const both = await Promise.allSettled([
      rig.command({ do: 'item', item: 'b' }, rev),
      rig.command({ do: 'item', item: 'a' }, rev),
    ]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });
});

test('an entry that is removed while its media is opened does not play, neither by a command nor as the next one', async () => {
  const list = [anItem('a'), anItem('b'), anItem('c')];
  const rig = openTestPlayback({ items: list });
  for (const id of ['a', 'b', 'c']) rig.media.set(id, film);
  const chosen = rig.command({ do: 'item', item: 'b' });
  list.splice(1, 1);
  await assert.rejects(chosen, { code: 'item-unknown' });
  assert.equal(rig.playback.state.item, null);
  await rig.command({ do: 'item', item: 'a' });
  list.splice(1, 0, anItem('b'));
  const { clock } = rig;
  clock.advance(60_100);
  rig.playback.tick(); // opens b
  list.splice(1, 1);
  await rig.run(200);
  assert.equal(rig.playback.state.item, 'c');
});

suite('ends', () => {
  test('the next entry follows, and the last one stops at its end', async () => {
    const rig = await openFilm({ durationMs: 3000 });
    await rig.run(3100);
    assert.equal(rig.playback.state.item, 'b');
    await rig.run(61_000);
    const { item, playing, anchorMedia } = rig.playback.state;
    assert.deepEqual([item, playing, anchorMedia], ['b', false, 60_000]);
  });

  test('an entry of unknown duration ends when a player of someone who may control says so', async () => {
    const rig = openTestPlayback({ items });
    rig.media.set('a', { kind: 'file', durationMs: undefined });
    rig.media.set('b', film);
    await rig.command({ do: 'item', item: 'a' });
    await rig.run(1000);
    const report = { t: 'report', rev: rig.playback.state.rev, offsetMs: 0, buffering: false, ended: true } as const;
    rig.playback.report('u2', report, { counts: true, mayEnd: false });
    await rig.run(100);
    assert.equal(rig.playback.state.item, 'a');
    rig.playback.report('u1', report, { counts: true, mayEnd: true });
    await rig.run(100);
    assert.equal(rig.playback.state.item, 'b');
  });

  test('a range ends where it was cut', async () => {
    const { rig, nowMs, spans } = await openStream();
    const range = { fromMs: nowMs - 500_000, toMs: nowMs - 490_000 };
    rig.media.set(
      'a',
      aTimeline(() => rig.clock.nowMs(), spans, { range }),
    );
    await rig.command({ do: 'item', item: 'a' });
    assert.equal(rig.playback.state.anchorMedia, range.fromMs);
    await rig.run(10_200);
    assert.equal(rig.playback.state.item, 'b');
  });
});

suite('streams', () => {
  test('a stream begins live, at the distance of its source', async () => {
    const { rig } = await openStream();
    await rig.command({ do: 'item', item: 'a' });
    await rig.run(20_000);
    assert.equal(rig.playback.state.live, true);
    assert.equal(rig.clock.nowMs() - rig.shown, 2000); // 500 behind, 1500 away from the edge
    assert.equal(rig.states.length, 1);
  });

  test('a room in which nothing played plays from any position: at the edge, near it, after it, long before', async () => {
    for (const behindMs of [1940, 1900, 500, 0, -5000, 2000, 2200, 60_000]) {
      const { rig, nowMs } = await openStream();
      await rig.command({ do: 'item', item: 'a', positionMs: nowMs - behindMs });
      const { playing, live } = rig.playback.state;
      assert.deepEqual({ playing, live }, { playing: true, live: behindMs < 1950 }, `${behindMs} ms behind`);
      await rig.command({ do: 'pause' });
      await rig.command({ do: 'item', item: 'a', positionMs: nowMs - behindMs });
      assert.equal(rig.playback.state.playing, true, `after a pause, ${behindMs} ms behind`);
    }
    const rig = openTestPlayback({ items });
    rig.media.set('a', { kind: 'live' });
    await rig.command({ do: 'item', item: 'a', positionMs: 0 });
    assert.equal(rig.playback.state.playing, true, 'a live link');
  });

  test('the room jumps over a gap together, when it gets there', async () => {
    const { rig, nowMs } = await openStream(40_000);
    await rig.command({ do: 'item', item: 'a', positionMs: nowMs - 305_000 });
    await rig.run(5000);
    const jump = rig.playback.state;
    assert.equal(jump.anchorMedia, nowMs - 260_000);
    assert.equal(Math.round(jump.anchorServer - rig.states[0]!.anchorServer), 5000);
    await rig.run(2100);
    assert.ok(Math.abs(rig.shown - (nowMs - 258_000)) < 60, String(rig.shown - nowMs));
  });

  test('a seek into a gap ends after it', async () => {
    const { rig, nowMs } = await openStream(40_000);
    await rig.command({ do: 'item', item: 'a' });
    await rig.run(100);
    await rig.command({ do: 'seek', positionMs: nowMs - 280_000 });
    await rig.run(300);
    assert.equal(rig.playback.state.anchorMedia, nowMs - 260_000);
  });

  test('faster than live, the room becomes live at the edge and plays at rate 1', async () => {
    const { rig, nowMs } = await openStream();
    await rig.command({ do: 'item', item: 'a', positionMs: nowMs - 20_000 });
    await rig.command({ do: 'rate', rate: 4 });
    await rig.run(10_000);
    const { live, rate } = rig.playback.state;
    assert.deepEqual([live, rate], [true, 1]);
    assert.ok(Math.abs(rig.clock.nowMs() - rig.shown - 2000) < 200);
  });

  test('at the live edge nothing is played faster: such a command is refused, and slower is not', async () => {
    const { rig } = await openStream();
    await rig.command({ do: 'item', item: 'a' });
    await assert.rejects(rig.command({ do: 'rate', rate: 1.5 }), { code: 'at-live-edge' });
    await rig.command({ do: 'rate', rate: 0.75 });
    assert.deepEqual([rig.playback.state.rate, rig.playback.state.live], [0.75, false]);
  });

  test('a live link has no other speed, playing or paused: each player is at its own edge', async () => {
    const rig = openTestPlayback({ items: [anItem('a')] });
    rig.media.set('a', { kind: 'live' });
    await rig.command({ do: 'item', item: 'a' });
    for (const rate of [0.5, 1.5]) await assert.rejects(rig.command({ do: 'rate', rate }), { code: 'at-live-edge' });
    await rig.command({ do: 'rate', rate: 1 });
    assert.deepEqual([rig.playback.state.rate, rig.playback.state.live], [1, true]);
    await rig.command({ do: 'pause' });
    await assert.rejects(rig.command({ do: 'rate', rate: 0.5 }), { code: 'at-live-edge' });
  });

  test('a room at the edge moves away from it, in steps and not too far, while several members run out of media', async () => {
    const { rig } = await openStream();
    await rig.command({ do: 'item', item: 'a' });
    const report = { t: 'report', rev: 1, offsetMs: 0, buffering: true } as const;
    for (const user of ['u1', 'u2']) rig.playback.report(user, report, { counts: true, mayEnd: false });
    await rig.run(15_000);
    const behindMs = rig.clock.nowMs() - rig.shown;
    assert.ok(behindMs > 2200 && behindMs < 3000, String(behindMs));
    await rig.run(300_000);
    assert.ok(rig.clock.nowMs() - rig.shown <= 2000 + 1500 + 400, String(rig.clock.nowMs() - rig.shown));
  });

  test('a correction by the server makes no command stale', async () => {
    const { rig, stream } = await openStream();
    await rig.command({ do: 'item', item: 'a' });
    await rig.run(1000);
    const { rev } = rig.playback.state;
    stream.live.behindMs = 4000;
    await rig.run(20_000);
    assert.ok(rig.playback.state.rev > rev);
    await rig.command({ do: 'pause' }, rev);
    assert.equal(rig.playback.state.playing, false);
  });

  test('a stream that is watched to its end stops there when its source has not come back for half a minute', async () => {
    const { nowMs, spans } = await openStream();
    const ended = openTestPlayback({ items: [items[0]!] });
    ended.media.set(
      'a',
      aTimeline(() => ended.clock.nowMs(), spans, { offline: true }),
    );
    await ended.command({ do: 'item', item: 'a', positionMs: nowMs - 3000 });
    await ended.run(20_000);
    assert.equal(ended.playback.state.playing, true);
    await ended.run(15_000);
    assert.deepEqual([ended.playback.state.playing, ended.playback.state.anchorMedia], [false, nowMs]);
  });
});

suite('waiting for slow viewers', () => {
  const report = (buffering: boolean) => ({ t: 'report', rev: 1, offsetMs: null, buffering }) as const;
  const counts = { counts: true, mayEnd: false };

  test('the room waits for a member without media, and plays again when it has some', async () => {
    const rig = await openFilm({ waitsForSlow: true });
    await rig.run(3000);
    rig.playback.report('u2', report(true), counts);
    await rig.run(600);
    assert.equal(rig.playback.state.playing, false);
    const { anchorMedia, waitingFor } = rig.playback.state;
    assert.deepEqual(waitingFor, ['u2']);
    await rig.run(2000);
    rig.playback.report('u2', report(false), counts);
    await rig.run(50);
    assert.equal('waitingFor' in rig.playback.state, false);
    assert.deepEqual([rig.playback.state.playing, rig.playback.state.anchorMedia], [true, anchorMedia]);
  });

  test('a seek while the room waits ends the waiting, and it plays on', async () => {
    const rig = await openFilm({ waitsForSlow: true });
    await rig.run(3000);
    rig.playback.report('u2', report(true), counts);
    await rig.run(600);
    await rig.command({ do: 'seek', positionMs: 30_000 });
    assert.deepEqual([rig.playback.state.playing, rig.playback.state.waitingFor], [true, undefined]);
  });

  test('it waits for 10 s at most, and not again for the same member for a minute', async () => {
    const rig = await openFilm({ waitsForSlow: true });
    await rig.run(3000);
    rig.playback.report('u2', report(true), counts);
    let heldMs = 0;
    await rig.run(60_000, () => {
      if (!rig.playback.state.playing && rig.playback.state.item === 'a') heldMs += 50;
    });
    assert.ok(heldMs >= 9900 && heldMs <= 10_200, String(heldMs));
  });

  test('it does not wait for players that are hidden, nor if the room is not set to', async () => {
    const rig = await openFilm({ waitsForSlow: true });
    await rig.run(3000);
    rig.playback.report('u2', report(true), { counts: false, mayEnd: false });
    await rig.run(3000);
    assert.equal(rig.playback.state.playing, true);
    rig.options.waitsForSlow = false;
    rig.playback.report('u3', report(true), counts);
    await rig.run(3000);
    assert.equal(rig.playback.state.playing, true);
  });
});

test('a step of the wall clock moves no position', async () => {
  const rig = await openFilm();
  await rig.run(5000);
  const before = rig.playback.positionMs;
  rig.clock.step(-3_600_000);
  rig.playback.tick();
  assert.equal(rig.playback.positionMs, before);
  await rig.command({ do: 'pause' });
  await rig.run(200);
  assert.equal(rig.shown, before + 100);
});

for (let seed = 1; seed <= 20; seed++) {
  test(`whatever people do, positions jump only by commands, gaps and ends, and every player works out the same (seed ${seed})`, async () => {
    const random = seeded(seed);
    const { rig, nowMs } = await openStream(1000 + random(60_000));
    await rig.command({ do: 'item', item: 'a', positionMs: nowMs - random(590_000) });
    await rig.run(200);
    const verbs = ['play', 'pause', 'seek', 'rate', 'live', 'item'] as const;
    let last = rig.shown;
    let states = rig.states.length;
    let jumps = 0;
    for (let step = 0; step < 60; step++) {
      const verb = verbs[random(verbs.length)]!;
      const command = {
        do: verb,
        ...(verb === 'seek' && { positionMs: nowMs - random(600_000) }),
        ...(verb === 'rate' && { rate: [0.5, 1, 1.5, 4][random(4)]! }),
        ...(verb === 'item' && { item: ['a', 'b'][random(2)]! }),
      };
      await rig.command(command, rig.playback.state.rev - random(3)).catch((error) => {
        assert.match(error.code, /state-stale|bad-request|at-live-edge/);
      });
      await rig.run(random(8000), () => {
        const { shown } = rig;
        // Within a tick a player moves by at most 4 times its length; anything else needs its own state.
        if (shown < last - 1 || shown > last + 4 * 50 + 1) {
          jumps++;
          assert.ok(rig.states.length > states || rig.states.at(-1)!.anchorServer >= rig.clock.nowMs() - 50 - 500);
        }
        last = shown;
        states = rig.states.length;
      });
    }
    assert.ok(jumps > 0);
    for (const [at, { rev, anchorServer }] of rig.states.entries()) {
      assert.equal(rev, at + 1);
      assert.ok(anchorServer >= (rig.states[at - 1]?.anchorServer ?? 0));
      assert.ok(Number.isFinite(rig.states[at]!.anchorMedia));
    }
  });
}
