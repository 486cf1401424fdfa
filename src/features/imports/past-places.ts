/**
 * Where imported media may be in the past of a stream: in times that it has nothing of.
 * In: spans of the index, and media imported since. Out: the neighbours of an instant. Pure.
 */
import { HOLE_US } from '../../live/continuity.ts';
import type { ChunkSpan } from '../../recording/chunks/chunk-spans.ts';

/** A stretch that the stream has. */
export interface RecordedStretch {
  /** µs since 1970. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly firstMsn: number;
  readonly lastMsn: number;
}

/** The stretches that a stream has. */
export class PastPlaces {
  /** In order of time. */
  readonly #stretches: RecordedStretch[] = [];

  constructor(spans: readonly ChunkSpan[]) {
    for (const { start_us, end_us, first_msn, last_msn } of spans) {
      this.add({ fromUs: start_us, toUs: end_us, firstMsn: first_msn, lastMsn: last_msn });
    }
  }

  /** Adds media; media that joins a stretch becomes part of it. */
  add(stretch: RecordedStretch): void {
    const at = this.#stretches.findLastIndex(({ fromUs }) => fromUs <= stretch.fromUs);
    const before = this.#stretches[at];
    const joins = before && stretch.fromUs - before.toUs < HOLE_US && before.lastMsn < stretch.firstMsn;
    if (!joins) this.#stretches.splice(at + 1, 0, stretch);
    else {
      const toUs = Math.max(before.toUs, stretch.toUs);
      this.#stretches[at] = { ...before, toUs, lastMsn: stretch.lastMsn };
    }
  }

  /** The stretch that begins at or before an instant, and the next one. @param us µs since 1970 */
  around(us: number): { readonly before: RecordedStretch | undefined; readonly after: RecordedStretch | undefined } {
    const at = this.#stretches.findLastIndex(({ fromUs }) => fromUs <= us);
    return { before: this.#stretches[at], after: this.#stretches[at + 1] };
  }
}
