/**
 * Remembers why media is missing, so that every instant of a stream gets exactly one reason (docs/media.md 5).
 * In: notes of the stream's owner and publisher, at wall time. Out: gaps that cover a hole without seams.
 */
import type { GapCause } from '../api/gap.ts';
import type { StreamGap } from '../media/segment.ts';

interface Note {
  readonly atUs: number;
  readonly cause: GapCause | 'offline';
  readonly detail: string;
}

/** A hole may have this many reasons one after the other; further ones are folded into the last. */
const MAX_NOTES = 64;
/** What is said of a hole that nobody gave a reason for: the time that the source tells, or the arrival of its media, leaves it. */
const UNEXPLAINED: Pick<Note, 'cause' | 'detail'> = {
  cause: 'source-skipped',
  detail: 'the source continued later than it left off',
};

/** The reasons of the hole that is open now, or may open next. */
export class GapLog {
  #notes: Note[] = [];

  /**
   * From `atUs` on media is missing because of `cause`. Within one hole the first cause stands: a later one counts only where
   * it turns a gap into offline or the other way round.
   *
   * @param atUs µs since 1970
   */
  note(cause: GapCause | 'offline', detail: string, atUs: number): void {
    const last = this.#notes.at(-1);
    if (last && (last.cause === 'offline') === (cause === 'offline')) return;
    if (this.#notes.length >= MAX_NOTES) return;
    this.#notes.push({ atUs, cause, detail: detail.slice(0, 200) });
  }

  /** Adds gaps known from before the process started; they come before every note. */
  seed(gaps: readonly StreamGap[]): void {
    this.#notes.unshift(...gaps.map(({ fromUs, cause, detail }) => ({ atUs: fromUs, cause, detail })));
  }

  /** Whether a reason is noted, that is, media is known to be missing now. */
  get open(): boolean {
    return this.#notes.length > 0;
  }

  /** The reason that holds at the end of the log. */
  get current(): Pick<StreamGap, 'cause' | 'detail'> | undefined {
    const last = this.#notes.at(-1);
    return last && { cause: last.cause, detail: last.detail };
  }

  /**
   * The gaps of [fromUs, toUs), in order and without seams; empty when the stretch is empty.
   *
   * @param fromUs end of the last media, µs since 1970
   * @param toUs start of the next media, or now
   */
  cover(fromUs: number, toUs: number): StreamGap[] {
    if (toUs <= fromUs) return [];
    const notes = this.#notes.length > 0 ? this.#notes : [{ atUs: fromUs, ...UNEXPLAINED }];
    const pieces: StreamGap[] = [];
    // The first reason reaches back to the media's end: addresses lag the wall clock by the source's delay.
    let startUs = fromUs;
    for (const [i, { cause, detail }] of notes.entries()) {
      // A clock that was set back may have noted a later reason at an earlier time.
      const endUs = Math.min(toUs, Math.max(startUs, notes[i + 1]?.atUs ?? toUs));
      if (endUs > startUs) pieces.push({ fromUs: startUs, toUs: endUs, cause, detail });
      startUs = endUs;
    }
    return pieces;
  }

  /** Media flows: the hole is closed. */
  clear(): void {
    this.#notes = [];
  }
}
