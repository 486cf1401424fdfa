/**
 * Runs work for many callers once (single flight): concurrent calls share it, its result is cached, and it is
 * aborted when no caller waits any more.
 * In: a name and a function. Out: bytes. The cache is bounded.
 */
import { Recent, type RecentOptions } from '../lib/recent.ts';

interface Flight {
  readonly bytes: Promise<Uint8Array>;
  readonly controller: AbortController;
  waiting: number;
}

/** Shared work by name. */
export class SingleFlight {
  readonly #closing: AbortSignal;
  readonly #kept: Recent<Uint8Array>;
  readonly #flights = new Map<string, Flight>();

  /**
   * @param options.bounds bounds of the cached results
   * @param options.signal aborts all work
   */
  constructor(options: { bounds: RecentOptions; signal: AbortSignal }) {
    this.#kept = new Recent(options.bounds);
    this.#closing = options.signal;
    this.#closing.addEventListener('abort', () => this.#kept[Symbol.dispose](), { once: true });
  }

  /**
   * The result of that name. Abort rejects at once; the work continues if other callers wait for it. Failures
   * are not cached.
   *
   * @param make called if there is neither a cached result nor work in progress
   */
  get(
    name: string,
    make: (options: { signal: AbortSignal }) => Promise<Uint8Array>,
    { signal }: { signal: AbortSignal },
  ): Promise<Uint8Array> {
    const kept = this.#kept.get(name);
    if (kept) return Promise.resolve(kept);
    if (signal.aborted) return Promise.reject(signal.reason);
    const flight = this.#flights.get(name) ?? this.#start(name, make);
    flight.waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        flight.waiting--;
        if (flight.waiting === 0) {
          this.#flights.delete(name);
          flight.controller.abort(signal.reason);
        }
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      flight.bytes.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  #start(name: string, make: (options: { signal: AbortSignal }) => Promise<Uint8Array>): Flight {
    const controller = new AbortController();
    const bytes = make({ signal: AbortSignal.any([this.#closing, controller.signal]) });
    const flight: Flight = { bytes, controller, waiting: 0 };
    this.#flights.set(name, flight);
    const done = () => {
      if (this.#flights.get(name) === flight) this.#flights.delete(name);
    };
    bytes.then((result) => {
      done();
      if (!controller.signal.aborted && !this.#closing.aborted) this.#kept.set(name, result, result.length);
    }, done);
    return flight;
  }
}
