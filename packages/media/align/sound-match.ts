/**
 * Finds the offset between two recordings of the same sound: other encodes, other microphones, other clocks.
 * In: their levels in steps of 10 ms. Out: the offset, with its error and how sure it is; or why there is
 * none. Pure. A wrong offset is worse than none: sound that repeats, and sound without changes, give none.
 */
import { correlate } from './correlate.ts';
import { LEVELS_PER_SECOND, type SoundLevels } from './energy.ts';

/** Why sound gives no offset. */
export type SoundMismatch =
  /** Less than the least overlap. */
  | 'short'
  /** One of them is silent or never changes. */
  | 'steady'
  /** Several offsets fit about as well. */
  | 'periodic'
  /** No offset fits. */
  | 'different';

/** Result of a comparison. */
export type SoundMatch =
  | {
      readonly isFound: true;
      /** Added to times of the other sound, it gives times of the reference, ms. */
      readonly offsetMs: number;
      /** The true offset is within this, ms. */
      readonly errorMs: number;
      /** 0 to 1: how far the best offset is ahead of all others. */
      readonly confidence: number;
    }
  | { readonly isFound: false; readonly reason: SoundMismatch };

/** What is searched. */
export interface SoundMatchOptions {
  /** Largest offset, either way, ms. */
  readonly maxOffsetMs: number;
  /** Least sound that both must have in common, ms. Default 10 s. */
  readonly leastOverlapMs?: number;
}

const STEP_MS = 1000 / LEVELS_PER_SECOND;
const LEAST_OVERLAP_MS = 10_000;
/** Longest sound that is compared, steps: 10 minutes. */
export const MAX_LEVELS = 60_000;
/** Levels this much below the loudest are noise, factor. */
const FLOOR = 0.02;
/** The loudest steps of silence are below this, 1 is full scale. */
const SILENCE = 0.0005;
/** Sound whose level changes less than this never changes, dB. */
const LEAST_CHANGE_DB = 0.8;
/** The level of this stretch is what changes are measured from, steps. */
const TREND_STEPS = 100;
/** Levels this far apart are about independent, steps. */
const INDEPENDENT_STEPS = 5;
/** Least likeness of the best offset, and how many standard deviations it is above chance. */
const [LEAST_LIKENESS, LEAST_SIGMA] = [0.3, 7];
/** Other offsets this far from the best one must fit worse by this factor. */
const [LOBE_STEPS, MOST_RIVAL] = [30, 0.65];
const LEAST_ERROR_MS = 5;

/** Compares two sounds. Costs about 20 ms for two sounds of two minutes. */
export function matchSound(reference: SoundLevels, other: SoundLevels, options: SoundMatchOptions): SoundMatch {
  const leastOverlap = (options.leastOverlapMs ?? LEAST_OVERLAP_MS) / STEP_MS;
  const [a, b] = [reference, other].map(({ levels }) => levels.subarray(0, MAX_LEVELS)) as [Float32Array, Float32Array];
  if (a.length < leastOverlap || b.length < leastOverlap) return { isFound: false, reason: 'short' };
  const [changesA, changesB] = [changesOf(a), changesOf(b)];
  if (!changesA || !changesB) return { isFound: false, reason: 'steady' };
  // A shift of whole steps aligns the rows; their starts give the rest.
  const baseMs = reference.fromMs - other.fromMs;
  const scores = scoresOf(changesA, changesB, leastOverlap);
  const first = Math.max(0, Math.ceil((-options.maxOffsetMs - baseMs) / STEP_MS) + b.length - 1);
  const last = Math.min(scores.length - 1, Math.floor((options.maxOffsetMs - baseMs) / STEP_MS) + b.length - 1);
  if (last - first < 2) return { isFound: false, reason: 'short' };
  const best = largest(scores, first, last, undefined);
  if (best === undefined) return { isFound: false, reason: 'short' };
  const { likeness, sigma } = best;
  if (likeness < LEAST_LIKENESS || sigma < LEAST_SIGMA) return { isFound: false, reason: 'different' };
  // Offsets that are not permitted show too whether the sound repeats.
  const rival = largest(scores, 0, scores.length - 1, best.at)?.sigma ?? 0;
  const start = best.at - (b.length - 1);
  const common = changesA.subarray(Math.max(0, start), Math.min(a.length, start + b.length));
  if (rival > sigma * MOST_RIVAL || repeats(common)) return { isFound: false, reason: 'periodic' };
  const { shift, width } = refine(scores, best.at);
  return {
    isFound: true,
    offsetMs: baseMs + (shift - (b.length - 1)) * STEP_MS,
    errorMs: Math.max(LEAST_ERROR_MS, (2 * width * STEP_MS) / sigma),
    confidence: Math.min(1, likeness) * Math.min(1, (1 - Math.max(0, rival) / sigma) / (1 - MOST_RIVAL / 2)),
  };
}

