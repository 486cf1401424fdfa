/**
 * Why a span of a recording has no media. Shared with the web interface and written into commit boxes.
 * In: nothing. Out: ingest, recorder, recovery, timeline, playlists, metrics.
 */

/** Causes in the order of their numbers in a commit box (1 is the first); never reorder, only append. */
export const gapCauses = [
  'source-down',
  'source-skipped',
  'bad-media',
  'overload',
  'disk',
  'crash',
  'clock',
  'internal',
  'damaged',
] as const;

/** Why media of a recorded stream is missing. */
export type GapCause = (typeof gapCauses)[number];
