/**
 * Streams that are being opened. One that takes long says so, or it looks like one that hangs, and nothing
 * waits for it any more.
 * In: what opens each. Out: lines in the log; when one takes long.
 */
import type { StreamDeps } from '../stream-deps.ts';

/** An opening is slow from here on, and is logged this often, ms. */
const SLOW_MS = 10_000;

/** How a stream is opened. */
export interface Opening {
  /** Fires when the catalog does not wait for it either. */
  readonly signal: AbortSignal;
  /** Others wait for it no more: what it changes besides its own stream has to wait for its turn. */
  readonly isSlow: boolean;
}

interface Entry extends Opening {
  isSlow: boolean;
  readonly controller: AbortController;
  /** Why the stream has no media. */
  readonly silence: () => string;
  /** Resolves at its end; never rejects. */
  readonly ended: Promise<unknown>;
}

/** The streams of a catalog that are being opened. */
export class OpeningStreams {
  readonly #deps: Pick<StreamDeps, 'log' | 'clock'>;
  readonly #signal: AbortSignal;
  readonly #entries = new Map<string, Entry>();

  /** @param options.signal ends every opening */
  constructor(deps: Pick<StreamDeps, 'log' | 'clock'>, { signal }: { readonly signal: AbortSignal }) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Whether the stream is being opened. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Opens a stream. Resolves when it is open or when that takes long; then it continues in parallel, and a
   * rejection is logged. A stream that is being opened already is not opened a second time.
   *
   * @param slow called when it takes long, with what says why the stream has no media
   */
  async run(
    name: string,
    open: (opening: Opening) => Promise<void>,
    slow: (silence: () => string) => void,
  ): Promise<void> {
    const already = this.#entries.get(name);
    if (already) {
      slow(already.silence);
      return;
    }
    const { log, clock } = this.#deps;
    const beganMs = clock.monotonicMs();
    const seconds = () => Math.round((clock.monotonicMs() - beganMs) / 1000);
    const controller = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    const entry: Entry = {
      signal: AbortSignal.any([this.#signal, controller.signal]),
      controller,
      isSlow: false,
      ended,
      silence: () => `its recording has been read for ${seconds()} s`,
    };
    this.#entries.set(name, entry);
    const timer = setInterval(() => {
      log.warn({ stream: name, seconds: seconds() }, 'the stream is still being opened: its recording is read');
      if (entry.isSlow) return;
      entry.isSlow = true;
      slow(entry.silence);
      late.resolve();
    }, SLOW_MS).unref();
    const opened = open(entry).finally(() => {
      clearInterval(timer);
      this.#entries.delete(name);
      end();
      if (entry.isSlow) log.info({ stream: name, seconds: seconds() }, 'the stream is not being opened any more');
    });
    opened.catch((error: unknown) => {
      if (entry.isSlow) log.debug({ stream: name, err: error }, 'the opening of the stream was given up');
    });
    await Promise.race([opened, late.promise]);
  }

  /** Ends openings in progress, and waits for them. */
  async end(): Promise<void> {
    const entries = [...this.#entries.values()];
    for (const { controller } of entries) controller.abort(new DOMException('the streams are closed', 'AbortError'));
    await Promise.all(entries.map(({ ended }) => ended));
  }
}
