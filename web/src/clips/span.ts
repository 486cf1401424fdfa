/**
 * The span of a clip: its marks, what lies between them, and how large the file will be.
 * In: marks in unix milliseconds, the stream's past. Out: the clip panel, the list of clips. Pure.
 */
import type { JobView } from '../../../src/api/job-shapes.ts';
import type { Past, Stretch } from '../timeline/past.ts';

/** Where a clip begins and ends, unix milliseconds; null where no mark is set. */
export interface Marks {
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** [fromMs, toMs), unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Kinds of files. */
export type ClipFormat = 'mp4' | 'mkv' | 'ts';

/** All kinds, the commonest first. */
export const clipFormats: readonly ClipFormat[] = ['mp4', 'mkv', 'ts'];

/** The server gives no longer range as a file, milliseconds. */
export const MAX_CLIP_MS = 24 * 3_600_000;
/** A longer clip in MKV or TS is not given at once, milliseconds. */
const LONGEST_REMUXED_MS = 2 * 3_600_000;
/** A hole shorter than this is the rounding of times, milliseconds. */
const LEAST_HOLE_MS = 100;

/** What keeps marks from being a clip. */
export type ClipProblem = 'unmarked' | 'order' | 'long';

/** The span between two marks, or why there is none. */
export function spanOf({ fromMs, toMs }: Marks): Span | ClipProblem {
  if (fromMs === null || toMs === null) return 'unmarked';
  if (toMs <= fromMs) return 'order';
  return toMs - fromMs > MAX_CLIP_MS ? 'long' : { fromMs, toMs };
}

/** Whether the server can give this span at once, without a job. */
export function isFast(span: Span, format: ClipFormat): boolean {
  return format === 'mp4' || span.toMs - span.fromMs <= LONGEST_REMUXED_MS;
}

/** What a span holds. */
export interface ClipContents {
  /** Media in it, milliseconds. */
  readonly mediaMs: number;
  /** What is missing within it, in order, cut to the span. */
  readonly holes: readonly Stretch[];
}

/**
 * What of a span is recorded, and what is not.
 *
 * @param past must cover the span; what it does not know is neither media nor a hole
 */
export function contentsOf(past: Past, span: Span): ClipContents {
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
 * About how large a file will be.
 *
 * @param bitrate of all tracks together, bits per second
 * @param mediaMs how much media goes into it, milliseconds
 * @returns bytes
 */
export function estimateBytes(bitrate: number, mediaMs: number): number {
  return Math.round((bitrate / 8) * (mediaMs / 1000));
}

/** The stream and span that an export was asked for; null where the job is no export. */
export function spanOfJob({ kind, input }: JobView): (Span & { stream: string; format: string }) | null {
  const { stream, from, to, format } = input;
  const [fromMs, toMs] = [Date.parse(String(from)), Date.parse(String(to))];
  if (kind !== 'export' || typeof stream !== 'string' || !(toMs > fromMs)) return null;
  return { stream, fromMs, toMs, format: String(format ?? 'mp4') };
}

const two = (value: number) => String(value).padStart(2, '0');

/**
 * A moment as the value of a `datetime-local` field, in the zone of the machine; milliseconds only where there are some.
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
 * A length to the tenth of a second, as a clock: `00:12.3`, `1:02:03.0`.
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
