/**
 * Collects the groups lost since the last group on disk, so that the next group records them (docs/media.md
 * 5).
 * In: lost groups and the cause. Out: contiguous gaps up to the next group. Pure.
 */

import type { SegmentGroup, StreamGap } from '@oxbow/media/segment';
import { HOLE_US } from '../live/continuity.ts';

/** A lost group without its bytes. */
export type LostGroup = Pick<SegmentGroup, 'msn' | 'startUs' | 'durationUs' | 'gaps'>;

/** A commit box holds a few hundred; beyond this the last gap is extended. */
const MAX_GAPS = 100;

/** The losses of one stream since its last recorded group. */
export class Losses {
  #gaps: StreamGap[] = [];

  /** Contiguous gaps, oldest first; empty if nothing was lost. */
  get gaps(): readonly StreamGap[] {
    return this.#gaps;
  }

  /** Adds a lost group and the gaps before it. */
  add({ startUs, durationUs, gaps }: Omit<LostGroup, 'msn'>, cause: StreamGap['cause'], detail: string): void {
    for (const gap of gaps) this.#push(gap);
    this.#push({ fromUs: startUs, toUs: startUs + durationUs, cause, detail: detail.slice(0, 200) });
  }

  /** All gaps before `group`: the losses and its own. */
  before({ startUs, gaps }: Pick<LostGroup, 'startUs' | 'gaps'>): readonly StreamGap[] {
    const last = this.#gaps.at(-1);
    if (!last) return gaps;
    const upToUs = gaps[0]?.fromUs ?? startUs;
    // Distances below half a second are closed: they count as lost.
    const lost = upToUs > last.fromUs ? [...this.#gaps.slice(0, -1), { ...last, toUs: upToUs }] : this.#gaps;
    return [...lost, ...gaps];
  }

  /** Called when a group with all gaps is on disk. */
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
