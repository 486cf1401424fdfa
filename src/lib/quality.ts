/**
 * The requested quality of a source as text.
 * In: `best`, `worst`, `720p`, `720p60`, `2500k`, `2M`. Out: the criterion by which HLS sources and pages
 * choose. Pure.
 */
import { FormatError } from '@oxbow/media/errors';

/** A criterion for the choice of a variant. */
export type RequestedQuality =
  | { readonly kind: 'best' | 'worst' }
  /** Lines of the picture, and frames per second if given. */
  | { readonly kind: 'height'; readonly height: number; readonly frameRate?: number }
  /** Bits per second. */
  | { readonly kind: 'bitrate'; readonly bitrate: number };

/** Valid values, for hints. */
export const QUALITIES = 'best, worst, a height such as 720p or 720p60, or a bitrate such as 2500k or 2M';

/**
 * Parses a quality; empty text is `best`.
 *
 * @throws FormatError with what to write instead
 */
export function parseQuality(text: string): RequestedQuality {
  const word = text.trim().toLowerCase();
  if (word === '' || word === 'best') return { kind: 'best' };
  if (word === 'worst') return { kind: 'worst' };
  const lines = /^(\d{2,5})p(\d{1,3})?$/.exec(word);
  if (lines) {
    const height = Number(lines[1]);
    return lines[2] === undefined
      ? { kind: 'height', height }
      : { kind: 'height', height, frameRate: Number(lines[2]) };
  }
  const bits = /^(\d{1,9}(?:\.\d{1,6})?)([km])$/.exec(word);
  if (bits) return { kind: 'bitrate', bitrate: Math.round(Number(bits[1]) * (bits[2] === 'm' ? 1_000_000 : 1000)) };
  throw new FormatError(`"${text.slice(0, 40)}" is not a quality; write best, worst, 720p, 720p60, 2500k or 2M`, 0);
}

/**
 * The name of a quality: `720p`, `1080p60` above 30 frames per second, else its bitrate rounded up: `2501k`.
 *
 * @param bandwidth bits per second
 * @returns '' if nothing is known
 */
export function qualityName(of: {
  readonly height?: number | undefined;
  readonly frameRate?: number | undefined;
  readonly bandwidth?: number | undefined;
}): string {
  if (of.height) return `${of.height}p${of.frameRate && Math.round(of.frameRate) > 30 ? Math.round(of.frameRate) : ''}`;
  return of.bandwidth ? `${Math.ceil(of.bandwidth / 1000)}k` : '';
}

/**
 * Which variants of a source are pulled besides the chosen one, as qualities of its stream: none, all, or
 * those of these heights.
 */
export type QualitySet = 'best' | 'all' | readonly number[];

/** Most heights of a set. */
const MAX_HEIGHTS = 8;

/**
 * Parses a set of qualities: `best`, `all`, or heights such as `720p, 480p`; empty text is `best`.
 *
 * @throws FormatError with what to write instead
 */
export function parseQualitySet(text: string): QualitySet {
  const word = text.trim().toLowerCase();
  if (word === '' || word === 'best') return 'best';
  if (word === 'all') return 'all';
  const heights = word.split(',').map((height) => /^(\d{2,5})p?$/.exec(height.trim())?.[1]);
  if (heights.length > MAX_HEIGHTS || heights.includes(undefined)) {
    throw new FormatError(
      `"${text.slice(0, 40)}" names no qualities; write best, all, or heights such as 720p, 480p`,
      0,
    );
  }
  return heights.map(Number);
}
