/**
 * Streams that are being opened: a start or a takeover that takes long says so, or it looks like one that hangs.
 * In: the begin and end of each. Out: lines in the log; those that take long, for the health check.
 */
import type { StreamDeps } from '../stream-deps.ts';

/** An opening is slow from here on, and is logged so often, ms. */
const SLOW_MS = 10_000;

/** The streams of a catalog that are being opened. */
export class OpeningStreams {
  readonly #deps: Pick<StreamDeps, 'log' | 'clock'>;
  /** When each began, ms of the monotonic clock. */
  readonly #since = new Map<string, number>();

  constructor(deps: Pick<StreamDeps, 'log' | 'clock'>) {
    this.#deps = deps;
  }

  /** A stream is opened until the result is disposed. */
  begin(name: string): Disposable {
    const { log, clock } = this.#deps;
    const beganMs = clock.monotonicMs();
    const elapsedMs = () => clock.monotonicMs() - beganMs;
    const seconds = () => Math.round(elapsedMs() / 1000);
    this.#since.set(name, beganMs);
    const timer = setInterval(() => {
      log.warn({ stream: name, seconds: seconds() }, 'the stream is still being opened: its recording is read');
    }, SLOW_MS).unref();
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
        this.#since.delete(name);
        if (elapsedMs() >= SLOW_MS) log.info({ stream: name, seconds: seconds() }, 'the stream has been opened');
      },
    };
  }

  /** Those that take long, and why they have no media. */
  get slow(): readonly { readonly name: string; readonly silence: string }[] {
    const nowMs = this.#deps.clock.monotonicMs();
    return [...this.#since]
      .filter(([, beganMs]) => nowMs - beganMs >= SLOW_MS)
      .map(([name, beganMs]) => ({
        name,
        silence: `its recording has been read for ${Math.round((nowMs - beganMs) / 1000)} s`,
      }));
  }
}
