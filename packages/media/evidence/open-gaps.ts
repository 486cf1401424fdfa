/**
 * The gaps of a range as they are now: without what was filled in later. What no gap and no block declares.
 * In: gaps as the records of segments have them, and the segments that were filled in. Out: what is missing.
 * Pure. docs/5-record/evidence.md.
 */
import type { EvidenceBegin, EvidenceGap } from './block.ts';

/** What is left of a gap next to filled media is only rounding of clocks if it is shorter, µs. */
const ROUNDING_US = 500_000;

/** Media that ends and begins within this time joins, µs. */
const JOIN_US = 100_000;
/** The recorder declares no gap before a run that begins so soon after the end of another one, µs. */
const JOINT_US = 500_000;

/** Missing blocks that are listed between two records. */
const MAX_MISSING = 1000;

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

/**
 * How much of a time without media no gap declares, µs.
 *
 * @param gaps of all records: where a gap was filled in part, the record behind it has the whole gap
 */
export function undeclaredUs(fromUs: number, toUs: number, gaps: readonly EvidenceGap[]): number {
  let left = 0;
  let cursor = fromUs;
  for (const [from, to] of gaps.toSorted((a, b) => a[0] - b[0])) {
    if (from >= toUs) break;
    left += Math.max(0, from - cursor);
    cursor = Math.max(cursor, to);
  }
  return left + Math.max(0, toUs - cursor);
}

/** A record, as far as joints are concerned. Times are µs since 1970. */
interface Joined {
  readonly msn: number;
  readonly run: number;
  readonly from: number;
  readonly duration: number;
  readonly block: { readonly begins?: EvidenceBegin; readonly segments: readonly { readonly msn: number }[] };
}

/**
 * What no record declares between two that follow each other. Where a run begins, a recording may miss up to
 * half a second: that is a gap, whose cause is known as far as the block says why its process begins.
 *
 * @param gaps of all records
 */
export function holeBetween(
  before: Joined,
  next: Joined,
  gaps: readonly EvidenceGap[],
): { readonly gap?: EvidenceGap; readonly isMissing: boolean } {
  const endUs = before.from + before.duration;
  const hole = next.from - endUs;
  if (hole <= JOIN_US || undeclaredUs(endUs, next.from, gaps) <= JOIN_US) return { isMissing: false };
  if (before.run === next.run || hole > JOINT_US) return { isMissing: true };
  const { begins, segments } = next.block;
  const isFirst = begins !== undefined && begins !== 'new' && segments[0]?.msn === next.msn;
  const cause = !isFirst ? 'source-skipped' : begins.endsWith('crash') ? 'crash' : 'offline';
  return { gap: [endUs, next.from, cause, ''], isMissing: false };
}

/**
 * The blocks that are missing between those of two records.
 *
 * @param present numbers of the blocks that are there
 */
export function missingBlocks(
  before: { readonly healed?: 1; readonly block: { readonly seq: number } },
  segment: { readonly healed?: 1; readonly block: { readonly seq: number } },
  present: ReadonlySet<number>,
): number[] {
  // What was filled in is in a much later block.
  if (before.healed || segment.healed) return [];
  const [low, high] = [before.block.seq, segment.block.seq].sort((a, b) => a - b) as [number, number];
  const missing: number[] = [];
  for (let seq = low + 1; seq < high && missing.length < MAX_MISSING; seq++) {
    if (!present.has(seq)) missing.push(seq);
  }
  return missing;
}
