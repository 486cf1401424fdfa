/**
 * What is known of a stream's past, in order, and which moment a click means.
 * In: the timeline as the API tells it. Out: the bar, the player. Pure.
 */
import type { GapCause } from '../../../src/api/gap.ts';
import type { TimelineView } from '../../../src/api/shapes.ts';

/** A stretch [fromMs, toMs) of one kind, unix milliseconds. */
export interface Stretch {
  /** `deleted`: was recorded, and is no longer kept. */
  readonly kind: 'media' | 'gap' | 'offline' | 'deleted';
  readonly fromMs: number;
  readonly toMs: number;
  /** Why media is missing; only for gaps. */
  readonly cause?: GapCause;
  /** What exactly happened; only for gaps, may be empty. */
  readonly detail?: string;
  /** So many stretches that are told as one, as long as all of them together; left out: one. */
  readonly merged?: number;
}

/** Stretches of [fromMs, toMs) in order of time, without overlap. */
export interface Past {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stretches: readonly Stretch[];
}

/** Two stretches of media nearer than this are one to a viewer: segments touch only to the rounding of their times. Milliseconds. */
export const TOUCHING_MS = 50;

/** Turns the API's answer into stretches in order; what cannot be read as a time is left out. */
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
  return { fromMs: Date.parse(view.from), toMs: Date.parse(view.to), stretches };
}

/** The stretch that holds a moment, or undefined where nothing is known of it. */
export function stretchAt(past: Past, atMs: number): Stretch | undefined {
  return past.stretches.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
}

/** Where to play when someone asks for a moment. */
export interface Moment {
  /** Unix milliseconds; holds media, as far as is known. */
  readonly atMs: number;
  /** What was stepped over to get there; undefined where the wished moment itself holds media. */
  readonly skipped?: Stretch;
}

/**
 * The moment itself where it is recorded, else the start of the next stretch of media.
 *
 * @param targetMs unix milliseconds
 * @returns undefined where no media follows: the only thing after it is now
 */
export function findMoment(past: Past, targetMs: number): Moment | undefined {
  const here = stretchAt(past, targetMs);
  if (here?.kind === 'media') return { atMs: targetMs };
  const next = past.stretches.find(({ kind, fromMs }) => kind === 'media' && fromMs >= targetMs);
  if (!next) return undefined;
  if (next.fromMs - targetMs <= TOUCHING_MS) return { atMs: next.fromMs };
  return { atMs: next.fromMs, skipped: here ?? { kind: 'offline', fromMs: targetMs, toMs: next.fromMs } };
}

/** How much of the stretch before a hole is played when someone steps back into the hole, milliseconds. */
const BEFORE_HOLE_MS = 5_000;

/**
 * The moment itself where it is recorded, else the last seconds of the stretch of media before it: what stepping back means.
 *
 * @param targetMs unix milliseconds
 * @returns undefined where no media lies before it
 */
export function findMomentBefore(past: Past, targetMs: number): Moment | undefined {
  if (stretchAt(past, targetMs)?.kind === 'media') return { atMs: targetMs };
  const before = past.stretches.findLast(({ kind, toMs }) => kind === 'media' && toMs <= targetMs);
  return before && { atMs: Math.max(before.fromMs, before.toMs - BEFORE_HOLE_MS) };
}

/** The end of the newest media, unix milliseconds; undefined where there is none. */
export function lastMedia(past: Past): number | undefined {
  return past.stretches.findLast(({ kind }) => kind === 'media')?.toMs;
}

/**
 * A past without an offline stretch before the first recorded moment: there is no telling what was then.
 *
 * @param firstMs the oldest kept moment, unix milliseconds; null where nothing is recorded
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

/** What is being recorded is told this late at most, milliseconds. */
const MAX_REPORT_DELAY_MS = 15_000;

/**
 * A past whose newest media goes on to now, where it was recorded a moment ago and nothing else is known since.
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
