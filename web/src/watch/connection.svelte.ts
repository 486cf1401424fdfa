/**
 * The state of one stream on the server, and whether the server responds.
 * In: the API every 3 s, or every 6 s while events arrive; the browser's online state. Out: the watch page,
 * the embedded player.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { ApiError, type Failure, getStream, isLost, readFailure } from '../api/client.ts';
import { EventConnection } from '../api/event-connection.ts';
import { pause } from '../api/poll.ts';
import { onServer } from '../api/server.ts';
import { delayMsOf, playedView } from '../rules/past.ts';
import { Clock } from '../time/clock.ts';

const EVERY_MS = 3_000;
/** Interval while events arrive. */
const SELDOM_MS = 6_000;
/** While oxbow does not respond, requests are more frequent: viewers wait. */
const LOST_EVERY_MS = 1_500;
/** Timeout of a request, milliseconds. */
const PATIENCE_MS = 6_000;

/** How much of the end of a recording is played, milliseconds. */
const LAST_MS = 60_000;

/** The state of a stream from the server; `close` ends its requests. */
export class Connection {
  /** The stream in the last response; null before the first one. */
  stream = $state.raw<StreamView | null>(null);
  /** Why the server refuses the request; null while it does not. */
  failure = $state.raw<Failure | null>(null);
  /** Why there is no response; null while there is one. */
  lost = $state.raw<Failure | null>(null);
  /** This computer has no network, as the browser reports it. */
  isOffline = $state(!navigator.onLine);
  /** The server's time. */
  readonly clock: Clock;
  readonly #ownsClock: boolean;
  readonly #name: string;
  readonly #onView: (view: StreamView) => void;
  readonly #ends = new AbortController();
  readonly #events: EventConnection;
  #waiting = new AbortController();
  /** The server was lost, and no events have arrived since. */
  #hasMissed = false;

  /**
   * @param onView called with each response
   * @param clock one that others keep; by default its own
   */
  constructor(name: string, onView: (view: StreamView) => void, clock?: Clock) {
    this.clock = clock ?? new Clock();
    this.#ownsClock = clock === undefined;
    this.#name = name;
    this.#onView = onView;
    this.#events = new EventConnection(`stream=${name}`, ({ type }) => this.#heard(type), {
      stream: name,
      signal: this.#ends.signal,
    });
  }

  /** The oldest kept time, unix milliseconds; null if nothing is recorded. */
  get firstMs(): number | null {
    return this.stream?.recorded.from ? Date.parse(this.stream.recorded.from) : null;
  }

  /** The end of the recording, unix milliseconds; null if nothing is recorded. */
  get lastMs(): number | null {
    return this.stream?.recorded.to ? Date.parse(this.stream.recorded.to) : null;
  }

  /** The start of the last recorded minute, unix milliseconds; null if nothing is recorded. */
  get lastMinuteMs(): number | null {
    return this.lastMs === null ? null : Math.max(this.firstMs ?? 0, this.lastMs - LAST_MS);
  }

  /** Sends the first request; resolves when it is answered or has failed. */
  async open(): Promise<void> {
    const { signal } = this.#ends;
    // The picture does not wait for the clock: it is accurate to a few milliseconds soon after.
    if (this.#ownsClock) this.clock.keep(signal);
    addEventListener('offline', () => this.#silent(), { signal });
    addEventListener('online', () => this.retry(), { signal }); // the message changes with the answer
    document.addEventListener('visibilitychange', () => document.hidden || this.retry(), { signal });
    await this.#read();
  }

  /** Repeats the request until `close`. */
  async keep(): Promise<void> {
    if (onServer('') === '') this.#events.keep(); // on other sites one connection less
    while (!this.#ends.signal.aborted) {
      this.#waiting = new AbortController();
      await pause(this.#everyMs, this.#waiting.signal);
      if (!this.#ends.signal.aborted) await this.#read();
    }
  }

  /** Something has happened; or events arrive again, and those since the last answer were missed. */
  #heard(type: string): void {
    if (type === 'events.ready' && !this.#hasMissed) return;
    this.#hasMissed = false;
    this.retry();
  }

  /** Requests at once. */
  retry(): void {
    this.#waiting.abort();
  }

  /** Ends all requests. */
  close(): void {
    this.#ends.abort();
    this.#waiting.abort();
  }

  get #everyMs(): number {
    if (this.lost || (this.#hasMissed && this.stream?.state !== 'live')) return LOST_EVERY_MS; // a server that starts
    return this.#events.isOn ? SELDOM_MS : EVERY_MS;
  }

  async #read(): Promise<void> {
    const { signal } = this.#ends;
    const late = AbortSignal.timeout(PATIENCE_MS);
    try {
      const view = await getStream(this.#name, AbortSignal.any([signal, late]));
      if (signal.aborted) return;
      if (this.#ownsClock) this.clock.delayMs = delayMsOf(view);
      this.stream = view;
      this.failure = null;
      this.lost = null;
      this.isOffline = false;
      this.#onView(playedView(view));
    } catch (error) {
      if (signal.aborted) return;
      if (late.aborted) this.#silent();
      else if (!(error instanceof ApiError)) throw error;
      else if (isLost(error.failure)) this.#silent(error.failure);
      else this.#refused(error.failure);
    }
  }

  #silent(failure = readFailure(0, '')): void {
    this.#hasMissed = true;
    this.isOffline = !navigator.onLine;
    this.lost = failure;
  }

  #refused(failure: Failure): void {
    this.lost = null;
    this.failure = failure;
  }
}
