/**
 * The arithmetic of a range that is cut out of a film: its two handles, keys that move them, and which frames
 * a cut without encoding keeps.
 * In: seconds from the start of the film. Out: ranges, times, decisions on frames. Pure.
 */

/** What is kept, seconds from the start of the film: `from` is in it, `to` is not. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Which end of the range a handle moves. */
export type Handle = keyof Range;

/** How long a film and one of its frames are, seconds. */
export interface FilmTimes {
  readonly durationS: number;
  readonly frameS: number;
}

/** The shortest range, seconds; a film that is shorter is not cut. */
export const SHORTEST_S = 0.2;

/** Where a handle may be: the other one is at least the shortest range away. */
export function boundsOf(handle: Handle, range: Range, { durationS }: FilmTimes): Range {
  return handle === 'from'
    ? { from: 0, to: Math.max(0, range.to - SHORTEST_S) }
    : { from: Math.min(durationS, range.from + SHORTEST_S), to: durationS };
}

/** The range with one handle moved as near to a time as its bounds permit. */
export function moveHandle(handle: Handle, range: Range, atS: number, film: FilmTimes): Range {
  const bounds = boundsOf(handle, range, film);
  const time = Number.isFinite(atS) ? Math.min(bounds.to, Math.max(bounds.from, atS)) : range[handle];
  return handle === 'from' ? { from: time, to: range.to } : { from: range.from, to: time };
}

/**
 * Where a key moves a handle: arrows by a second, with Shift by ten, comma and full stop by a frame, pages by
 * a tenth of the film, Home and End to its bounds.
 *
 * @param key `KeyboardEvent.key`
 * @returns the time, which may be out of bounds; null if the key moves nothing
 */
export function keyedTime(key: string, isShift: boolean, handle: Handle, range: Range, film: FilmTimes): number | null {
  const at = range[handle];
  const stepS = isShift ? 10 : 1;
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return at - stepS;
    case 'ArrowRight':
    case 'ArrowUp':
      return at + stepS;
    case ',':
      return at - film.frameS;
    case '.':
      return at + film.frameS;
    case 'PageDown':
      return at - film.durationS / 10;
    case 'PageUp':
      return at + film.durationS / 10;
    case 'Home':
      return boundsOf(handle, range, film).from;
    case 'End':
      return boundsOf(handle, range, film).to;
    default:
      return null;
  }
}

/** Whether the range is the complete film, to half a frame: then the file is sent as it is. */
export function isWhole(range: Range, { durationS, frameS }: FilmTimes): boolean {
  return isSameRange(range, { from: 0, to: durationS }, frameS);
}

/** Whether two ranges have the same frames: their ends differ by less than half a frame. */
export function isSameRange(a: Range, b: Range, frameS: number): boolean {
  return Math.abs(a.from - b.from) < frameS / 2 && Math.abs(a.to - b.to) < frameS / 2;
}

/** About how large the range of a file is, bytes: its share of the duration. */
export function bytesOf(range: Range, { durationS }: FilmTimes, fileBytes: number): number {
  return Math.ceil((fileBytes * Math.max(0, range.to - range.from)) / durationS);
}

/** Times in the middle of `count` equal parts of a film, seconds. */
export function pictureTimes(durationS: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => ((i + 0.5) * durationS) / count);
}

/** A time as digits, to the hundredth: `0:08.40`, `1:02:03.00`. */
export function timeText(seconds: number): string {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const whole = Math.floor(hundredths / 100);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const ends = `${two(whole % 60)}.${two(hundredths % 100)}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${ends}` : `${minutes}:${ends}`;
}

/** Rounding of times that are computed, seconds. */
export const TINY_S = 1e-6;

/**
 * Decides, in decode order from a key frame on, which frames a cut keeps: none that is shown before the key
 * frame, because it needs frames before it; and the end is where no frame is missing among those that are
 * shown, at or shortly after `to`.
 */
export class FrameChooser {
  readonly #range: Range;
  #lastS = Number.NEGATIVE_INFINITY;
  #endS = Number.NEGATIVE_INFINITY;

  /** @param range `from` is the time of the key frame */
  constructor(range: Range) {
    this.#range = range;
  }

  /** Where the frames that are kept end, seconds; -Infinity before the first. */
  get endS(): number {
    return this.#endS;
  }

  /**
   * @param atS when the frame is shown
   * @param durationS how long
   * @returns `end`: this frame and all that follow are not kept
   */
  choose(atS: number, durationS: number): 'keep' | 'skip' | 'end' {
    if (atS < this.#range.from - TINY_S) return 'skip';
    // A frame that is later than all before it follows on them: what they need has been decoded.
    if (this.#endS >= this.#range.to - TINY_S && atS > this.#lastS) return 'end';
    this.#lastS = Math.max(this.#lastS, atS);
    this.#endS = Math.max(this.#endS, atS + durationS);
    return 'keep';
  }
}
