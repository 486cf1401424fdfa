/**
 * The public keys that another program publishes as a JWK Set. They are fetched when they are needed, kept,
 * and fetched again when they are old or a token names an unknown key. When a fetch fails, the old ones stay
 * valid.
 * In: an address, the guarded client. Out: keys for WatchJwt; the set, for serving threads.
 * RFC 7517 5.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import type { Net } from '../../net/net.ts';

/** Largest set, bytes. */
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5000;
/** A set is fetched again after this long, ms. */
const FRESH_MS = 10 * 60_000;
/** An unknown key, or a failure, causes a fetch at most this often, ms. */
const RETRY_MS = 30_000;

/** Where the keys come from. */
export interface JwkSetOptions {
  readonly url: string;
  readonly net: Pick<Net, 'fetch'>;
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
  /** Ends fetches. */
  readonly signal: AbortSignal;
  /** Called after each fetch; `error` undefined: it succeeded. */
  readonly onFetched: (error: string | undefined) => void;
}

/** The keys of one address. */
export class JwkSet {
  readonly #options: JwkSetOptions;
  readonly #changed = new Emitter<JSONWebKeySet>();
  #keys: JSONWebKeySet | undefined;
  #find: LocalJWKSet | undefined;
  #fetching: Promise<void> | undefined;
  #triedMs = Number.NEGATIVE_INFINITY;
  #fetchedMs = Number.NEGATIVE_INFINITY;

  constructor(options: JwkSetOptions) {
    this.#options = options;
  }

  /** The set as last fetched; undefined before the first. */
  get keys(): JSONWebKeySet | undefined {
    return this.#keys;
  }

  /** Emits each set that differs from the one before. */
  get changed(): Subscribable<JSONWebKeySet> {
    return this.#changed;
  }

  /** Finds the key of a token. Rejects with OxbowError `auth-unavailable` while no set was ever fetched. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { nowMs } = this.#options;
    if (!this.#find) await this.#fetch();
    else if (nowMs() - this.#fetchedMs >= FRESH_MS) void this.#fetch(); // the old set answers meanwhile
    if (!this.#find) {
      throw new OxbowError('auth-unavailable', 'The keys at `playbackJwt.jwks` could not be fetched.', {
        extra: { retryAfterSeconds: Math.ceil(RETRY_MS / 1000) },
      });
    }
    try {
      return await this.#find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (!(await this.#fetch())) throw error;
      return await this.#find(header, token);
    }
  };

  /** Fetches the set, unless that was tried a moment ago. Never rejects; whether there was a fetch. */
  async #fetch(): Promise<boolean> {
    const { nowMs } = this.#options;
    if (!this.#fetching) {
      if (nowMs() - this.#triedMs < RETRY_MS) return false;
      this.#triedMs = nowMs();
      this.#fetching = this.#load().finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
    return true;
  }

  async #load(): Promise<void> {
    const { url, net, signal, nowMs, onFetched } = this.#options;
    try {
      const trusted = new URL(url);
      const limits = { maxBytes: MAX_BYTES, deadlineMs: TIMEOUT_MS, idleMs: TIMEOUT_MS };
      using answer = await net.fetch(trusted, { signal, trusted, headers: { accept: 'application/json' }, ...limits });
      if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
      const keys = JSON.parse(new TextDecoder().decode(await answer.body())) as JSONWebKeySet;
      this.#find = createLocalJWKSet(keys); // throws for an invalid set
      this.#fetchedMs = nowMs();
      onFetched(undefined);
      if (JSON.stringify(keys) === JSON.stringify(this.#keys)) return;
      this.#keys = keys;
      this.#changed.emit(keys);
    } catch (error) {
      if (!signal.aborted) onFetched(messageOf(error));
    }
  }
}
