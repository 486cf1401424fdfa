/**
 * Stores answers to requests with an Idempotency-Key, so that a repeated request creates nothing twice.
 * In: key and body of a request. Out: the answer to the first one, for 24 h.
 */
import { createHash } from 'node:crypto';
import { keyInUse, keyReused, readKey } from '../../lib/idempotency-key.ts';
import type { RouteAnswer } from '../route/route.ts';

const KEEP_MS = 24 * 3_600_000;
const MAX_KEYS = 10_000;

interface Entry {
  readonly body: string;
  readonly answer: Promise<RouteAnswer>;
  isAnswered: boolean;
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
   * The answer to the first request with this key, or the result of `make`. A failure is not stored, so the
   * request can be repeated.
   *
   * @param scope principal, method and path; a key is valid only within them
   * @throws OxbowError `bad-request` for an invalid key, `idempotency-key-reused` if it was used with another
   *   body, `idempotency-key-in-use` while the first request is answered
   */
  once(scope: string, key: string, body: unknown, make: () => Promise<RouteAnswer>): Promise<RouteAnswer> {
    const now = this.#nowMs();
    this.#removeExpired(now);
    const name = `${scope} ${readKey(key)}`;
    const digest = createHash('sha256')
      .update(JSON.stringify(body) ?? '')
      .digest('base64');
    const storedEntry = this.#entries.get(name);
    if (storedEntry) {
      if (storedEntry.body !== digest) throw keyReused();
      if (!storedEntry.isAnswered) throw keyInUse();
      return storedEntry.answer;
    }
    const answer = make();
    const entry: Entry = { body: digest, answer, isAnswered: false, until: now + KEEP_MS };
    this.#entries.set(name, entry);
    answer.then(
      () => {
        entry.isAnswered = true;
      },
      () => this.#entries.delete(name),
    );
    return answer;
  }

  #removeExpired(now: number): void {
    for (const [name, { until }] of this.#entries) {
      if (until > now && this.#entries.size < MAX_KEYS) return;
      this.#entries.delete(name);
    }
  }
}
