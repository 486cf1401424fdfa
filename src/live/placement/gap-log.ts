/**
 * Records why media is missing, so that every instant of a stream is media or has exactly one cause
 * (docs/media.md 5).
 * In: causes from the stream's owner and publisher, at wall time. Out: gaps that cover a hole without seams.
 */
import type { GapCause } from '@oxbow/media/gap';
import type { StreamGap } from '@oxbow/media/segment';

interface Note {
  readonly atUs: number;
  readonly cause: GapCause | 'offline';
  readonly detail: string;
}

/** Most consecutive causes of a hole; further ones count to the last. */
const MAX_NOTES = 64;
/** Cause of a hole that follows only from the timestamps of the source or the arrival of its media. */
const UNEXPLAINED: Pick<Note, 'cause' | 'detail'> = {
  cause: 'source-skipped',
  detail: 'the source continued later than it left off',
};

/** The causes of the hole that is open now. */
export class GapLog {
  #notes: Note[] = [];

  /**
   * Notes that media is missing from `atUs` on. Within one hole the first cause applies: a later one is noted
   * only if it turns a gap into offline or back.
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

  /** Whether media is missing now. */
  get open(): boolean {
    return this.#notes.length > 0;
  }

  /** The cause that applies now. */
  get current(): Pick<StreamGap, 'cause' | 'detail'> | undefined {
    const last = this.#notes.at(-1);
    return last && { cause: last.cause, detail: last.detail };
  }

  /**
   * The gaps of [fromUs, toUs), in order and without seams; empty for an empty range.
   *
   * @param fromUs end of the last media, µs since 1970
   * @param toUs start of the next media, or now
   */
  cover(fromUs: number, toUs: number): StreamGap[] {
    if (toUs <= fromUs) return [];
    const notes = this.#notes.length > 0 ? this.#notes : [{ atUs: fromUs, ...UNEXPLAINED }];
    const pieces: StreamGap[] = [];
    // The first cause applies from the end of the media, which lags the wall clock by the source's delay.
    let startUs = fromUs;
    for (const [i, { cause, detail }] of notes.entries()) {
      // After the wall clock was set back, a later cause may have an earlier time.
      const endUs = Math.min(toUs, Math.max(startUs, notes[i + 1]?.atUs ?? toUs));
      if (endUs > startUs) pieces.push({ fromUs: startUs, toUs: endUs, cause, detail });
      startUs = endUs;
    }
    return pieces;
  }

  /** Closes the hole: media flows. */
  clear(): void {
    this.#notes = [];
  }
}
