/**
 * Clients who open a WebSocket while the node that has their room does not answer: they wait for its next
 * owner, instead of trying again and again. In: waits. Out: whether the owner has come.
 * docs/decisions/0055.
 */
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';

/** Interval of looks, ms. */
const LOOK_MS = 50;
/** Most clients that wait; further ones are refused at once. */
const MAX_WAITING = 20_000;

interface Waiting {
  readonly hasCome: () => boolean;
  readonly untilMs: number;
  readonly resolve: (hasCome: boolean) => void;
}

/** Those who wait. */
export class OwnerWaits {
  readonly #waiting = new Set<Waiting>();
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Called with 1 and -1. */
  readonly #count: (change: number) => void;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(clock: Pick<Clock, 'monotonicMs'>, count: (change: number) => void) {
    this.#clock = clock;
    this.#count = count;
  }

  /** Whether a further client would be refused. */
  get isFull(): boolean {
    return this.#isClosed || this.#waiting.size >= MAX_WAITING;
  }

  /**
   * Resolves true when `hasCome` is, false at a time (monotonic ms), when it is full, or after `close`.
   * @param hasCome is called 20 times a second
   */
  until(hasCome: () => boolean, untilMs: number): Promise<boolean> {
    if (this.isFull) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.add({ hasCome, untilMs, resolve });
      this.#count(1);
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  /** Ends all waits. */
  close(): void {
    this.#isClosed = true;
    for (const wait of this.#waiting) this.#end(wait, false);
  }

  async #look(): Promise<void> {
    const { signal } = new AbortController(); // it ends with the last client
    while (this.#waiting.size > 0) {
      await sleep(LOOK_MS, { signal });
      const nowMs = this.#clock.monotonicMs();
      for (const wait of this.#waiting) {
        if (wait.hasCome()) this.#end(wait, true);
        else if (nowMs >= wait.untilMs) this.#end(wait, false);
      }
    }
  }

  #end(wait: Waiting, hasCome: boolean): void {
    this.#waiting.delete(wait);
    this.#count(-1);
    wait.resolve(hasCome);
  }
}
