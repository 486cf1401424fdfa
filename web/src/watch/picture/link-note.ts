/**
 * What a link with a time cannot show: a time before the first recording, in the future, or one that cannot
 * be read.
 * In: the `t` of the address, the recording. Out: a note over the picture. Pure.
 */

/** A shared clock may be this much ahead of the server's, milliseconds. */
const AHEAD_MS = 5_000;
/**
 * A recording that begins this much later than a link is the same moment, milliseconds: links have whole
 * seconds.
 */
const SAME_MS = 2_000;

/** A note about a link; `atMs`: unix milliseconds. */
export type LinkNote =
  | { readonly key: 'note.unreadable' | 'note.future' }
  | { readonly key: 'note.begins'; readonly atMs: number };

/** A link, and what there is. Unix milliseconds. */
interface OpenedLink {
  /** The requested time; null: none, or not readable. */
  readonly atMs: number | null;
  /** The `t` of the address as it was typed; null: none. */
  readonly typed: string | null;
  /** The oldest kept time; null if nothing is recorded. */
  readonly firstMs: number | null;
  readonly nowMs: number;
}

/** The note about a link; null if the page shows the requested time. */
export function linkNote({ atMs, typed, firstMs, nowMs }: OpenedLink): LinkNote | null {
  if (atMs === null) return typed === null ? null : { key: 'note.unreadable' };
  if (atMs > nowMs + AHEAD_MS) return { key: 'note.future' };
  return firstMs !== null && atMs < firstMs - SAME_MS ? { key: 'note.begins', atMs: firstMs } : null;
}
