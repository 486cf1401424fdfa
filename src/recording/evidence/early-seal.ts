/**
 * Blocks before their time, because a clip needs them: one for all clips that wait, and not another one until
 * a pause is over, so that viewers do not decide how many blocks there are.
 * In: requests of clips. Out: calls of `seal`.
 */
import { sleep } from '../../lib/abort.ts';

/** What early blocks need. */
export interface EarlySealOptions {
  /**
   * Signs what waits, if some of it is before an instant: the block of the minute may have come meanwhile.
   *
   * @param untilUs µs since 1970
   * @returns end of the media that is signed then, µs since 1970
   */
  readonly seal: (untilUs: number) => Promise<number>;
  /** The shortest time from the begin of an early block to that of the next one, ms. */
  readonly everyMs: () => number;
  readonly monotonicMs: () => number;
  /** No further block is signed after it aborts. */
  readonly signal: AbortSignal;
}

export class EarlySeal {
  readonly #options: EarlySealOptions;
  #next: Promise<number> | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #untilUs = 0;

  constructor(options: EarlySealOptions) {
    this.#options = options;
  }

  /**
   * The next early block: what waits now is in it.
   *
   * @param untilUs media before this instant is needed, µs since 1970
   * @returns as `seal`; rejects as `seal`, and with the reason of the signal
   */
  next(untilUs: number): Promise<number> {
    this.#untilUs = Math.max(this.#untilUs, untilUs);
    this.#next ??= this.#run();
    return this.#next;
  }

  async #run(): Promise<number> {
    const { everyMs, monotonicMs, signal, seal } = this.#options;
    try {
      await sleep(Math.max(0, this.#lastMs + everyMs() - monotonicMs()), { signal });
    } finally {
      // Who comes from here on may need media that this block has not.
      this.#next = undefined;
    }
    const untilUs = this.#untilUs;
    this.#untilUs = 0;
    this.#lastMs = monotonicMs();
    return seal(untilUs);
  }
}
