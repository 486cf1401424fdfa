/**
 * The server's time for a page that shows ages: as state that advances by itself.
 * In: the time API. Out: unix milliseconds, renewed twice a minute.
 */
import { poll } from '../api/poll.ts';
import { Clock } from './clock.ts';

const RENEW_MS = 30_000;

/** The time of a page. */
export class PageClock {
  readonly #clock = new Clock();
  /** Unix milliseconds. */
  nowMs = $state(Date.now());

  /** Follows the server's time until `signal` aborts. */
  keep(signal: AbortSignal): void {
    this.#clock.keep(signal);
    const renew = async () => {
      this.nowMs = this.#clock.now();
    };
    void poll(RENEW_MS, renew, { signal });
  }
}
