/**
 * The span of a clip: its marks, its contents, and the estimated size of the file.
 * In: marks in unix milliseconds, the stream's past. Out: the clip panel, the list of clips. Pure.
 */
import type { ExportResult, JobView } from '../../../src/api/jobs/job-shapes.ts';
import type { Past, Stretch } from '../time/past.ts';
import type { Clip, TimeSpan } from '../time/span.ts';

/** File formats. */
export type ClipFormat = 'mp4' | 'mkv' | 'ts';

/** All formats, the most common first. */
export const clipFormats: readonly ClipFormat[] = ['mp4', 'mkv', 'ts'];

/** The server's longest clip, milliseconds. */
export const MAX_CLIP_MS = 24 * 3_600_000;
/** Longest clip in MKV or TS without a job, milliseconds. */
const LONGEST_REMUXED_MS = 2 * 3_600_000;
/** The longest clip with its own page, milliseconds. */
const LONGEST_PAGE_MS = 3_600_000;
/** A shorter hole is rounding of times, milliseconds. */
const LEAST_HOLE_MS = 100;

/** Why marks are not a clip. */
type ClipProblem = 'unmarked' | 'order' | 'long';

/** The span between two marks, or why there is none. */
export function spanOf({ fromMs, toMs }: Clip): TimeSpan | ClipProblem {
  if (fromMs === null || toMs === null) return 'unmarked';
  if (toMs <= fromMs) return 'order';
  return toMs - fromMs > MAX_CLIP_MS ? 'long' : { fromMs, toMs };
}

/** Whether the server provides this span at once, without a job. */
export function isFast(span: TimeSpan, format: ClipFormat): boolean {
  return format === 'mp4' || span.toMs - span.fromMs <= LONGEST_REMUXED_MS;
}

/** Whether a clip with its own page can be this long. */
export function isPageLong(span: TimeSpan): boolean {
  return span.toMs - span.fromMs <= LONGEST_PAGE_MS;
}

/** The contents of a span. */
export interface ClipContents {
  /** Media in it, milliseconds. */
  readonly mediaMs: number;
  /** Missing media, in order, cut to the span. */
  readonly holes: readonly Stretch[];
}

/**
 * The recorded and missing media of a span.
 *
 * @param past must cover the span; unknown time is neither media nor a hole
 */
export function contentsOf(past: Past, span: TimeSpan): ClipContents {
  const cut = past.stretches
    .map((stretch) => ({
      ...stretch,
      fromMs: Math.max(stretch.fromMs, span.fromMs),
      toMs: Math.min(stretch.toMs, span.toMs),
    }))
    .filter(({ fromMs, toMs }) => toMs > fromMs);
  const mediaMs = cut.reduce((sum, { kind, fromMs, toMs }) => sum + (kind === 'media' ? toMs - fromMs : 0), 0);
  return { mediaMs, holes: cut.filter(({ kind, fromMs, toMs }) => kind !== 'media' && toMs - fromMs >= LEAST_HOLE_MS) };
}

/**
 * The estimated size of a file.
 *
 * @param bitrate of all tracks together, bits per second
 * @param mediaMs media in it, milliseconds
 * @returns bytes
 */
export function estimateBytes(bitrate: number, mediaMs: number): number {
  return Math.round((bitrate / 8) * (mediaMs / 1000));
}

/** The stream and span of an export; null for other jobs. */
export function spanOfJob({ kind, input }: JobView): (TimeSpan & { stream: string; format: string }) | null {
  const { stream, from, to, format } = input;
  const [fromMs, toMs] = [Date.parse(String(from)), Date.parse(String(to))];
  if (kind !== 'export' || typeof stream !== 'string' || !(toMs > fromMs)) return null;
  return { stream, fromMs, toMs, format: String(format ?? 'mp4') };
}

/** What an export produced; null until it is done, and for a job of another kind. */
export function resultOfJob({ kind, result }: JobView): ExportResult | null {
  return kind === 'export' ? (result as ExportResult | null) : null;
}

const two = (value: number) => String(value).padStart(2, '0');

/**
 * A time as the value of a `datetime-local` field, in the local time zone; with milliseconds if there are
 * any.
 *
 * @param atMs unix milliseconds
 */
export function fieldValue(atMs: number): string {
  const at = new Date(Math.round(atMs));
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const ms = at.getMilliseconds();
  return `${date}T${time}${ms === 0 ? '' : `.${String(ms).padStart(3, '0')}`}`;
}

/**
 * A length to the tenth of a second, as clock digits: `00:12.3`, `1:02:03.0`.
 *
 * @param ms milliseconds, 0 or more; rounded
 */
export function spanText(ms: number): string {
  const tenths = Math.round(ms / 100);
  const seconds = Math.floor(tenths / 10);
  const hours = Math.floor(seconds / 3600);
  const clock = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}.${tenths % 10}`;
  return hours > 0 ? `${hours}:${clock}` : clock;
}
