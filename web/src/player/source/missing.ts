/**
 * Segments of a recording that a playlist lists and the server does not have: which are requested again, and
 * which are skipped.
 * In: errors of hls.js. Out: the segment, and how often it was missing. Pure.
 */
import type { ErrorData } from 'hls.js';

/** A Media Segment that the server does not have, unix milliseconds. */
export interface MissingSegment {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A segment ahead of a picture that plays is requested this often. */
const MAX_TRIES = 2;
/** This many are skipped in a row without a picture between them. */
const MAX_SKIPPED = 10;

/**
 * The segment that an error is about; null if the error is about something else, or if the segment may still
 * become available.
 */
export function missingSegment({ details, response, frag }: ErrorData): MissingSegment | null {
  const isGone = response?.code === 404 || response?.code === 410;
  const fromMs = frag?.programDateTime ?? null;
  if (details !== 'fragLoadError' || !isGone || !frag || fromMs === null) return null;
  return { fromMs, toMs: fromMs + frag.duration * 1000 };
}

/** The state of missing segments. */
export interface Missing {
  /** Start of the last missing segment, unix milliseconds. */
  readonly fromMs: number | null;
  readonly tries: number;
  /** Skipped in a row. */
  readonly skipped: number;
}

export const nothingMissing: Missing = { fromMs: null, tries: 0, skipped: 0 };

/** A segment ahead of the picture is missing. */
export function missedAhead({ fromMs, tries }: Missing, segment: MissingSegment): Missing {
  return { fromMs: segment.fromMs, tries: segment.fromMs === fromMs ? tries + 1 : 1, skipped: 0 };
}

/** Whether the last missing segment is requested again. */
export function mayRequestAgain({ tries }: Missing): boolean {
  return tries < MAX_TRIES;
}

/** A segment is missing, and there is no picture before it. */
export function missedFirst(missing: Missing): Missing {
  return { ...missing, skipped: missing.skipped + 1 };
}

/** Whether the segment is skipped. */
export function maySkip({ skipped }: Missing): boolean {
  return skipped <= MAX_SKIPPED;
}
