/**
 * The right to watch that a shared link carries: one made for it by whoever is signed in, or the guest's own.
 * In: a stream, for how long. Out: a token for links, or why there is none. The server keeps nothing of a token that is made.
 */
import { ApiError, askServer, type Failure } from '../api/client.ts';
import { watchTokenOf } from '../api/server.ts';
import { session } from '../shell/session.svelte.ts';
import type { TokenLifetime } from './addresses.ts';

/** What is chosen in the share dialog of one stream. */
export class ShareToken {
  /** How long a link lasts; null: it carries no right. */
  lifetime = $state<TokenLifetime | null>(null);
  /** Until when, unix milliseconds; null where nothing was made. */
  untilMs = $state<number | null>(null);
  /** Why it could not be made; null while all is well. */
  failure = $state.raw<Failure | null>(null);
  #token = $state<string | null>(null);
  #isBusy = $state(false);
  #request = new AbortController();
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
    return session.may('share') ? this.#token : (watchTokenOf(this.#stream) ?? null);
  }

  /** Makes one that lasts so long from now; null: none. What was asked for before is forgotten. */
  async choose(lifetime: TokenLifetime | null): Promise<void> {
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.lifetime = lifetime;
    this.failure = null;
    this.#token = null;
    this.untilMs = null;
    this.#isBusy = lifetime !== null;
    if (lifetime === null) return;
    try {
      const token = await askServer(signal, (client, options) =>
        client.createStreamWatchToken({ name: this.#stream, body: { expires: lifetime } }, options),
      );
      this.#token = token.token;
      this.untilMs = Date.parse(token.expiresAt);
    } catch (error) {
      if (signal.aborted) return; // another choice was made
      if (!(error instanceof ApiError)) throw error;
      this.lifetime = null;
      this.failure = error.failure;
    } finally {
      if (!signal.aborted) this.#isBusy = false;
    }
  }

  /** The page is left. */
  close(): void {
    this.#request.abort();
  }
}
