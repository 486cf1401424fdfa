/**
 * Notices that a process does not answer any more: it is frozen, or its event loop does not turn.
 * In: answers of a process. Out: pings, and once that it is silent.
 *
 * Time counts in turns of the timer here. None passes while the supervisor or the computer is suspended.
 */

/** Interval of pings, ms. */
const EVERY_MS = 2000;
/** Turns without an answer after which a process is silent: 12 to 14 s. */
const MOST_TURNS = 6;
/** The same of a process that starts. It may read much before its event loop turns. */
const MOST_TURNS_AT_START = 60;

interface HeartbeatOptions {
  readonly ping: () => void;
  /** Called once; there are no pings afterwards. @param silentMs how long the process has not answered */
  readonly silent: (silentMs: number) => void;
}

/** Pings one process until it is disposed. */
export class Heartbeat implements Disposable {
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #mostTurns = MOST_TURNS_AT_START;
  #isWaiting = false;
  #turns = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#turn(), EVERY_MS);
  }

  /** The process has started. */
  ready(): void {
    this.#mostTurns = MOST_TURNS;
  }

  /** The process has answered the last ping. */
  answered(): void {
    this.#isWaiting = false;
    this.#turns = 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** One ping waits at a time, so that none pile up in the channel of a frozen process. */
  #turn(): void {
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#options.ping();
    } else if (++this.#turns >= this.#mostTurns) {
      this[Symbol.dispose]();
      this.#options.silent(this.#turns * EVERY_MS);
    }
  }
}
