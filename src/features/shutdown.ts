/**
 * The shutdown signal of all background work, aborted once with one reason, and the order of closing where it
 * takes long.
 * In: the owner of the app. Out: the signal; the drain before it.
 */
import { sleep } from '../lib/abort.ts';

/** Parts that are closed before the streams may take this long, ms. */
const STREAMS_AFTER_MS = 2000;

/**
 * Closes everything in order. Where parts before the streams take long (a client that does not read, a
 * worker that does not end), the streams are closed meanwhile: their last segments are to be on the disk
 * before the process has to end.
 *
 * @param streams those that run; closing one twice closes it once, and never rejects
 */
export async function closeInOrder(
  opened: AsyncDisposable,
  streams: () => readonly { close(): Promise<void> }[],
): Promise<void> {
  const early = setTimeout(() => {
    for (const stream of streams()) void stream.close();
  }, STREAMS_AFTER_MS);
  try {
    await opened[Symbol.asyncDispose]();
  } finally {
    clearTimeout(early);
  }
}

/** Created once per process. */
export class Shutdown {
  readonly #controller = new AbortController();
  readonly #hurry = new AbortController();
  readonly #leaving = new AbortController();

  /**
   * @param start ends a start: a wait then, such as for a database that does not respond, ends as at any
   *   other shutdown
   */
  constructor(start: AbortSignal) {
    start.addEventListener('abort', () => this.begin(), { once: true });
    if (start.aborted) this.begin();
  }

  /** Whether new requests should go elsewhere: from the beginning of a drain on. */
  get isDraining(): boolean {
    return this.leaving.aborted;
  }

  /** The end has begun, with a drain or without: no client is led here. */
  isEnding = false;

  /** A process follows this one on this machine, with its ports; set before the end begins. */
  isFollowed = false;

  /** Fires when a drain begins, or the shutdown without one. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /**
   * Resolves after `ms`, or when `hurry` is called. Everything is still served meanwhile, but /ready is 503.
   */
  async drain(ms: number): Promise<void> {
    this.#leaving.abort();
    await sleep(ms, { signal: this.#hurry.signal }).catch(() => {}); // it rejects only because of `hurry`
  }

  /** Ends a drain. May be called again. */
  hurry(): void {
    this.#hurry.abort(new DOMException('the drain is cut short', 'AbortError'));
  }

  /** Fires when the shutdown begins. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Fires the signal. May be called again. */
  begin(): void {
    this.#leaving.abort();
    this.#controller.abort(new DOMException('oxbow is shutting down', 'AbortError'));
  }

  /** Owns work that runs until the signal fires: disposing begins the shutdown and waits for the work. */
  owns(work: Promise<unknown>): AsyncDisposable {
    return {
      [Symbol.asyncDispose]: async () => {
        this.begin();
        await work;
      },
    };
  }
}
