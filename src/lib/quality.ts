/**
 * Which quality of a source is wanted, as people write it.
 * In: `best`, `worst`, `720p`, `720p60`, `2500k`, `2M`. Out: a wish that HLS sources and pages choose by. Pure.
 */
import { FormatError } from './errors.ts';

/** A wish. */
export type RequestedQuality =
  | { readonly kind: 'best' | 'worst' }
  /** Lines of the picture, and frames per second where it was said. */
  | { readonly kind: 'height'; readonly height: number; readonly frameRate?: number }
  /** Bits per second. */
  | { readonly kind: 'bitrate'; readonly bitrate: number };

/** What may be written, for hints. */
export const QUALITIES = 'best, worst, a height such as 720p or 720p60, or a bitrate such as 2500k or 2M';

/**
 * Reads a wish; the empty text is `best`.
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
 * What a quality is called: `720p`, `1080p60` above 30 frames per second, else its bitrate rounded up: `2501k`.
 *
 * @param bandwidth bits per second
 * @returns '' when nothing is known of it
 */
export function qualityName(of: {
  readonly height?: number | undefined;
  readonly frameRate?: number | undefined;
  readonly bandwidth?: number | undefined;
}): string {
  if (of.height) return `${of.height}p${of.frameRate && Math.round(of.frameRate) > 30 ? Math.round(of.frameRate) : ''}`;
  return of.bandwidth ? `${Math.ceil(of.bandwidth / 1000)}k` : '';
}
