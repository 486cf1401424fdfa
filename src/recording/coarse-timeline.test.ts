import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { coarsen, MAX_PIECES } from './coarse-timeline.ts';
import { rangeAt, windowsOver } from './pinned-windows.ts';
import { retainedPieces } from './retained-pieces.ts';
import type { Timeline } from './timeline.ts';
import type { TimelinePiece } from './timeline-piece.ts';

const S = 1_000_000;
/** Pieces one after the other: kinds and seconds. */
function pieces(...plan: [kind: TimelinePiece['kind'], seconds: number][]): TimelinePiece[] {
  let cursorUs = 0;
  return plan.map(([kind, seconds]) => {
    const fromUs = cursorUs;
    cursorUs += seconds * S;
    return { fromUs, toUs: cursorUs, kind, detail: kind === 'media' ? '' : `${seconds}` };
  });
}
const timelineOf = (all: readonly TimelinePiece[], more: Partial<Timeline> = {}): Timeline => ({
  pieces: all,
  runs: [],
  windows: [],
  fromUs: 0,
  toUs: all.at(-1)?.toUs ?? 0,
  ...more,
});
/** Kinds, seconds, and how many were merged. */
const shown = (all: readonly TimelinePiece[]) =>
  all.map(({ kind, fromUs, toUs, merged }) => [kind, fromUs / S, toUs / S, ...(merged ? [merged] : [])]);
const sums = (all: readonly TimelinePiece[]) => {
  const sum = { media: 0, gap: 0, offline: 0, deleted: 0 };
  for (const { kind, fromUs, toUs } of all) {
    sum[kind === 'media' || kind === 'offline' || kind === 'deleted' ? kind : 'gap'] += toUs - fromUs;
  }
  return sum;
};

suite('a coarse timeline', () => {
  test('is unchanged without a resolution', () => {
    const all = pieces(['media', 10], ['disk', 0.2], ['media', 5], ['crash', 1]);
    const exact = coarsen(timelineOf(all), 0);
    assert.deepEqual([exact.pieces, exact.resS], [all, 0]);
  });

  test('keeps the times of a lone gap, however short it is', () => {
    const all = pieces(['media', 5000], ['source-down', 0.6], ['media', 5000]);
    assert.deepEqual(coarsen(timelineOf(all), 600).pieces, all);
  });

  test('merges gaps within the resolution into one of their total length, with the cause of the longest', () => {
    const all = pieces(
      ['media', 100],
      ['disk', 1],
      ['media', 10],
      ['crash', 3],
      ['media', 5],
      ['disk', 2],
      ['media', 99],
    );
    const { pieces: coarse, resS } = coarsen(timelineOf(all), 60);
    assert.deepEqual(shown(coarse), [
      ['media', 0, 100],
      ['crash', 100, 106, 3],
      ['media', 106, 220, 3],
    ]);
    assert.equal(resS, 60);
  });

  test('does not merge gaps that are further apart, and does not hide a long one', () => {
    const all = pieces(['disk', 40], ['media', 30], ['disk', 40], ['media', 1], ['crash', 500]);
    assert.deepEqual(coarsen(timelineOf(all), 60).pieces, all);
  });

  test('stays below the maximum of pieces at any resolution, and reports its resolution', () => {
    const plan = Array.from({ length: 20_000 }, (_, i): [TimelinePiece['kind'], number] => [
      i % 2 ? 'source-down' : 'media',
      5,
    ]);
    const timeline = timelineOf(pieces(...plan), {
      runs: Array.from({ length: 9000 }, (_, run) => ({ run, firstMsn: run, utcOffsetUs: 0, startUs: run * 10 * S })),
      windows: [{ fromUs: 0, groups: 1 }],
    });
    for (const requested of [0, 1, 7, 60]) {
      const { pieces: coarse, runs, resS } = coarsen(timeline, requested);
      assert.ok(coarse.filter(({ kind }) => kind === 'media').length <= MAX_PIECES);
      assert.ok(runs.length <= MAX_PIECES);
      assert.ok(resS >= requested && resS > 0 && resS < 300, `${resS}`);
      assert.deepEqual(sums(coarse), sums(timeline.pieces));
    }
  });

  test('has no windows from ten minutes on', () => {
    const timeline = timelineOf(pieces(['media', 10]), { windows: [{ fromUs: 0, groups: 1 }] });
    assert.equal(coarsen(timeline, 599).windows.length, 1);
    assert.equal(coarsen(timeline, 600).windows.length, 0);
  });

  test('is contiguous and has the sums of the original, for random timelines', () => {
    const random = seeded(5);
    const kinds = ['media', 'disk', 'crash', 'offline', 'deleted'] as const;
    for (let i = 0; i < 500; i++) {
      const plan = Array.from({ length: random(40) + 1 }, (): [TimelinePiece['kind'], number] => [
        random(2) ? 'media' : kinds[random(kinds.length)]!,
        (random(200) + 1) / 10,
      ]);
      const all = pieces(...plan);
      const coarse = coarsen(timelineOf(all), random(30) + 1).pieces;
      assert.deepEqual(sums(coarse), sums(all));
      assert.equal(coarse[0]!.fromUs, 0);
      for (const [n, piece] of coarse.entries()) assert.equal(piece.toUs, coarse[n + 1]?.fromUs ?? all.at(-1)!.toUs);
    }
  });
});

suite('retained media', () => {
  const W = 600 * S;

  test('pins protect the whole windows that they overlap, each once', () => {
    const pins = [
      { fromUs: 5 * W, toUs: 5 * W + 1 },
      { fromUs: W - 1, toUs: W },
      { fromUs: W + 5, toUs: 2 * W + 5 },
      { fromUs: W + 5, toUs: W + 6 },
    ];
    const ranges = windowsOver(pins);
    assert.deepEqual(ranges, [
      { fromUs: 0, toUs: 3 * W },
      { fromUs: 5 * W, toUs: 6 * W },
    ]);
    assert.deepEqual(
      [0, 3 * W - 1, 3 * W, 5 * W, 6 * W].map((us) => rangeAt(ranges, us)?.fromUs),
      [0, 0, undefined, 5 * W, undefined],
    );
    assert.equal(rangeAt([], 5), undefined);
  });

  test('a timeline has everything after the horizon, and pinned windows before it', () => {
    const all = pieces(['media', 500], ['crash', 200], ['media', 2300], ['offline', 100]);
    const kept = (horizon: number, pinned: [number, number][], from = 0, to = 4000) =>
      shown(
        retainedPieces(
          all,
          { horizonUs: horizon * S, pinned: pinned.map(([a, b]) => ({ fromUs: a * S, toUs: b * S })) },
          from * S,
          to * S,
        ),
      );
    assert.deepEqual(kept(0, []), shown(all));
    assert.deepEqual(kept(1200, []), [
      ['media', 1200, 3000],
      ['offline', 3000, 3100],
    ]);
    assert.deepEqual(kept(2400, [[600, 1200]], 0, 3000), [
      ['crash', 600, 700],
      ['media', 700, 1200],
      ['deleted', 1200, 2400],
      ['media', 2400, 3000],
    ]);
    assert.deepEqual(kept(2400, [[600, 1200]], 1500, 2000), []);
    assert.deepEqual(
      kept(
        9000,
        [
          [0, 600],
          [1800, 2400],
        ],
        100,
      ),
      [
        ['media', 100, 500],
        ['crash', 500, 600],
        ['deleted', 600, 1800],
        ['media', 1800, 2400],
        ['deleted', 2400, 3100],
      ],
    );
  });
});
