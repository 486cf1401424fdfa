/**
 * Joins the captions of pictures that are left out with those of the picture that is kept.
 * In: caption triplets. Out: as many as one picture may carry, and the rest for the next one. Pure. ATSC A/53
 * Part 4, 6.2.3 (cc_count).
 */
import { CC_TYPE, CC_VALID, TRIPLET_BYTES } from './cc-data.ts';

/** cc_count has 5 bits. */
const MAX_TRIPLETS = 31;

/**
 * Joins triplets in their order, without those that carry nothing.
 *
 * @returns `now` has at most 31
 */
export function joinTriplets(parts: readonly Uint8Array[]): { readonly now: Uint8Array; readonly rest: Uint8Array } {
  const kept: number[] = [];
  for (const part of parts) {
    for (let at = 0; at + 2 < part.length; at += TRIPLET_BYTES) {
      const [flags, first, second] = [part[at]!, part[at + 1]!, part[at + 2]!];
      const isPair = (flags & CC_TYPE.mask) <= CC_TYPE.field2;
      const isEmpty = (flags & CC_VALID) === 0 || (isPair && ((first | second) & 0x7f) === 0);
      if (!isEmpty) kept.push(flags, first, second);
    }
  }
  const bytes = Uint8Array.from(kept);
  const most = MAX_TRIPLETS * TRIPLET_BYTES;
  return { now: bytes.slice(0, most), rest: bytes.slice(most) };
}
