/**
 * Durations as text: `90s`, `15m`, `1h30m`, `7d`, `200ms`, or plain seconds.
 * In: text from flags, files and URLs. Out: milliseconds, and back.
 */
import { FormatError } from '@oxbow/media/errors';

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const printed = ['d', 'h', 'm', 's', 'ms'] as const;
/** A century; a longer duration is a typing error. */
const MAX_MS = 36_525 * 86_400_000;
const PIECE = /(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d|w)/y;

/**
 * Reads a duration.
 *
 * @param text units ms, s, m, h, d, w, one or more, the largest first; digits without a unit are
 *   seconds
 * @returns whole milliseconds, 0 to a century
 * @throws FormatError with the offset of the first character that is not understood
 */
export function parseDuration(text: string): number {
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) return bounded(Number(text) * 1000, text);
  let total = 0;
  let at = 0;
  let smallest = Number.POSITIVE_INFINITY;
  while (at < text.length) {
    PIECE.lastIndex = at;
    const piece = PIECE.exec(text);
    if (!piece) break;
    const unit = unitMs[piece[2]!]!;
    if (unit >= smallest) break;
    smallest = unit;
    total += Number(piece[1]) * unit;
    at = PIECE.lastIndex;
  }
  if (at === 0 || at < text.length) {
    throw new FormatError(`"${text.slice(0, 64)}" is not a duration; write 90s, 15m, 1h30m, 7d or plain seconds`, at);
  }
  return bounded(total, text);
}

function bounded(ms: number, text: string): number {
  if (ms > MAX_MS) throw new FormatError(`"${text.slice(0, 64)}" is longer than a century`, 0);
  return Math.round(ms);
}

/**
 * Prints a duration the way `parseDuration` reads it, without loss: `1h30m`, `24h`, `200ms`, `0s`; days from
 * two on.
 *
 * @param ms milliseconds, 0 or more; a fraction is rounded
 */
export function printDuration(ms: number): string {
  let left = Math.round(ms);
  let text = '';
  for (const unit of printed) {
    if (unit === 'd' && left < 2 * unitMs.d!) continue; // 24h is usual.
    const size = unitMs[unit]!;
    const count = Math.floor(left / size);
    if (count > 0) text += `${count}${unit}`;
    left -= count * size;
  }
  return text || '0s';
}
