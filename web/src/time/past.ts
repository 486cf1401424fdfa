/**
 * The known past of a stream, in order of time, and the recorded time nearest to a requested one.
 * In: the timeline of the API. Out: the bar, the player. Pure.
 */
import type { GapCause } from '@oxbow/media/gap';
import type { TimelineView } from '../../../src/api/shapes.ts';

/** A stretch [fromMs, toMs) of one kind, unix milliseconds. */
export interface Stretch {
  /** `deleted`: was recorded, and has been deleted. */
  readonly kind: 'media' | 'gap' | 'offline' | 'deleted';
  readonly fromMs: number;
  readonly toMs: number;
  /** Why media is missing; only for gaps. */
  readonly cause?: GapCause;
  /** Details; only for gaps, may be empty. */
  readonly detail?: string;
  /** Number of stretches that are merged into this one; omitted: one. */
  readonly merged?: number;
}

/** Media that was missing and was found later; a part of the media. Unix milliseconds. */
export interface HealedPart {
  readonly fromMs: number;
  readonly toMs: number;
  /** When it was found. */
  readonly healedMs: number;
  /** Name of the source that had it. */
  readonly source: string;
  /** Why it was missing. */
  readonly cause: GapCause | 'offline';
}

/** Stretches of [fromMs, toMs) in order of time, without overlap. */
export interface Past {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stretches: readonly Stretch[];
  /** In order of time; omitted: nothing was found later. */
  readonly healed?: readonly HealedPart[];
}

/** Closer stretches of media are contiguous: the times of segments are rounded. Milliseconds. */
export const TOUCHING_MS = 50;

/** Parses the API's timeline into stretches in order; entries with an invalid time are left out. */
export function readPast(view: TimelineView): Past {
  const stretch = (kind: Stretch['kind'], span: { from: string; to: string; merged?: number }): Stretch => ({
    kind,
    fromMs: Date.parse(span.from),
    toMs: Date.parse(span.to),
    ...(span.merged !== undefined && { merged: span.merged }),
  });
  const stretches = [
    ...view.spans.map((span) => stretch('media', span)),
    ...view.gaps.map((gap) => ({ ...stretch('gap', gap), cause: gap.cause, detail: gap.detail })),
    ...view.offline.map((span) => stretch('offline', span)),
    ...(view.deleted ?? []).map((span) => stretch('deleted', span)),
  ]
    .filter(({ fromMs, toMs }) => toMs > fromMs) // NaN too
    .sort((a, b) => a.fromMs - b.fromMs);
  return { fromMs: Date.parse(view.from), toMs: Date.parse(view.to), stretches, ...healedOf(view) };
}

/** An older server does not list it. */
function healedOf({ healed = [] }: Partial<Pick<TimelineView, 'healed'>>): Pick<Past, 'healed'> {
  const parts = healed
    .map(({ from, to, healedAt, source, cause }) => {
      return { fromMs: Date.parse(from), toMs: Date.parse(to), healedMs: Date.parse(healedAt), source, cause };
    })
    .filter(({ fromMs, toMs }) => toMs > fromMs);
  return parts.length > 0 ? { healed: parts } : {};
}

/** What was found later at a time; undefined for other media. */
export function healedAt({ healed = [] }: Past, atMs: number): HealedPart | undefined {
  return healed.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
}

/** What was found later in [fromMs, toMs). */
export function healedIn(
  { healed = [] }: Past,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): readonly HealedPart[] {
  return healed.filter((part) => part.toMs > fromMs && part.fromMs < toMs);
}

/** The stretch that contains a time; undefined if it is unknown. */
export function stretchAt(past: Past, atMs: number): Stretch | undefined {
  return past.stretches.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
}

/** A time that can be played. */
export interface Moment {
  /** Unix milliseconds; has media, as far as is known. */
  readonly atMs: number;
  /** The stretch skipped to get there; undefined if the requested time itself has media. */
  readonly skipped?: Stretch;
}

/**
 * The requested time if it is recorded, otherwise the start of the next stretch of media.
 *
 * @param targetMs unix milliseconds
 * @returns undefined if no media follows: then only live is after it
 */
export function findMoment(past: Past, targetMs: number): Moment | undefined {
  const here = stretchAt(past, targetMs);
  if (here?.kind === 'media') return { atMs: targetMs };
  const next = past.stretches.find(({ kind, fromMs }) => kind === 'media' && fromMs >= targetMs);
  if (!next) return undefined;
  if (next.fromMs - targetMs <= TOUCHING_MS) return { atMs: next.fromMs };
  return { atMs: next.fromMs, skipped: here ?? { kind: 'offline', fromMs: targetMs, toMs: next.fromMs } };
}

/** After a step back into a hole, this much of the media before it is played, milliseconds. */
const BEFORE_HOLE_MS = 5_000;

/**
 * The requested time if it is recorded, otherwise the last seconds of the media before it: the target of a
 * step back.
 *
 * @param targetMs unix milliseconds
 * @returns undefined if there is no media before it
 */
export function findMomentBefore(past: Past, targetMs: number): Moment | undefined {
  if (stretchAt(past, targetMs)?.kind === 'media') return { atMs: targetMs };
  const before = past.stretches.findLast(({ kind, toMs }) => kind === 'media' && toMs <= targetMs);
  return before && { atMs: Math.max(before.fromMs, before.toMs - BEFORE_HOLE_MS) };
}

/** The end of the newest media, unix milliseconds; undefined if there is none. */
export function lastMedia(past: Past): number | undefined {
  return past.stretches.findLast(({ kind }) => kind === 'media')?.toMs;
}

/**
 * The past without offline time before the first recorded media: that time is unknown.
 *
 * @param firstMs the oldest kept time, unix milliseconds; null if nothing is recorded
 */
export function sinceFirst(past: Past, firstMs: number | null): Past {
  const isBefore = ({ kind, fromMs }: Stretch) => kind === 'offline' && (firstMs === null || fromMs < firstMs);
  if (!past.stretches.some(isBefore)) return past;
  const stretches = past.stretches.flatMap((stretch) => {
    if (!isBefore(stretch)) return [stretch];
    return firstMs !== null && stretch.toMs > firstMs ? [{ ...stretch, fromMs: firstMs }] : [];
  });
  return { ...past, stretches };
}

/** The API reports new media at most this late, milliseconds. */
const MAX_REPORT_DELAY_MS = 15_000;

/**
 * The past with its newest media extended to now, if it was recorded a moment ago and nothing else is known
 * since.
 *
 * @param nowMs unix milliseconds
 */
export function grownPast(past: Past, nowMs: number): Past {
  const last = past.stretches.at(-1);
  if (last?.kind !== 'media' || nowMs <= last.toMs || nowMs - last.toMs > MAX_REPORT_DELAY_MS) return past;
  return {
    ...past,
    toMs: Math.max(past.toMs, nowMs),
    stretches: [...past.stretches.slice(0, -1), { ...last, toMs: nowMs }],
  };
}
