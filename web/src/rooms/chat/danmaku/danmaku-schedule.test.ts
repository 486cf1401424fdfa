import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { DanmakuLanes, isFiltered, type Placed, placeOf, type Screen } from './danmaku-schedule.ts';

const screen: Screen = { width: 800, lanes: 6, stayMs: 8000, most: 40 };

function crowd(seed: number, count: number): Placed[] {
  const random = seeded(seed);
  let atMs = 0;
  return Array.from({ length: count }, (_, seq) => {
    atMs += random(600);
    const mode = (['scroll', 'scroll', 'scroll', 'top', 'bottom'] as const)[random(5)]!;
    return { seq, atMs, mode, width: 40 + random(500) };
  });
}

test('danmaku of a lane never overlap, at any time, nor do those at the top and those that move', () => {
  for (let seed = 0; seed < 20; seed++) {
    const all = crowd(seed, 120);
    const widths = new Map(all.map((one) => [one.seq, one.width]));
    const lanes = new DanmakuLanes({ ...screen, lanes: 1 + (seed % 12) });
    for (let atMs = 0; atMs < 40_000; atMs += 50) {
      const spots = lanes.at(all, atMs);
      assert.ok(spots.length <= screen.most);
      for (const [i, one] of spots.entries()) {
        for (const other of spots.slice(i + 1)) {
          const isBottom = one.mode === 'bottom';
          if (isBottom !== (other.mode === 'bottom') || one.lane !== other.lane) continue;
          const [left, right] = one.x < other.x ? [one, other] : [other, one];
          assert.ok(left.x + widths.get(left.seq)! <= right.x + 1e-6, `seed ${seed} at ${atMs}`);
        }
      }
    }
  }
});

test('a danmaku enters at the right edge at its position, and has left when its time is over', () => {
  assert.equal(placeOf({ mode: 'scroll', width: 100 }, 0, screen), 800);
  assert.equal(placeOf({ mode: 'scroll', width: 100 }, 8000, screen), -100);
  assert.equal(placeOf({ mode: 'top', width: 100 }, 3000, screen), 350);
});

test('while it is visible its lane does not change; after a seek back it comes again', () => {
  const all = crowd(3, 60);
  const lanes = new DanmakuLanes(screen);
  const laneOf = new Map<number, number>();
  for (let atMs = 0; atMs < 20_000; atMs += 40) {
    for (const { seq, lane } of lanes.at(all, atMs)) {
      assert.equal(laneOf.get(seq) ?? lane, lane);
      laneOf.set(seq, lane);
    }
  }
  const again = lanes.at(all, all[0]!.atMs + 10);
  assert.deepEqual(
    again.map(({ seq }) => seq),
    all.filter(({ atMs }) => atMs <= all[0]!.atMs + 10).map(({ seq }) => seq),
  );
});

test('density leaves out what does not fit', () => {
  const all = Array.from({ length: 50 }, (_, seq) => ({ seq, atMs: 0, mode: 'scroll' as const, width: 100 }));
  assert.equal(new DanmakuLanes(screen).at(all, 10).length, 6);
  assert.equal(new DanmakuLanes({ ...screen, lanes: 60, most: 20 }).at(all, 10).length, 20);
});

test('those at the top have lanes of their own; those that move use them only where no one wrote at the top for long', () => {
  const moving = (seq: number, atMs: number) => ({ seq, atMs, mode: 'scroll' as const, width: 100 });
  const top = (seq: number, atMs: number) => ({ seq, atMs, mode: 'top' as const, width: 100 });
  const lanesOf = (lanes: DanmakuLanes, all: readonly Placed[], atMs: number) =>
    lanes.at(all, atMs).map(({ seq, lane }) => [seq, lane]);
  const lanes = new DanmakuLanes(screen);
  const begin = [moving(1, 0), top(2, 0), top(3, 100), ...[4, 5, 6, 7].map((seq) => moving(seq, 200))];
  // Of 6 lanes the first 2 are theirs; the last one that moves finds no other.
  assert.deepEqual(lanesOf(lanes, begin, 250), [
    [1, 2],
    [2, 0],
    [3, 1],
    [4, 3],
    [5, 4],
    [6, 5],
  ]);
  const crowd = [1, 2, 3, 4, 5, 6].map((n) => moving(10 + n, 60_000));
  assert.deepEqual(
    lanesOf(lanes, crowd, 60_000).map(([, lane]) => lane),
    [2, 3, 4, 5, 0, 1],
  );
  // It waits for a lane, and keeps it.
  const late = [...crowd, top(20, 61_000)];
  const seenAt = (atMs: number) => lanesOf(lanes, late, atMs).find(([seq]) => seq === 20);
  assert.deepEqual([61_000, 67_999, 68_000, 68_999].map(seenAt), [undefined, undefined, [20, 0], [20, 0]]);
});

test('people and words are hidden, in any case', () => {
  const filter = { mutedUsers: ['u1'], words: ['Spoiler', ''] };
  assert.equal(isFiltered({ author: 'u1', text: 'hi' }, filter), true);
  assert.equal(isFiltered({ author: 'u2', text: 'a SPOILER!' }, filter), true);
  assert.equal(isFiltered({ author: 'u2', text: 'hi' }, filter), false);
});
