/**
 * Pieces of a recording that a list names and the server does not have: which are tried again, and which are stepped over.
 * In: errors of hls.js. Out: verdicts. Pure but for its memory.
 */
import type { ErrorData } from 'hls.js';

/** A Media Segment that cannot be had, unix milliseconds. */
export interface Piece {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A piece ahead of a picture that plays is asked for so often. */
const TRIES = 2;
/** So many are stepped over in a row without a picture between them. */
const MOST_OVER = 10;

/** The piece that an error is about; null where it is about something else, or may yet be had. */
export function missingPiece({ details, response, frag }: ErrorData): Piece | null {
  const isGone = response?.code === 404 || response?.code === 410;
  const fromMs = frag?.programDateTime ?? null;
  if (details !== 'fragLoadError' || !isGone || !frag || fromMs === null) return null;
  return { fromMs, toMs: fromMs + frag.duration * 1000 };
}

/** The missing pieces of one player. */
export class Missing {
  #fromMs: number | null = null;
  #tries = 0;
  #over = 0;

  /** A piece ahead of the picture was not to be had. Tells whether to try again. */
  ahead(piece: Piece): boolean {
    this.#over = 0; // there was a picture
    this.#tries = piece.fromMs === this.#fromMs ? this.#tries + 1 : 1;
    this.#fromMs = piece.fromMs;
    return this.#tries < TRIES;
  }

  /** Nothing can be shown for want of a piece. Tells whether to step over it: not without end. */
  first(): boolean {
    this.#over += 1;
    return this.#over <= MOST_OVER;
  }
}
