/**
 * Remembers what was not written since the last group on the disk, so that the next one says it (docs/media.md 5).
 * In: groups that were lost, and why. Out: absences that join without seams up to the next group. Pure.
 */
import { HOLE_US } from '../live/continuity.ts';
import type { Absence, SegmentGroup } from '../media/segment.ts';

/** What is remembered of a group without its bytes. */
export type LostGroup = Pick<SegmentGroup, 'msn' | 'startUs' | 'durationUs' | 'absences'>;

/** A commit box holds no more than a few hundred; further losses lengthen the last one. */
const MAX_ABSENCES = 100;

/** The losses of one stream since its last recorded group. */
export class Losses {
  #absences: Absence[] = [];

  /** What is missing so far, oldest first, without seams; empty when nothing was lost. */
  get absences(): readonly Absence[] {
    return this.#absences;
  }

  /** A group was lost. What was missing before it stays what it was. */
  add({ startUs, durationUs, absences }: Omit<LostGroup, 'msn'>, cause: Absence['cause'], detail: string): void {
    for (const absence of absences) this.#push(absence);
    this.#push({ fromUs: startUs, toUs: startUs + durationUs, cause, detail: detail.slice(0, 200) });
  }

  /** All that is missing before `group`: the losses and its own absences. */
  before({ startUs, absences }: Pick<LostGroup, 'startUs' | 'absences'>): readonly Absence[] {
    const last = this.#absences.at(-1);
    if (!last) return absences;
    const upToUs = absences[0]?.fromUs ?? startUs;
    // Neighbours join within half a second: the seam is part of what was lost.
    const lost = upToUs > last.fromUs ? [...this.#absences.slice(0, -1), { ...last, toUs: upToUs }] : this.#absences;
    return [...lost, ...absences];
  }

  /** A group was written that said it all. */
  clear(): void {
    this.#absences = [];
  }

  #push(absence: Absence): void {
    const last = this.#absences.at(-1);
    const touches = last && Math.abs(absence.fromUs - last.toUs) < HOLE_US;
    const same = touches && last.cause === absence.cause;
    if (last && (same || this.#absences.length >= MAX_ABSENCES)) {
      this.#absences[this.#absences.length - 1] = { ...last, toUs: Math.max(last.toUs, absence.toUs) };
      return;
    }
    const fromUs = touches ? last.toUs : absence.fromUs;
    if (absence.toUs > fromUs) this.#absences.push({ ...absence, fromUs });
  }
}
