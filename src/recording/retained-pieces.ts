/**
 * Applies retention to a timeline: everything from the horizon on is retained, and pinned windows before it.
 * In: the pieces of a timeline. Out: the retained pieces, with `deleted` between them. Pure.
 */
import type { PinnedRange } from './pinned-windows.ts';
import type { TimelinePiece } from './timeline-piece.ts';

/** What is retained. */
interface Retained {
  /** Everything from here on, µs since 1970. */
  readonly horizonUs: number;
  /** And these windows, in order and disjoint. */
  readonly pinned: readonly PinnedRange[];
}

/**
 * The pieces of [fromUs, toUs). The first one was not deleted by retention: the timeline begins with retained
 * media.
 *
 * @param pieces in order, each begins where the previous one ends
 */
export function retainedPieces(
  pieces: readonly TimelinePiece[],
  { horizonUs, pinned }: Retained,
  fromUs: number,
  toUs: number,
): TimelinePiece[] {
  const retained: TimelinePiece[] = [];
  let next = 0;
  for (const piece of pieces) {
    const endUs = Math.min(piece.toUs, toUs);
    let cursorUs = Math.max(piece.fromUs, fromUs);
    while (cursorUs < endUs) {
      while (next < pinned.length && pinned[next]!.toUs <= cursorUs) next++;
      const range = pinned[next];
      const isKept = cursorUs >= horizonUs || (range !== undefined && range.fromUs <= cursorUs);
      // Until the next instant at which the answer changes.
      const untilUs =
        cursorUs >= horizonUs ? endUs : Math.min(horizonUs, (isKept ? range?.toUs : range?.fromUs) ?? endUs);
      const stretch = { fromUs: cursorUs, toUs: Math.min(endUs, untilUs) };
      if (isKept) append(retained, { ...piece, ...stretch });
      else if (retained.length > 0) append(retained, { ...stretch, kind: 'deleted', detail: '' });
      cursorUs = stretch.toUs;
    }
  }
  return retained;
}

function append(pieces: TimelinePiece[], piece: TimelinePiece): void {
  const last = pieces.at(-1);
  if (last?.kind === piece.kind && last.detail === piece.detail)
    pieces[pieces.length - 1] = { ...last, toUs: piece.toUs };
  else pieces.push(piece);
}
