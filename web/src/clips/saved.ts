/**
 * The saved clips in the browser's storage: a short list, validated when it is parsed, because any script of
 * the origin can write there.
 * In: the text of the storage. Out: clips, newest first; the text to store. Pure.
 */
import { isStreamName } from '../../../src/api/stream/stream-name.ts';
import type { TimeSpan } from '../time/span.ts';
import { type ClipFormat, clipFormats, MAX_CLIP_MS } from './span.ts';

export interface SavedClip extends TimeSpan {
  readonly stream: string;
  readonly name: string;
  readonly format: ClipFormat;
  /** The job that created the exact file; undefined for a clip of whole segments. */
  readonly jobId?: string;
  /** When it was saved, unix milliseconds. */
  readonly madeMs: number;
}

/** Longest list: the oldest are dropped. */
export const MAX_SAVED = 100;
/** Longest name, characters. */
export const MAX_NAME = 80;
const JOB_ID = /^[\w-]{1,80}$/;
/** The last time that JavaScript can represent, unix milliseconds. */
const LAST_MS = 8.64e15;

/** Clips with the same key are the same. */
export function keyOf({ stream, fromMs, toMs, format, jobId = '' }: SavedClip): string {
  return [stream, fromMs, toMs, format, jobId].join(' ');
}

/**
 * Parses the list; invalid entries are left out.
 *
 * @param text the stored text, any text; null if there is none
 */
export function parseSaved(text: string | null): readonly SavedClip[] {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  const clips = value.slice(0, 10 * MAX_SAVED).flatMap((item: unknown) => readClip(item) ?? []);
  const keys = clips.map(keyOf);
  return clips.filter((_, i) => keys.indexOf(keys[i]!) === i).slice(0, MAX_SAVED);
}

function readClip(value: unknown): SavedClip | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { stream, name, fromMs, toMs, format, jobId, madeMs } = value as Partial<Record<keyof SavedClip, unknown>>;
  if (typeof stream !== 'string' || !isStreamName(stream) || typeof name !== 'string') return undefined;
  if (!isMoment(fromMs) || !isMoment(toMs) || !isMoment(madeMs)) return undefined;
  if (toMs <= fromMs || toMs - fromMs > MAX_CLIP_MS) return undefined;
  if (!clipFormats.includes(format as ClipFormat)) return undefined;
  const isExact = typeof jobId === 'string' && JOB_ID.test(jobId);
  return {
    stream,
    fromMs,
    toMs,
    madeMs,
    name: name.slice(0, MAX_NAME),
    format: format as ClipFormat,
    ...(isExact && { jobId }),
  };
}

function isMoment(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LAST_MS;
}

/** The list with a clip in front, without an earlier copy of it and without the oldest beyond the limit. */
export function withClip(clips: readonly SavedClip[], clip: SavedClip): readonly SavedClip[] {
  return [clip, ...withoutClip(clips, clip)].slice(0, MAX_SAVED);
}

/** The list with a clip at its place in order of time. */
export function withClipBack(clips: readonly SavedClip[], clip: SavedClip): readonly SavedClip[] {
  const others = withoutClip(clips, clip);
  const older = others.findIndex(({ madeMs }) => madeMs <= clip.madeMs);
  return (older < 0 ? [...others, clip] : others.toSpliced(older, 0, clip)).slice(0, MAX_SAVED);
}

/** The list without a clip. */
export function withoutClip(clips: readonly SavedClip[], clip: SavedClip): readonly SavedClip[] {
  const key = keyOf(clip);
  return clips.filter((other) => keyOf(other) !== key);
}
