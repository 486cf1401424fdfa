/**
 * What the server says of one stream, and whether it answers at all.
 * In: the API every 3 s, or when events say that something happened and every 6 s; the browser's word that the network is gone or back. Out: the watch page, the player alone.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { ApiError, type Failure, getStream, readFailure } from '../api/client.ts';
import { EventConnection } from '../api/event-connection.ts';
import { pause } from '../api/poll.ts';
import { onServer } from '../api/server.ts';
import { Clock } from '../time/clock.ts';
import { isLost } from './overlay.ts';

const EVERY_MS = 3_000;
/** While events tell what happens. */
const SELDOM_MS = 6_000;
/** While oxbow does not answer it is asked more often: people wait. */
const LOST_EVERY_MS = 1_500;
/** An answer that takes longer is none, milliseconds. */
const PATIENCE_MS = 6_000;

/** How much is played of what was recorded last, milliseconds. */
const LAST_MS = 60_000;

/** The state of a stream as the server tells it; `close` ends the asking. */
export class Connection {
  /** The stream as the server last told; null before the first answer. */
  stream = $state.raw<StreamView | null>(null);
  /** Why the server refuses to tell; null while it does. */
  failure = $state.raw<Failure | null>(null);
  /** Why there is no answer; null while there is. */
  lost = $state.raw<Failure | null>(null);
  readonly clock = new Clock();
  readonly #name: string;
  readonly #onView: (view: StreamView) => void;
  readonly #ends = new AbortController();
  readonly #events: EventConnection;
  #waiting = new AbortController();

  /** @param onView called with each response */
  constructor(name: string, onView: (view: StreamView) => void) {
    this.#name = name;
    this.#onView = onView;
    this.#events = new EventConnection(`stream=${name}`, ({ type }) => type !== 'events.ready' && this.retry(), {
      stream: name,
      signal: this.#ends.signal,
    });
  }

  /** The oldest kept moment, unix milliseconds; null where nothing is recorded. */
  get firstMs(): number | null {
    return this.stream?.recorded.from ? Date.parse(this.stream.recorded.from) : null;
  }

  /** Where the recording ends, unix milliseconds; null where nothing is recorded. */
  get lastMs(): number | null {
    return this.stream?.recorded.to ? Date.parse(this.stream.recorded.to) : null;
  }

  /** Where the last minute of what was recorded begins, unix milliseconds; null where nothing is recorded. */
  get lastMinuteMs(): number | null {
    return this.lastMs === null ? null : Math.max(this.firstMs ?? 0, this.lastMs - LAST_MS);
  }

  /** Asks for the first time; resolves when that is answered, or is known not to be. */
  async open(): Promise<void> {
    const { signal } = this.#ends;
    // The picture shall not wait for the clock: it is right to a few milliseconds soon after.
    this.clock.keep(signal);
    addEventListener('offline', () => this.#silent(), { signal });
    addEventListener('online', () => this.retry(), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.retry(), { signal });
    await this.#read();
  }

  /** Asks again and again, until `close`. */
  async keep(): Promise<void> {
    if (onServer('') === '') this.#events.keep(); // on other people's pages one line less
    while (!this.#ends.signal.aborted) {
      this.#waiting = new AbortController();
      await pause(this.#everyMs, this.#waiting.signal);
      if (!this.#ends.signal.aborted) await this.#read();
    }
  }

  /** Asks at once. */
  retry(): void {
    this.#waiting.abort();
  }

  /** Ends all asking. */
  close(): void {
    this.#ends.abort();
    this.#waiting.abort();
  }

  get #everyMs(): number {
    if (this.lost) return LOST_EVERY_MS;
    return this.#events.isOn ? SELDOM_MS : EVERY_MS;
  }

  async #read(): Promise<void> {
    const { signal } = this.#ends;
    const late = AbortSignal.timeout(PATIENCE_MS);
    try {
      const view = await getStream(this.#name, AbortSignal.any([signal, late]));
      if (signal.aborted) return;
      this.stream = view;
      this.failure = null;
      this.lost = null;
      this.#onView(view);
    } catch (error) {
      if (signal.aborted) return;
      if (late.aborted) this.#silent();
      else if (!(error instanceof ApiError)) throw error;
      else if (isLost(error.failure)) this.lost ??= error.failure;
      else this.#refused(error.failure);
    }
  }

  #silent(): void {
    this.lost ??= readFailure(0, '');
  }

  #refused(failure: Failure): void {
    this.lost = null;
    this.failure = failure;
  }
}
