/**
 * The right to watch that a shared link carries: one made for it by whoever is signed in, or the guest's own.
 * In: a stream, for how long. Out: a token for links, or why there is none. The server keeps nothing of a token that is made.
 */
import { ApiError, askServer, type Failure } from '../api/client.ts';
import { rightTo } from '../api/server.ts';
import { session } from '../shell/session.svelte.ts';
import type { Life } from './addresses.ts';

/** What is chosen in the share dialog of one stream. */
export class SharedRight {
  /** How long a link lasts; null: it carries no right. */
  life = $state<Life | null>(null);
  /** Until when, unix milliseconds; null where nothing was made. */
  untilMs = $state<number | null>(null);
  /** Why it could not be made; null while all is well. */
  failure = $state.raw<Failure | null>(null);
  #made = $state<string | null>(null);
  #isBusy = $state(false);
  #asking = new AbortController();
  readonly #stream: string;

  constructor(stream: string) {
    this.#stream = stream;
  }

  /** It is being made: a link without it would not be the one that was chosen. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** For the link; null where it carries none. Guests give their own. */
  get token(): string | null {
    return session.may('share') ? this.#made : (rightTo(this.#stream) ?? null);
  }

  /** Makes one that lasts so long from now; null: none. What was asked for before is forgotten. */
  async choose(life: Life | null): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.life = life;
    this.failure = null;
    this.#made = null;
    this.untilMs = null;
    this.#isBusy = life !== null;
    if (life === null) return;
    try {
      const made = await askServer(signal, (client, options) =>
        client.createStreamWatchToken({ name: this.#stream, body: { expires: life } }, options),
      );
      this.#made = made.token;
      this.untilMs = Date.parse(made.expiresAt);
    } catch (error) {
      if (signal.aborted) return; // another choice was made
      if (!(error instanceof ApiError)) throw error;
      this.life = null;
      this.failure = error.failure;
    } finally {
      if (!signal.aborted) this.#isBusy = false;
    }
  }

  /** The page is left. */
  close(): void {
    this.#asking.abort();
  }
}
