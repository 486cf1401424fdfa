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

test('danmaku of a lane never overlap, at any time', () => {
  for (let seed = 0; seed < 20; seed++) {
    const all = crowd(seed, 120);
    const widths = new Map(all.map((one) => [one.seq, one.width]));
    const lanes = new DanmakuLanes(screen);
    for (let atMs = 0; atMs < 40_000; atMs += 50) {
      const spots = lanes.at(all, atMs);
      assert.ok(spots.length <= screen.most);
      for (const [i, one] of spots.entries()) {
        for (const other of spots.slice(i + 1)) {
          if (one.mode !== other.mode || one.lane !== other.lane) continue;
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

test('people and words are hidden, in any case', () => {
  const filter = { mutedUsers: ['u1'], words: ['Spoiler', ''] };
  assert.equal(isFiltered({ author: 'u1', text: 'hi' }, filter), true);
  assert.equal(isFiltered({ author: 'u2', text: 'a SPOILER!' }, filter), true);
  assert.equal(isFiltered({ author: 'u2', text: 'hi' }, filter), false);
});
