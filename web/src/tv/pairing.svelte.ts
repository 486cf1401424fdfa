/**
 * The code that a television shows until a person has allowed it.
 * In: the server. Out: the code, then the page that the person chose.
 */
import type { PairingView } from '../../../src/api/television/television-shapes.ts';
import { ApiError, askServer } from '../api/client.ts';
import { pause } from '../api/poll.ts';
import { session } from '../viewer/session.svelte.ts';

/** Pause after a request that failed, ms. */
const AGAIN_MS = 10_000;

/** One television that waits; `close` with the page. */
export class TvPairing {
  /** Null before the first answer, and while there is none. */
  shown = $state.raw<PairingView | null>(null);
  readonly #ends = new AbortController();

  /** Shows codes until one is allowed. @returns the path to open; undefined once it is closed */
  async run(): Promise<string | undefined> {
    const { signal } = this.#ends;
    while (!signal.aborted) {
      try {
        this.shown ??= await askServer(signal, (client, options) => client.createTelevision(options));
        const { secret, intervalS } = this.shown;
        await pause(intervalS * 1000, signal);
        if (signal.aborted) return undefined;
        const state = await askServer(signal, (client, options) =>
          client.createTelevisionsSession({ body: { secret } }, options),
        );
        if (!state.paired) continue;
        this.shown = null;
        // The cookie is there: without an answer now, the page that opens reads it.
        await session.read(signal).catch(() => undefined);
        return signal.aborted ? undefined : (state.opens ?? undefined);
      } catch (error) {
        if (signal.aborted) return undefined;
        if (error instanceof ApiError && error.failure.code === 'television-gone') this.shown = null;
        else await pause(AGAIN_MS, signal);
      }
    }
    return undefined;
  }

  close(): void {
    this.#ends.abort();
  }
}

/** The code in two groups, as people read it out. */
export function groupedCode(code: string): string {
  return `${code.slice(0, 4)} ${code.slice(4)}`;
}
