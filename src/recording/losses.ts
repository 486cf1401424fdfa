/**
 * Remembers what was not written since the last group on the disk, so that the next one says it (docs/media.md 5).
 * In: groups that were lost, and why. Out: gaps that join without seams up to the next group. Pure.
 */
import { HOLE_US } from '../live/continuity.ts';
import type { SegmentGroup, StreamGap } from '../media/segment.ts';

/** What is remembered of a group without its bytes. */
export type LostGroup = Pick<SegmentGroup, 'msn' | 'startUs' | 'durationUs' | 'gaps'>;

/** A commit box holds no more than a few hundred; further losses lengthen the last one. */
const MAX_GAPS = 100;

/** The losses of one stream since its last recorded group. */
export class Losses {
  #gaps: StreamGap[] = [];

  /** What is missing so far, oldest first, without seams; empty when nothing was lost. */
  get gaps(): readonly StreamGap[] {
    return this.#gaps;
  }

  /** A group was lost. What was missing before it stays what it was. */
  add({ startUs, durationUs, gaps }: Omit<LostGroup, 'msn'>, cause: StreamGap['cause'], detail: string): void {
    for (const gap of gaps) this.#push(gap);
    this.#push({ fromUs: startUs, toUs: startUs + durationUs, cause, detail: detail.slice(0, 200) });
  }

  /** All that is missing before `group`: the losses and its own gaps. */
  before({ startUs, gaps }: Pick<LostGroup, 'startUs' | 'gaps'>): readonly StreamGap[] {
    const last = this.#gaps.at(-1);
    if (!last) return gaps;
    const upToUs = gaps[0]?.fromUs ?? startUs;
    // Neighbours join within half a second: the seam is part of what was lost.
    const lost = upToUs > last.fromUs ? [...this.#gaps.slice(0, -1), { ...last, toUs: upToUs }] : this.#gaps;
    return [...lost, ...gaps];
  }

  /** A group was written that said it all. */
  clear(): void {
    this.#gaps = [];
  }

  #push(gap: StreamGap): void {
    const last = this.#gaps.at(-1);
    const touches = last && Math.abs(gap.fromUs - last.toUs) < HOLE_US;
    const same = touches && last.cause === gap.cause;
    if (last && (same || this.#gaps.length >= MAX_GAPS)) {
      this.#gaps[this.#gaps.length - 1] = { ...last, toUs: Math.max(last.toUs, gap.toUs) };
      return;
    }
    const fromUs = touches ? last.toUs : gap.fromUs;
    if (gap.toUs > fromUs) this.#gaps.push({ ...gap, fromUs });
  }
}
