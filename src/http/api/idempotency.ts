/**
 * Remembers what a creating request with an Idempotency-Key was answered, so that repeating it makes nothing twice.
 * In: key and body of a request. Out: the answer of the first one, for 24 h.
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

/** Answers of earlier requests. In memory: a restart forgets them. */
export class IdempotencyKeys {
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;

  /** @param nowMs a clock that never steps, milliseconds */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * The answer of the first request of this key, or of `make`. What failed is forgotten, so that it can be tried again.
   *
   * @param scope method and path: a key means something only within them
   * @throws OxbowError `bad-request` where the key was used for another body
   */
  once(scope: string, key: string, body: unknown, make: () => Promise<RouteAnswer>): Promise<RouteAnswer> {
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
      throw new OxbowError('bad-request', `Idempotency-Key has 1 to ${MAX_KEY_LENGTH} characters.`);
    }
    const now = this.#nowMs();
    this.#forgetBefore(now);
    const name = `${scope} ${key}`;
    const digest = createHash('sha256')
      .update(JSON.stringify(body) ?? '')
      .digest('base64');
    const known = this.#entries.get(name);
    if (known) {
      if (known.body === digest) return known.answer;
      throw new OxbowError('bad-request', 'This Idempotency-Key was used with another body.', {
        extra: { hint: 'Use a new key for a new request.' },
      });
    }
    const answer = make();
    this.#entries.set(name, { body: digest, answer, until: now + KEEP_MS });
    answer.catch(() => this.#entries.delete(name));
    return answer;
  }

  #forgetBefore(now: number): void {
    for (const [name, { until }] of this.#entries) {
      if (until > now && this.#entries.size < MAX_KEYS) return;
      this.#entries.delete(name);
    }
  }
}
