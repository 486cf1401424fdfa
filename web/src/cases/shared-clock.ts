/**
 * One clock for ranges that may be days apart: stretches without any range are cut to a share of the width.
 * In: ranges. Out: places of instants on a line. Pure.
 */

/** A stretch of time, unix milliseconds. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where a stretch is on the line, percent of its width. */
export interface Place {
  readonly start: number;
  readonly width: number;
}

/** A stretch of the line. */
interface Piece extends Stretch {
  readonly at: number;
  readonly length: number;
  readonly isCut: boolean;
}

/** Share of the width of each stretch that is cut. */
const CUT_SHARE = 0.04;

/** The line of some ranges. */
export interface SharedClock {
  /** The stretches that are cut. */
  readonly cuts: readonly Place[];
  /** @returns percent of the width */
  at(ms: number): number;
  place(stretch: Stretch): Place;
}

/** Lays out ranges in any order; at least one. */
export function layOutClock(ranges: readonly Stretch[]): SharedClock {
  const pieces = piecesOf(joined(ranges));
  const last = pieces.at(-1)!;
  const whole = last.at + last.length || 1;
  const percent = (value: number) => (100 * value) / whole;
  const at = (ms: number) => {
    const piece = pieces.find(({ toMs }) => ms <= toMs) ?? last;
    const share = (ms - piece.fromMs) / (piece.toMs - piece.fromMs || 1);
    return percent(piece.at + Math.min(1, Math.max(0, share)) * piece.length);
  };
  return {
    cuts: pieces
      .filter(({ isCut }) => isCut)
      .map((piece) => ({ start: percent(piece.at), width: percent(piece.length) })),
    at,
    place: ({ fromMs, toMs }) => ({ start: at(fromMs), width: at(toMs) - at(fromMs) }),
  };
}

/** Ranges that touch, as one; in order. */
function joined(ranges: readonly Stretch[]): Stretch[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of ranges.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const before = spans.at(-1);
    if (before && fromMs <= before.toMs) before.toMs = Math.max(before.toMs, toMs);
    else spans.push({ fromMs, toMs });
  }
  return spans;
}

function piecesOf(spans: readonly Stretch[]): Piece[] {
  const cutMs = CUT_SHARE * spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const pieces: Piece[] = [];
  let at = 0;
  const add = (fromMs: number, toMs: number, length: number, isCut: boolean) => {
    pieces.push({ fromMs, toMs, at, length, isCut });
    at += length;
  };
  for (const [i, { fromMs, toMs }] of spans.entries()) {
    const before = spans[i - 1]?.toMs;
    if (before !== undefined) add(before, fromMs, Math.min(cutMs, fromMs - before), fromMs - before > cutMs);
    add(fromMs, toMs, toMs - fromMs, false);
  }
  return pieces;
}
