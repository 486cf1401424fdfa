/**
 * Limits guesses of secrets: an address has a few tries, and a secret is compared only while a try is left.
 * In: the secret and client of a request: bearer tokens of HTTP, stream keys of publishers. Out: nothing, or
 * a refusal. Sign-in has its own limit.
 */
import { createHash } from 'node:crypto';
import { dropOldest } from '../lib/drop-oldest.ts';
import { bucketOwner, type LimitedClient, type LimitName, type RateLimits } from './rate-limit.ts';

/** A valid secret costs no try from the same address for this long, ms. */
const KNOWN_MS = 3_600_000;
/** With `repeatsAreFree`, an invalid secret costs no second try from the same address for this long, ms. */
const TRIED_MS = 60_000;
/** Most pairs of address and secret in memory; the least recently used is dropped, and costs a try again. */
const MAX_KNOWN = 10_000;

/** Options of `TokenTries`. */
interface TriesOptions {
  /** The limit whose tries are taken; default `tokens`. */
  readonly limit?: LimitName;
  /** An encoder repeats a wrong key every few seconds, which is no guess: it costs one try a minute. */
  readonly repeatsAreFree?: boolean;
}

/** The tries of every address. */
export class TokenTries {
  readonly #limits: RateLimits;
  readonly #nowMs: () => number;
  readonly #limit: LimitName;
  readonly #triedMs: number;
  /**
   * Until when a secret costs nothing, by address and digest; least recently used first. By address, so that
   * a guesser gets no information.
   */
  readonly #free = new Map<string, number>();

  /** @param nowMs a clock that never steps, ms */
  constructor(
    limits: RateLimits,
    nowMs: () => number,
    { limit = 'tokens', repeatsAreFree = false }: TriesOptions = {},
  ) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#limit = limit;
    this.#triedMs = repeatsAreFree ? TRIED_MS : 0;
  }

  /**
   * Compares a token. Call it once for each request. A token that was valid from this address within the last
   * hour costs nothing; any other costs a try, which is returned if it is valid.
   *
   * @param isValid compares it; not called if the address has no try left
   * @throws OxbowError `too-many-requests`
   */
  check(token: string, client: LimitedClient, isValid: () => boolean): void {
    const accepted = this.begin(token, client);
    if (isValid()) accepted();
  }

  /**
   * Takes a try for a secret that will be compared, unless it costs nothing.
   *
   * @returns call it if the secret was valid
   * @throws OxbowError `too-many-requests`
   */
  begin(secret: string, client: LimitedClient): () => void {
    const nowMs = this.#nowMs();
    const key = `${bucketOwner(client)} ${createHash('sha256').update(secret).digest('base64url')}`;
    const freeUntilMs = this.#free.get(key);
    const isFree = freeUntilMs !== undefined && nowMs < freeUntilMs;
    this.#free.delete(key);
    if (!isFree) this.#limits.take(this.#limit, client);
    if (this.#triedMs > 0) this.#note(key, isFree ? freeUntilMs : nowMs + this.#triedMs);
    return () => {
      if (!isFree) this.#limits.giveBack(this.#limit, client);
      this.#note(key, this.#nowMs() + KNOWN_MS);
    };
  }

  #note(key: string, freeUntilMs: number): void {
    this.#free.delete(key);
    this.#free.set(key, freeUntilMs);
    dropOldest(this.#free, MAX_KNOWN);
  }
}
