/**
 * The viewers of `bench edge`: who requests which segment when. 1,000 assets of 60 segments, chosen by Zipf's
 * law; viewers watch in order, seek, leave, and choose another asset.
 * In: a seed, numbers. Out: requests in the order of time. The same seed gives the same requests.
 */

/** Assets, segments of each, and the exponent of their popularity. */
export const ASSETS = 1000;
/** @see ASSETS */
export const SEGMENTS = 60;
/** @see ASSETS */
export const ZIPF = 0.9;
/** Duration of a segment, seconds. */
export const SEGMENT_S = 4;
/** Segments that a player loads at once at the start and after a seek. */
const BUFFERED = 3;
/** Of each segment: the viewer seeks to another place of the asset, or leaves for another asset. */
const SEEK = 0.04;
const LEAVE = 0.02;

/** A request for a segment. */
export interface ViewRequest {
  /** Seconds since the start. */
  readonly atS: number;
  readonly viewer: number;
  readonly asset: number;
  readonly segment: number;
}

/** A generator of numbers from 0 to 1 (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The requests of viewers. @param seconds of viewing */
export function viewRequests(viewers: number, seconds: number, seed = 1): readonly ViewRequest[] {
  const random = createRandom(seed);
  const sums: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= ASSETS; rank++) {
    total += rank ** -ZIPF;
    sums.push(total);
  }
  const pickAsset = () => {
    const wanted = random() * total;
    let [low, high] = [0, ASSETS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const requests: ViewRequest[] = [];
  for (let viewer = 0; viewer < viewers; viewer++) {
    // They have been watching for a while: each is somewhere in an asset.
    let asset = pickAsset();
    let segment = Math.floor(random() * SEGMENTS);
    let atS = random() * SEGMENT_S;
    let ahead = BUFFERED;
    while (atS < seconds) {
      requests.push({ atS, viewer, asset, segment });
      const chance = random();
      segment++;
      if (chance < LEAVE || segment >= SEGMENTS) {
        asset = pickAsset();
        segment = 0;
        ahead = BUFFERED;
      } else if (chance < LEAVE + SEEK) {
        segment = Math.floor(random() * SEGMENTS);
        ahead = BUFFERED;
      }
      // The buffer is filled at once, then one segment is loaded for each that was played.
      atS += ahead-- > 0 ? 0.1 : SEGMENT_S;
    }
  }
  return requests.toSorted((a, b) => a.atS - b.atS);
}