/** Whether a sound is silent or never changes: it matches nothing. */
export function isSteady({ levels }: Pick<SoundLevels, 'levels'>): boolean {
  return changesOf(levels.subarray(0, MAX_LEVELS)) === undefined;
}

/** Changes of the level, dB from the trend; undefined for silence and for sound that never changes. */
function changesOf(levels: Float32Array): Float64Array | undefined {
  const sorted = levels.toSorted();
  const loud = sorted[Math.floor(sorted.length * 0.99)]!;
  if (loud < SILENCE) return undefined;
  const floor = (loud * FLOOR) ** 2;
  const decibels = Float64Array.from(levels, (level) => 10 * Math.log10(level * level + floor));
  const sums = new Float64Array(decibels.length + 1);
  for (let i = 0; i < decibels.length; i++) sums[i + 1] = sums[i]! + decibels[i]!;
  let squares = 0;
  const changes = decibels.map((value, i) => {
    const [from, to] = [Math.max(0, i - TREND_STEPS / 2), Math.min(decibels.length, i + TREND_STEPS / 2 + 1)];
    const change = value - (sums[to]! - sums[from]!) / (to - from);
    squares += change * change;
    return change;
  });
  return Math.sqrt(squares / changes.length) < LEAST_CHANGE_DB ? undefined : changes;
}

/** Likeness of each shift, -1 to 1, and how far above chance it is, standard deviations. */
interface Scores {
  readonly likeness: Float64Array;
  readonly sigma: Float64Array;
  readonly length: number;
}

function scoresOf(a: Float64Array, b: Float64Array, leastOverlap: number): Scores {
  const products = correlate(a, b);
  const [sumsA, sumsB] = [squaresOf(a), squaresOf(b)];
  const sigma = new Float64Array(products.length);
  const likeness = products.map((product, i) => {
    const shift = i - (b.length - 1);
    const [from, to] = [Math.max(0, shift), Math.min(a.length, shift + b.length)];
    if (to - from < leastOverlap) return 0;
    const power = (sumsA[to]! - sumsA[from]!) * (sumsB[to - shift]! - sumsB[from - shift]!);
    if (power <= 0) return 0;
    const alike = product / Math.sqrt(power);
    sigma[i] = Math.atanh(Math.min(0.9999, Math.max(-0.9999, alike))) * Math.sqrt((to - from) / INDEPENDENT_STEPS - 3);
    return alike;
  });
  return { likeness, sigma, length: products.length };
}

function squaresOf(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i]! + values[i]! ** 2;
  return sums;
}

/** The shift that is furthest above chance. @param except not within a lobe of this one */
function largest({ likeness, sigma }: Scores, first: number, last: number, except: number | undefined) {
  let at: number | undefined;
  for (let i = first; i <= last; i++) {
    if (except !== undefined && Math.abs(i - except) <= LOBE_STEPS) continue;
    if (at === undefined || sigma[i]! > sigma[at]!) at = i;
  }
  return at === undefined ? undefined : { at, likeness: likeness[at]!, sigma: sigma[at]! };
}

/** Whether a sound is like itself later: two that are short have few offsets to show it. */
function repeats(changes: Float64Array): boolean {
  const leastOverlap = changes.length / 2;
  const { likeness, sigma } = scoresOf(changes, changes, leastOverlap);
  const centre = changes.length - 1;
  for (let lag = LOBE_STEPS; lag < changes.length - leastOverlap; lag++) {
    if (likeness[centre + lag]! > MOST_RIVAL && sigma[centre + lag]! > LEAST_SIGMA / 2) return true;
  }
  return false;
}

/** The top of the parabola through the best shift and its neighbours; its width at half height, steps. */
function refine({ likeness }: Scores, at: number): { readonly shift: number; readonly width: number } {
  const top = likeness[at]!;
  const [before, after] = [likeness[at - 1] ?? 0, likeness[at + 1] ?? 0];
  const bend = before - 2 * top + after;
  const part = bend < 0 ? Math.min(0.5, Math.max(-0.5, (before - after) / (2 * bend))) : 0;
  let [left, right] = [at, at];
  while (left > 0 && at - left < LOBE_STEPS && likeness[left]! > top / 2) left--;
  while (right < likeness.length - 1 && right - at < LOBE_STEPS && likeness[right]! > top / 2) right++;
  return { shift: at + part, width: Math.max(1, right - left) };
}
