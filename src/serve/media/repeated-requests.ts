/**
 * Requests that a client repeats soon after it was redirected: it had no success where it was sent.
 * In: requests for stored segments. Out: whether one is a repetition. docs/decisions/0096.
 */
import { dropOldest } from '../../lib/drop-oldest.ts';

/** A request counts as a repetition for this long, ms: most players try again after a second. */
const SOON_MS = 3_000;
/** Requests that are remembered, about 200 bytes each. */
const MAX_REQUESTS = 5_000;

export class RepeatedRequests {
  readonly #nowMs: () => number;
  /** When each was answered, monotonic ms; oldest first. */
  readonly #seen = new Map<string, number>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Remembers a request.
   *
   * @param request address of the client, path and range
   * @returns whether the same came a moment ago. Clients behind one address repeat each other's: it is a
   *   reason to look at the object store, not to leave it
   */
  isRepeated(request: string): boolean {
    const nowMs = this.#nowMs();
    const seenMs = this.#seen.get(request);
    this.#seen.delete(request);
    this.#seen.set(request, nowMs);
    dropOldest(this.#seen, MAX_REQUESTS);
    return seenMs !== undefined && nowMs - seenMs < SOON_MS;
  }
}
