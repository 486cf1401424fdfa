/**
 * Finds the exact offset between two copies of the same encode.
 * In: hashes of coded frames with their times. Out: the offset, or why there is none. Pure.
 */

/** A coded frame of one of the copies. */
export interface HashedFrame {
  /** Of its coded bytes; the same for the same bytes. */
  readonly hash: string;
  /** Presentation time, µs on the clock of the copy. */
  readonly us: number;
}

/** Result of a comparison. */
export type FrameMatch =
  | {
      readonly isFound: true;
      /** Added to times of the other copy, it gives times of the reference, µs. */
      readonly offsetUs: number;
      /** Frames that agree about it. */
      readonly frames: number;
    }
  /** `different`: too few frames are the same; `repeated`: those that are the same have several places. */
  | { readonly isFound: false; readonly reason: 'different' | 'repeated' };

/** So many frames have to agree. */
const LEAST_FRAMES = 5;
/** And this share of all frames that are the same. */
const LEAST_SHARE = 0.9;
/** Times of the same frame differ by this much where timescales round them, µs. */
const ROUNDING_US = 2000;

/**
 * Compares two copies. A frame whose bytes come twice, such as silence or a still picture, says nothing.
 *
 * @param reference in any order, as `other`
 */
export function matchFrames(reference: readonly HashedFrame[], other: readonly HashedFrame[]): FrameMatch {
  const [times, isRepeatedA] = singleTimes(reference);
  const [others, isRepeatedB] = singleTimes(other);
  const offsets: number[] = [];
  for (const [hash, us] of others) {
    const referenceUs = times.get(hash);
    if (referenceUs !== undefined) offsets.push(referenceUs - us);
  }
  if (offsets.length < LEAST_FRAMES) {
    const repeats = isRepeatedA && isRepeatedB && sharesHash(reference, other);
    return { isFound: false, reason: repeats ? 'repeated' : 'different' };
  }
  offsets.sort((a, b) => a - b);
  const offsetUs = offsets[Math.floor(offsets.length / 2)]!;
  const agreed = offsets.filter((each) => Math.abs(each - offsetUs) <= ROUNDING_US).length;
  if (agreed < LEAST_FRAMES || agreed < offsets.length * LEAST_SHARE) return { isFound: false, reason: 'repeated' };
  return { isFound: true, offsetUs, frames: agreed };
}

/** Times of the frames that come once; whether others came more often. */
function singleTimes(frames: readonly HashedFrame[]): readonly [ReadonlyMap<string, number>, boolean] {
  const times = new Map<string, number>();
  const repeated = new Set<string>();
  for (const { hash, us } of frames) {
    if (times.has(hash)) repeated.add(hash);
    times.set(hash, us);
  }
  for (const hash of repeated) times.delete(hash);
  return [times, repeated.size > 0];
}

function sharesHash(a: readonly HashedFrame[], b: readonly HashedFrame[]): boolean {
  const hashes = new Set(a.map(({ hash }) => hash));
  return b.some(({ hash }) => hashes.has(hash));
}
