/**
 * Stores answers to requests with an Idempotency-Key, so that a repeated request creates nothing twice.
 * In: key and body of a request. Out: the answer to the first one, for 24 h.
 */
import { createHash } from 'node:crypto';
import { OxbowError } from '../../lib/errors.ts';
import type { RouteAnswer } from '../routes/route.ts';

const KEEP_MS = 24 * 3_600_000;
const MAX_KEYS = 10_000;
const MAX_KEY_LENGTH = 255;

interface Entry {
  readonly body: string;
  readonly answer: Promise<RouteAnswer>;
  readonly until: number;
}

/** Answers to earlier requests, in memory: a restart drops them. */
export class IdempotencyKeys {
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;

  /** @param nowMs a monotonic clock, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * The answer to the first request with this key, or the result of `make`. A failure is not stored, so the request can be repeated.
   *
   * @param scope method and path; a key is valid only within them
   * @throws OxbowError `bad-request` if the key was used with another body
   */
  once(scope: string, key: string, body: unknown, make: () => Promise<RouteAnswer>): Promise<RouteAnswer> {
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
      throw new OxbowError(
        'bad-request',
        `The Idempotency-Key has ${key.length} characters. Use 1 to ${MAX_KEY_LENGTH}.`,
      );
    }
    const now = this.#nowMs();
    this.#removeExpired(now);
    const name = `${scope} ${key}`;
    const digest = createHash('sha256')
      .update(JSON.stringify(body) ?? '')
      .digest('base64');
    const known = this.#entries.get(name);
    if (known) {
      if (known.body === digest) return known.answer;
      throw new OxbowError('bad-request', 'This Idempotency-Key was already used with another body.', {
        extra: { hint: 'Use a new key for a new request.' },
      });
    }
    const answer = make();
    this.#entries.set(name, { body: digest, answer, until: now + KEEP_MS });
    answer.catch(() => this.#entries.delete(name));
    return answer;
  }

  #removeExpired(now: number): void {
    for (const [name, { until }] of this.#entries) {
      if (until > now && this.#entries.size < MAX_KEYS) return;
      this.#entries.delete(name);
    }
  }
}
