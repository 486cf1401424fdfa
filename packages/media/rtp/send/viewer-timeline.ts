/**
 * The timeline of one viewer, which the RTP timestamps of all of its tracks follow.
 * In: runs and their frames. Out: offsets from pts, and the instant of a sender report. Pure. RFC 3550 5.1
 * and 6.4.1 (timestamps of several sources are related by their sender reports); docs/media.md 1 and 4.
 *
 * UTC of the stream, less the pauses: browsers take a jump of timestamps for a broken clock. Times between
 * tracks are those of the stream.
 */
import type { Run } from '../../run.ts';

/** A pause between runs is shortened to this, µs. */
const MAX_PAUSE_US = 1_000_000;

/** One viewer's timeline, for all of its senders. */
export class ViewerTimeline {
  /** UTC less this is the viewer's time, µs. */
  #shiftUs = 0;
  #offsetUs = 0;
  /** End of the sent frames, in the viewer's time. */
  #endUs: number | undefined;

  /** The viewer's time at pts 0 of the current run, µs; may be negative. */
  get offsetUs(): number {
    return this.#offsetUs;
  }

  /**
   * Begins a run, before the senders' `startRun`. Not for a run that is `soft`: there timestamps continue.
   *
   * @param startUs UTC of the first frame that the viewer gets, µs since 1970
   */
  startRun({ utcOffsetUs }: Pick<Run, 'utcOffsetUs'>, startUs: number): void {
    const end = this.#endUs;
    if (end !== undefined) {
      const start = Math.min(Math.max(startUs - this.#shiftUs, end), end + MAX_PAUSE_US);
      this.#shiftUs = startUs - start;
    }
    this.#offsetUs = utcOffsetUs - this.#shiftUs;
  }

  /** Media up to this instant is sent. @param us the viewer's time: `offsetUs` and the end of a frame */
  advance(us: number): void {
    if (this.#endUs === undefined || us > this.#endUs) this.#endUs = us;
  }

  /** The viewer's time at a wall-clock time, µs. @param utcMs may have a fraction */
  at(utcMs: number): number {
    return Math.round(utcMs * 1000) - this.#shiftUs;
  }
}
