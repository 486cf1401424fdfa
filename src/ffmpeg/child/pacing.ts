/**
 * Computes which frames are due. Both tracks of the test picture are on fixed grids of UTC.
 * In: UTC in ms, a frame rate. Out: frame numbers and ticks. Pure except for the clock parameter.
 */
import type { Clock } from '../../lib/clock.ts';
import { type LastFrames, testTimescales } from '../test-picture-options.ts';

/** Samples per AAC frame. */
export const AAC_SAMPLES = 1024;
/**
 * Frames that are later than this are skipped, ms; otherwise they are produced late, with their own
 * timestamps. A busy machine may block the process for a second or two, and late frames are better than a
 * gap.
 */
const MAX_LAG_MS = 3_000;
/** Slew rate of the clock after the system clock was set back, ms per ms. */
const SLEW = 0.005;
/** An AAC frame leaves the encoder when so many after it have been encoded. */
const AAC_DELAY_FRAMES = 2;
/** Sound is made for the duration of a picture, at most of this one, ms. */
const LONGEST_PICTURE_MS = 100;
/** Rounding error of current UTC milliseconds as floating-point numbers, in frames. */
const NEARLY = 1e-4;

/** A frame rate as a fraction. */
interface FrameRate {
  readonly num: number;
  readonly den: number;
}

/** Number of the newest due picture. */
export function pictureAt(utcMs: number, { num, den }: FrameRate): number {
  // Whole seconds are computed separately, because the product would exceed 2^53 at fractional rates.
  const seconds = Math.floor(utcMs / 1000 / den) * den;
  return (seconds / den) * num + Math.floor(((utcMs - seconds * 1000) * num) / (1000 * den) + NEARLY);
}

/**
 * The pictures that are due: all since `last`, or only the newest after a long pause. If a few are missing
 * between two fragments, a browser drops everything up to the next key frame.
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

/** Number of the AAC frame that started last. */
export function audioFrameAt(utcMs: number): number {
  return Math.floor((utcMs * (testTimescales.audio / 1000)) / AAC_SAMPLES);
}

/** The numbers of the newest frames of an earlier process. */
export function numberAfter(
  { video, audio }: LastFrames,
  rate: FrameRate,
): { picture: number | undefined; audio: number | undefined } {
  const halfMs = (500 * rate.den) / rate.num;
  return {
    picture: video === undefined ? undefined : pictureAt((video * 1000) / testTimescales.video + halfMs, rate),
    audio: audio === undefined ? undefined : Math.round(audio / AAC_SAMPLES),
  };
}

/** A due picture or AAC frame, by its number. */
interface DueFrame {
  readonly kind: 'picture' | 'audio';
  readonly number: number;
}

/**
 * All due frames in order of time. The reader waits at most half a second of media for the audio of a
 * picture, so the two kinds are interleaved.
 *
 * Each picture brings the sound until the next one, so that a Part is complete with its last picture. The
 * tone is computed, so it can be encoded before its time: by real time it would be 40 to 80 ms later.
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
  // Audio starts with the first picture: browsers stall on more than a frame without audio at the start of a
  // run.
  const follows = last.picture !== undefined && first === last.picture + 1;
  const firstAudio = audioFrameAt(pictureMs(first, rate));
  let nextAudio = last.audio === undefined ? firstAudio : last.audio + 1;
  if (!follows) nextAudio = Math.max(nextAudio, firstAudio);
  for (let number = first; number < end; number++) {
    due.push({ kind: 'picture', number });
    for (const newest = audioWith(number, rate); nextAudio <= newest; nextAudio++)
      due.push({ kind: 'audio', number: nextAudio });
  }
  return due;
}

/** Number of the newest AAC frame that is encoded with a picture. */
function audioWith(number: number, rate: FrameRate): number {
  const atMs = pictureMs(number, rate);
  const untilMs = Math.min(pictureMs(number + 1, rate), atMs + LONGEST_PICTURE_MS);
  return audioFrameAt(untilMs) + AAC_DELAY_FRAMES;
}

/**
 * UTC that never decreases. When the system clock is set forward, it follows at once; when set back, it slows
 * down by 5 ms per second until the two agree.
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
