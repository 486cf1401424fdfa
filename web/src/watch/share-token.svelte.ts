/**
 * The playback token of a shared link: created for it by a signed-in user, or the guest's own.
 * In: a stream, a lifetime. Out: a token for links, or why there is none. The server does not store tokens.
 */

import type { TokenLifetime } from '../addresses.ts';
import { ApiError, askServer, type Failure } from '../api/client.ts';
import { watchTokenOf } from '../api/server.ts';
import { session } from '../viewer/session.svelte.ts';

/** The choice in the share dialog of one stream. */
export class ShareToken {
  /** Lifetime of the token; null: the link has no token. */
  lifetime = $state<TokenLifetime | null>(null);
  /** When it expires, unix milliseconds; null if none was created. */
  untilMs = $state<number | null>(null);
  /** Why it could not be created; null without a failure. */
  failure = $state.raw<Failure | null>(null);
  #token = $state<string | null>(null);
  #isBusy = $state(false);
  #request = new AbortController();
  readonly #stream: string;

  constructor(stream: string) {
    this.#stream = stream;
  }

  /** The token is being created: a link without it would not be the chosen one. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** The token for the link; null if it has none. A guest shares their own. */
  get token(): string | null {
    return session.may('share') ? this.#token : (watchTokenOf(this.#stream) ?? null);
  }

  /** Creates a token with this lifetime from now; null: none. An earlier request is dropped. */
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
      if (signal.aborted) return; // replaced by another choice
      if (!(error instanceof ApiError)) throw error;
      this.lifetime = null;
      this.failure = error.failure;
    } finally {
      if (!signal.aborted) this.#isBusy = false;
    }
  }

  /** Ends the request. */
  close(): void {
    this.#request.abort();
  }
}
