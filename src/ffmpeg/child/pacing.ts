/**
 * Which frame is due: both tracks of the test picture lie on fixed grids of UTC.
 * In: UTC in ms, a frame rate. Out: frame numbers and ticks. Pure but for the clock that is handed in.
 */
import type { Clock } from '../../lib/clock.ts';
import { testTimescales } from '../test-picture-options.ts';

/** Samples per AAC frame. */
export const AAC_SAMPLES = 1024;
/**
 * Pictures and sound that are later than this are left out, ms; less is made up for, each with its own time. A busy machine may hold the
 * process up for a second or two, and what is late harms less than a hole.
 */
const MAX_LAG_MS = 3_000;
/** How fast the picture's clock gives in when the system's clock was set back: ms per ms. */
const SLEW = 0.005;
/** What today's milliseconds may lose as floating point numbers, in frames. */
const NEARLY = 1e-4;

/** A frame rate as a fraction. */
export interface FrameRate {
  readonly num: number;
  readonly den: number;
}

/** Number of the newest picture whose time has come. */
export function pictureAt(utcMs: number, { num, den }: FrameRate): number {
  // Whole seconds apart, or the product would pass 2^53 at fractional rates.
  const seconds = Math.floor(utcMs / 1000 / den) * den;
  return (seconds / den) * num + Math.floor(((utcMs - seconds * 1000) * num) / (1000 * den) + NEARLY);
}

/**
 * The pictures to make now: all whose time has come since `last`, or only the newest after a long pause. A few that are missing
 * between two fragments cost a browser everything up to the next key frame; late ones cost nothing but their lateness.
 *
 * @param last number of the one made last, undefined at the start
 * @returns [first, end)
 */
export function picturesDue(utcMs: number, last: number | undefined, rate: FrameRate): readonly [number, number] {
  const newest = pictureAt(utcMs, rate);
  const lag = (MAX_LAG_MS * rate.num) / rate.den / 1000;
  if (last === undefined || newest - last > lag) return [newest, newest + 1];
  return [last + 1, newest + 1];
}

/** UTC of picture `number`, ms with a fraction. */
export function pictureMs(number: number, { num, den }: FrameRate): number {
  const groups = Math.floor(number / num);
  return groups * den * 1000 + ((number - groups * num) * 1000 * den) / num;
}

/** UTC of picture `number`, ticks of the video timescale, to the nearest. */
export function pictureTicks(number: number, { num, den }: FrameRate): number {
  const groups = Math.floor(number / num);
  return groups * den * testTimescales.video + Math.round(((number - groups * num) * testTimescales.video * den) / num);
}

/** Number of the AAC frame that has begun last. */
export function audioFrameAt(utcMs: number): number {
  return Math.floor((utcMs * (testTimescales.audio / 1000)) / AAC_SAMPLES);
}

/**
 * The AAC frames to make now: all that have begun since `last`, or only the newest after a long pause.
 *
 * @param last number of the one made last, undefined at the start
 * @returns [first, end)
 */
export function audioFramesDue(utcMs: number, last: number | undefined): readonly [number, number] {
  const newest = audioFrameAt(utcMs);
  const lag = (MAX_LAG_MS * testTimescales.audio) / 1000 / AAC_SAMPLES;
  if (last === undefined || newest - last > lag) return [newest, newest + 1];
  return [last + 1, newest + 1];
}

/** A picture or an AAC frame to be made now, by its number. */
export interface DueFrame {
  readonly kind: 'picture' | 'audio';
  readonly number: number;
}

/**
 * All that is to be made now, in the order of time: whoever reads waits for the sound of a picture for half a second of media and no
 * longer, so that much of one kind may not come before the other.
 *
 * @param last numbers of those made last, undefined at the start
 */
export function framesDue(
  utcMs: number,
  last: { readonly picture: number | undefined; readonly audio: number | undefined },
  rate: FrameRate,
): DueFrame[] {
  const due: DueFrame[] = [];
  const [first, end] = picturesDue(utcMs, last.picture, rate);
  // The sound begins with the first picture: a browser stumbles over more than a frame of silence where a run begins.
  let lastAudio = last.audio ?? audioFrameAt(pictureMs(first, rate)) - 1;
  const addAudio = (untilMs: number) => {
    const [first, end] = audioFramesDue(untilMs, lastAudio);
    for (let number = first; number < end; number++) due.push({ kind: 'audio', number });
    if (end > first) lastAudio = end - 1;
  };
  for (let number = first; number < end; number++) {
    due.push({ kind: 'picture', number });
    if (number + 1 < end) addAudio(pictureMs(number, rate));
  }
  addAudio(utcMs);
  return due;
}

/**
 * UTC that never runs back: set forward it follows at once, set back it goes on and lags by 5 ms a second until the two agree.
 *
 * @returns ms since 1970
 */
export function createSteadyUtc(clock: Clock): () => number {
  let seenMs = clock.monotonicMs();
  let offsetMs = clock.nowMs() - seenMs;
  return () => {
    const mono = clock.monotonicMs();
    const offset = clock.nowMs() - mono;
    offsetMs = Math.max(offset, offsetMs - (mono - seenMs) * SLEW);
    seenMs = mono;
    return mono + offsetMs;
  };
}
