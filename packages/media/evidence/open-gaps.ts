/**
 * The gaps of a range as they are now: without what was filled in later.
 * In: gaps as the records of segments have them, and the segments that were filled in. Out: what is missing.
 * Pure. docs/5-record/evidence.md.
 */
import type { EvidenceGap } from './block.ts';

/** What is left of a gap next to filled media is only rounding of clocks if it is shorter, µs. */
const ROUNDING_US = 500_000;

/** A segment that was filled in, µs since 1970. */
interface Filled {
  readonly from: number;
  readonly duration: number;
}

/**
 * Gaps without a length, which only say why, are left out.
 *
 * @param filled in order of time
 */
export function openGaps(gaps: readonly EvidenceGap[], filled: readonly Filled[]): EvidenceGap[] {
  return gaps.flatMap((gap) => {
    const [from, to, cause, detail] = gap;
    if (to <= from) return [];
    const inside = filled.filter((segment) => segment.from < to && segment.from + segment.duration > from);
    if (inside.length === 0) return [gap];
    const left: EvidenceGap[] = [];
    let cursor = from;
    for (const segment of [...inside, { from: to, duration: 0 }]) {
      if (segment.from - cursor >= ROUNDING_US) left.push([cursor, segment.from, cause, detail]);
      cursor = Math.max(cursor, segment.from + segment.duration);
    }
    return left;
  });
}
