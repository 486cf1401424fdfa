/**
 * The heat band of the timeline bar: how often each part of the past was watched again, which range to
 * request for a view, and where its cells are.
 * In: views, RewoundView. Out: requests, cells, peaks. Pure.
 */
import type { RewoundView } from '../../../../src/api/rewound/rewound-shapes.ts';
import type { TimeSpan } from '../../time/span.ts';
import type { View } from '../view.ts';

/**
 * How often one bucket of the past was watched. Buckets are in order; what is between them was not watched.
 */
export interface HeatBucket extends TimeSpan {
  /** How much it was watched, in any unit, 0 or more. */
  readonly heat: number;
}

/** A cell of the band: left edge and width in per cent of the bar. */
export interface HeatCell {
  readonly left: number;
  readonly width: number;
  /** 1, the least, to 5, the most. */
  readonly level: number;
}

/** Cells of a view, at most: finer ones look the same. */
const MOST_CELLS = 240;
/** Shortest bucket of the server, seconds. */
const LEAST_STEP_S = 5;
/** Longest range of a request, milliseconds: the newest part of a longer view has a band. */
const LONGEST_MS = 31 * 86_400_000;
/** Colours of the band. */
const LEVELS = 5;
/** A part below this share of the hottest one is not a peak. */
const PEAK_SHARE = 0.3;
/** A peak ends where less than this share of it was watched. */
const EDGE_SHARE = 0.5;

/** A request of heat; unix milliseconds, on the grid of the steps. */
interface HeatRequest extends TimeSpan {
  /** Seconds. */
  readonly stepS: number;
}

/**
 * The request for a view, with half a view on both sides: on a grid, so that small moves send none.
 *
 * @param firstMs the oldest kept time, unix milliseconds
 * @param nowMs unix milliseconds
 * @returns null if the view has no past
 */
export function heatRequest(view: View, firstMs: number, nowMs: number): HeatRequest | null {
  const lengthMs = view.toMs - view.fromMs;
  const stepS = Math.max(1, Math.ceil(lengthMs / 1000 / MOST_CELLS / LEAST_STEP_S)) * LEAST_STEP_S;
  const gridMs = Math.max(stepS * 1000, lengthMs / 2);
  const toMs = Math.floor(Math.min(nowMs, Math.ceil(view.toMs / gridMs + 1) * gridMs));
  const wantedMs = Math.max(firstMs, Math.floor(view.fromMs / gridMs - 1) * gridMs);
  const fromMs = Math.floor(Math.max(wantedMs, toMs - LONGEST_MS));
  return toMs - fromMs < 1000 * stepS ? null : { fromMs, toMs, stepS };
}

/** The buckets of an answer. */
export function bucketsOf({ items, step }: Pick<RewoundView, 'items' | 'step'>): readonly HeatBucket[] {
  return items.map(({ at, share }) => {
    const fromMs = Date.parse(at);
    return { fromMs, toMs: fromMs + step * 1000, heat: share };
  });
}

/**
 * The cells of a view; what was never watched has none. The levels are shares of the hottest bucket of all,
 * so that a cell keeps its colour while the view moves.
 */
export function heatCells(buckets: readonly HeatBucket[], view: View): readonly HeatCell[] {
  const most = hottestOf(buckets);
  if (most === 0) return [];
  const place = (ms: number) => (100 * (ms - view.fromMs)) / (view.toMs - view.fromMs);
  const cells: HeatCell[] = [];
  let endMs: number | null = null;
  for (const bucket of buckets) {
    const level = Math.ceil((LEVELS * bucket.heat) / most);
    const fromMs = Math.max(bucket.fromMs, view.fromMs);
    const toMs = Math.min(bucket.toMs, view.toMs);
    if (level === 0 || toMs <= fromMs) continue;
    const last = cells.at(-1);
    if (last && last.level === level && endMs === fromMs) {
      cells[cells.length - 1] = { level, left: last.left, width: place(toMs) - last.left };
    } else {
      cells.push({ level, left: place(fromMs), width: place(toMs) - place(fromMs) });
    }
    endMs = toMs;
  }
  return cells;
}

function hottestOf(buckets: readonly HeatBucket[]): number {
  return buckets.reduce((most, { heat }) => Math.max(most, heat), 0);
}

/** A part that viewers went back to. */
export interface HeatPeak extends TimeSpan {
  /** Where it was watched most, unix milliseconds. */
  readonly topMs: number;
  /** Of the bucket that was watched most. */
  readonly heat: number;
}

/**
 * The parts that were watched most, the hottest first. A peak ends where less than half of its highest bucket
 * was watched; its slopes are no other peaks.
 *
 * @param most of the result
 */
export function heatPeaks(buckets: readonly HeatBucket[], most: number): readonly HeatPeak[] {
  const order = [...buckets.keys()].sort((a, b) => buckets[b]!.heat - buckets[a]!.heat || a - b);
  const hottest = hottestOf(buckets);
  const taken = new Set<number>();
  const peaks: HeatPeak[] = [];
  /** Whether two buckets have nothing between them. */
  const touch = (before: number, after: number) => buckets[before]?.toMs === buckets[after]?.fromMs;
  for (const top of order) {
    const { heat, fromMs } = buckets[top]!;
    if (peaks.length >= most || heat === 0 || heat < PEAK_SHARE * hottest) break;
    const isSlope = (next: number) => taken.has(next) || (buckets[next]?.heat ?? 0) > heat;
    if (taken.has(top)) continue;
    if ((touch(top - 1, top) && isSlope(top - 1)) || (touch(top, top + 1) && isSlope(top + 1))) continue;
    const isPart = (index: number) => !taken.has(index) && (buckets[index]?.heat ?? 0) >= EDGE_SHARE * heat;
    let first = top;
    let last = top;
    while (isPart(first - 1) && touch(first - 1, first)) first--;
    while (isPart(last + 1) && touch(last, last + 1)) last++;
    for (let index = first; index <= last; index++) taken.add(index);
    peaks.push({ fromMs: buckets[first]!.fromMs, toMs: buckets[last]!.toMs, topMs: fromMs, heat });
  }
  return peaks;
}

/** The level of a time, 0 for what was not watched. @param atMs unix milliseconds */
export function heatLevelAt(buckets: readonly HeatBucket[], atMs: number): number {
  const bucket = buckets.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
  return bucket && bucket.heat > 0 ? Math.ceil((LEVELS * bucket.heat) / hottestOf(buckets)) : 0;
}
