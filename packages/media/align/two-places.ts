/**
 * What two comparisons of the same two recordings say, at places that are apart: whether their clocks drift.
 * In: two matches. Out: the offset, how sure it is, the drift. Pure.
 */
import type { SoundMatch } from './sound-match.ts';

type Found = Extract<SoundMatch, { isFound: true }>;

/** A difference of the offsets that their errors do not explain. */
interface Drift {
  /** Offset at the later place minus the one at the earlier place, ms. */
  readonly ms: number;
  /** Distance of the places, ms. */
  readonly overMs: number;
}

/** The result of both. */
export interface TwoPlaces {
  /** That of the first comparison. */
  readonly offsetMs: number;
  readonly errorMs: number;
  /** 0 to 1: higher where both agree, lower where they contradict each other. */
  readonly confidence: number;
  /** Undefined: both agree. */
  readonly drift: Drift | undefined;
}

/** Clocks that differ by more than this do not drift: one of them jumped, or a match is wrong. */
const MOST_PPM = 1000;

/**
 * Compares the offsets of two places.
 *
 * @param first where the offset is used
 * @param secondAtMs how much later the second place is than the first one, ms; not 0
 */
export function joinPlaces(first: Found, second: Found, secondAtMs: number): TwoPlaces {
  const { offsetMs, errorMs } = first;
  const differenceMs = (second.offsetMs - offsetMs) * Math.sign(secondAtMs);
  const overMs = Math.abs(secondAtMs);
  const together = 1 - (1 - first.confidence) * (1 - second.confidence);
  if (Math.abs(differenceMs) <= errorMs + second.errorMs)
    return { offsetMs, errorMs, confidence: together, drift: undefined };
  const isDrift = Math.abs(differenceMs / overMs) * 1e6 <= MOST_PPM;
  const confidence = isDrift ? together : first.confidence / 2;
  return { offsetMs, errorMs, confidence, drift: { ms: differenceMs, overMs } };
}
