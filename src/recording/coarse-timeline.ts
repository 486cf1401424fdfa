/**
 * Reduces a timeline to a resolution, and to a maximum number of pieces.
 * In: a timeline and a resolution. Out: the same time in fewer pieces; the total of each kind is unchanged.
 * Pure.
 */
import type { HealedSpan } from './healed/healed-pieces.ts';
import type { RunMark, Timeline } from './timeline.ts';
import type { TimelinePiece } from './timeline-piece.ts';

/** Most pieces of each kind, and most runs. */
export const MAX_PIECES = 2000;
/**
 * From this resolution on windows are left out (thirty days have 4,320): no player starts from such a view.
 * Seconds.
 */
const WITHOUT_WINDOWS_S = 600;

/** A timeline and its resolution. */
export interface CoarseTimeline extends Timeline {
  /** Media that was found later, oldest first, at most `MAX_PIECES`: the longest. */
  readonly healed: readonly HealedSpan[];
  /** Shorter pieces may be merged, seconds; 0: none is merged. */
  readonly resS: number;
}

/**
 * Merges pieces shorter than the resolution. Lowers the resolution further while there are too many pieces or
 * runs.
 *
 * @param resS whole seconds; 0: no merging unless there are too many
 */
export function coarsen(timeline: Timeline, resS: number): CoarseTimeline {
  let res = resS;
  const plain = timeline.pieces.map(withoutFact);
  let pieces = res > 0 ? mergePieces(plain, res * 1e6) : plain;
  let runs = res > 0 ? thinRuns(timeline.runs, res * 1e6) : timeline.runs;
  while (runs.length > MAX_PIECES || isTooMuch(pieces)) {
    res = Math.max(1, res * 2);
    pieces = mergePieces(plain, res * 1e6);
    runs = thinRuns(timeline.runs, res * 1e6);
  }
  const windows = res >= WITHOUT_WINDOWS_S ? [] : timeline.windows;
  return { ...timeline, pieces, runs, windows, healed: healedOf(timeline.pieces), resS: res };
}

function withoutFact(piece: TimelinePiece): TimelinePiece {
  if (!piece.healed) return piece;
  const { healed: _, ...plain } = piece;
  return plain;
}

function healedOf(pieces: readonly TimelinePiece[]): HealedSpan[] {
  const spans = pieces.flatMap(({ fromUs, toUs, healed }) => (healed ? [{ fromUs, toUs, fact: healed }] : []));
  if (spans.length <= MAX_PIECES) return spans;
  const longest = spans.toSorted((a, b) => b.toUs - b.fromUs - (a.toUs - a.fromUs)).slice(0, MAX_PIECES);
  return longest.sort((a, b) => a.fromUs - b.fromUs);
}

const listOf = ({ kind }: TimelinePiece): string =>
  kind === 'media' || kind === 'offline' || kind === 'deleted' ? kind : 'gap';

function isTooMuch(pieces: readonly TimelinePiece[]): boolean {
  const counts = new Map<string, number>();
  for (const piece of pieces) {
    const list = listOf(piece);
    const count = (counts.get(list) ?? 0) + 1;
    if (count > MAX_PIECES) return true;
    counts.set(list, count);
  }
  return false;
}

/**
 * Merges stretches without media that are within `resUs` into one of each kind, with the sum of their
 * durations, from the start of the first; the media between them follows. So a single gap keeps its times, a
 * thousand short gaps stay one visible gap, and the total of each kind is unchanged.
 */
function mergePieces(pieces: readonly TimelinePiece[], resUs: number): TimelinePiece[] {
  const merged: TimelinePiece[] = [];
  for (let i = 0; i < pieces.length; ) {
    const first = pieces[i]!;
    let end = i + 1;
    if (first.kind !== 'media') {
      for (let next = end; next < pieces.length && pieces[next]!.toUs - first.fromUs <= resUs; next++) {
        if (pieces[next]!.kind !== 'media') end = next + 1;
      }
    }
    if (end === i + 1) append(merged, first);
    else for (const piece of together(pieces.slice(i, end))) append(merged, piece);
    i = end;
  }
  return merged;
}

/** One piece of each kind, media last. */
function together(pieces: readonly TimelinePiece[]): TimelinePiece[] {
  let cursorUs = pieces[0]!.fromUs;
  const lengthOf = ({ fromUs, toUs }: TimelinePiece) => toUs - fromUs;
  const groups = Map.groupBy(pieces, listOf);
  return ['gap', 'offline', 'deleted', 'media'].flatMap((list) => {
    const group = groups.get(list);
    if (!group) return [];
    const longest = group.reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a));
    const fromUs = cursorUs;
    cursorUs += group.reduce((sum, piece) => sum + lengthOf(piece), 0);
    return [{ ...longest, fromUs, toUs: cursorUs, ...(group.length > 1 && { merged: group.length }) }];
  });
}

/** Appends a piece; adjacent media is joined. */
function append(pieces: TimelinePiece[], piece: TimelinePiece): void {
  const last = pieces.at(-1);
  if (last?.kind !== 'media' || piece.kind !== 'media') pieces.push(piece);
  else {
    const merged = (last.merged ?? 1) + (piece.merged ?? 1);
    pieces[pieces.length - 1] = { ...last, toUs: piece.toUs, merged };
  }
}

/**
 * Keeps the first of the runs that begin within the same `resUs`; players request a finer timeline before
 * they play.
 */
function thinRuns(runs: readonly RunMark[], resUs: number): RunMark[] {
  if (runs.length <= MAX_PIECES) return [...runs];
  let bin = Number.NEGATIVE_INFINITY;
  return runs.filter(({ startUs }) => {
    const runBin = Math.floor(startUs / resUs);
    const isFirst = runBin !== bin;
    bin = runBin;
    return isFirst;
  });
}
