/**
 * Guesses of bearer tokens, slowed down: an address that presents a token has a few tries, and the token is compared only while it has one.
 * In: the token of a request and where it comes from. Out: nothing, or a refusal. Sign-in has tries of its own.
 */
import { createHash } from 'node:crypto';
import { bucketOwner, type LimitedClient, type RateLimits } from './rate-limit.ts';

/** A token that was valid from an address costs no try there for this long, ms. */
const KNOWN_MS = 3_600_000;
/** Pairs of address and valid token; the one used longest ago is forgotten, and costs a try again. */
const MAX_KNOWN = 10_000;

/** The tries of every address. */
export class TokenTries {
  readonly #limits: RateLimits;
  readonly #nowMs: () => number;
  /** When a token was valid last, by address and digest; the one used last is the last. Nobody else's success tells a guesser anything. */
  readonly #known = new Map<string, number>();

  /** @param nowMs a clock that never steps, ms */
  constructor(limits: RateLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /**
   * Compares a token, once for each request. One that was valid from this address within the last hour costs nothing; any other costs a
   * try, which it gets back if it is valid.
   *
   * @param isValid compares it; not called where the address has no try left
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
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
  }
}
