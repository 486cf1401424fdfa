/**
 * Requests a key frame from the publisher, at most once a second, until one comes.
 * In: requests of sinks, the frames of the reference track. Out: calls of the publisher. RTCP calls this PLI
 * (RFC 4585 6.3.1).
 */

import type { Frame } from '@oxbow/media/frame';
import type { Clock } from '../lib/clock.ts';

/** Shortest time between two requests to the publisher: key frames are large. */
const INTERVAL_MS = 1000;

/** The requests for one stream. */
export class KeyFrameRequests {
  readonly #clock: Clock;
  readonly #send: () => (() => void) | undefined;
  #sentMs = Number.NEGATIVE_INFINITY;
  #isWanted = false;

  /** @param send returns the request function of the current publisher; undefined if it has none */
  constructor(clock: Clock, send: () => (() => void) | undefined) {
    this.#clock = clock;
    this.#send = send;
  }

  /**
   * Requests a key frame, now or a second after the last request; returns false if the publisher has no such
   * request.
   */
  request(): boolean {
    if (!this.#send()) return false;
    this.#isWanted = true;
    this.#trySend();
    return true;
  }

  /**
   * Takes each frame of the reference track; repeats the request while no key frame comes, because a request
   * may be lost.
   */
  add({ key }: Pick<Frame, 'key'>): void {
    if (!this.#isWanted) return;
    if (key) this.#isWanted = false;
    else this.#trySend();
  }

  #trySend(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sentMs < INTERVAL_MS) return;
    this.#sentMs = nowMs;
    this.#send()?.();
  }
}
