/**
 * Limits guesses of bearer tokens: an address has a few tries, and a token is compared only while a try is left.
 * In: the token and client of a request. Out: nothing, or a refusal. Sign-in has its own limit.
 */

import { createHash } from 'node:crypto';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { bucketOwner, type LimitedClient, type RateLimits } from './rate-limit.ts';

/** A valid token costs no try from the same address for this long, ms. */
const KNOWN_MS = 3_600_000;
/** Most pairs of address and valid token in memory; the least recently used is dropped, and costs a try again. */
const MAX_KNOWN = 10_000;

/** The tries of every address. */
export class TokenTries {
  readonly #limits: RateLimits;
  readonly #nowMs: () => number;
  /** When a token was last valid, by address and digest; least recently used first. By address, so that a guesser learns nothing. */
  readonly #known = new Map<string, number>();

  /** @param nowMs a clock that never steps, ms */
  constructor(limits: RateLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /**
   * Compares a token. Call it once for each request. A token that was valid from this address within the last hour costs nothing; any
   * other costs a try, which is returned if it is valid.
   *
   * @param isValid compares it; not called if the address has no try left
   * @throws OxbowError `too-many-requests`
   */
  check(token: string, client: LimitedClient, isValid: () => boolean): void {
    const nowMs = this.#nowMs();
    const key = `${bucketOwner(client)} ${createHash('sha256').update(token).digest('base64url')}`;
    const seenMs = this.#known.get(key);
    const isKnown = seenMs !== undefined && nowMs - seenMs < KNOWN_MS;
    this.#known.delete(key);
    if (!isKnown) this.#limits.take('tokens', client);
    if (!isValid()) return;
    if (!isKnown) this.#limits.giveBack('tokens', client);
    this.#known.set(key, nowMs);
    dropOldest(this.#known, MAX_KNOWN);
  }
}
