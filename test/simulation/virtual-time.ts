/**
 * Time that a simulation moves: timers fire when their moment is reached, in order, without waiting for it.
 * In: calls of the global timer functions, from any code. Out: their callbacks. Dispose it to get the real timers back.
 */

/** Real macrotasks still run: they let promises and finished disk work proceed. */
const realImmediate = setImmediate;

interface Timer {
  readonly atMs: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** Lets every promise that can settle without a timer settle. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve));
}

/** What `setTimeout` returns meanwhile. */
class TimerHandle {
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return false;
  }
}

/** Replaces `setTimeout` and `setInterval`, and `Math.random`, of the whole process. */
export class VirtualTime implements Disposable {
  readonly #timers = new Map<object, Timer>();
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    random: Math.random,
  };
  readonly #advanced: (ms: number) => void;
  #nowMs = 0;

  /**
   * @param advanced called before timers fire, with how far time moves, ms
   * @param random replaces `Math.random`, so that pauses between tries are the same in every run
   */
  constructor(advanced: (ms: number) => void, random: () => number) {
    this.#advanced = advanced;
    const add = (run: (...args: unknown[]) => void, ms: number | undefined, args: unknown[], repeats: boolean) => {
      const handle = new TimerHandle();
      const delayMs = Math.max(1, Number(ms) || 0);
      const everyMs = repeats ? delayMs : undefined;
      this.#timers.set(handle, { atMs: this.#nowMs + delayMs, everyMs, run: () => run(...args) });
      return handle;
    };
    const clear = (handle: object) => void this.#timers.delete(handle);
    const virtual = {
      setTimeout: (run: () => void, ms?: number, ...args: unknown[]) => add(run, ms, args, false),
      setInterval: (run: () => void, ms?: number, ...args: unknown[]) => add(run, ms, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    };
    Object.assign(globalThis, virtual);
    Math.random = random;
  }

  /** Since the beginning, ms. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Moves time to `untilMs`, timer by timer; promises settle behind each moment. */
  async runUntil(untilMs: number): Promise<void> {
    await settlePromises();
    for (;;) {
      let next = Number.POSITIVE_INFINITY;
      for (const { atMs } of this.#timers.values()) next = Math.min(next, atMs);
      if (next > untilMs) break;
      this.#moveTo(next);
      for (const [handle, timer] of [...this.#timers]) {
        if (timer.atMs > next || !this.#timers.delete(handle)) continue;
        if (timer.everyMs !== undefined) this.#timers.set(handle, { ...timer, atMs: next + timer.everyMs });
        timer.run();
      }
      await settlePromises();
    }
    this.#moveTo(untilMs);
  }

  #moveTo(ms: number): void {
    if (ms <= this.#nowMs) return;
    this.#advanced(ms - this.#nowMs);
    this.#nowMs = ms;
  }

  [Symbol.dispose](): void {
    const { random, ...timers } = this.#real;
    Object.assign(globalThis, timers);
    Math.random = random;
  }
}
