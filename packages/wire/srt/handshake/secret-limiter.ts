/**
 * Limits how often an address may try passphrases: each try derives a key, which takes about half a
 * millisecond.
 * In: failures by address. Out: whether another try is allowed. Pure.
 */

const MAX_FAILURES = 10;
const WINDOW_US = 60_000_000;
const MAX_ADDRESSES = 1024;

/** Failures of the last minute by address. */
export class SecretLimiter {
  readonly #failures = new Map<string, { count: number; untilUs: number }>();

  /** Whether the address has failed less than 10 times within a minute. */
  allows(address: string, nowUs: number): boolean {
    const entry = this.#failures.get(address);
    if (!entry) return true;
    if (entry.untilUs <= nowUs) {
      this.#failures.delete(address);
      return true;
    }
    return entry.count < MAX_FAILURES;
  }

  /** Counts a failure. */
  fail(address: string, nowUs: number): void {
    const entry = this.#failures.get(address);
    if (entry && entry.untilUs > nowUs) {
      entry.count++;
      return;
    }
    if (this.#failures.size >= MAX_ADDRESSES) this.#failures.delete(this.#failures.keys().next().value!);
    this.#failures.set(address, { count: 1, untilUs: nowUs + WINDOW_US });
  }
}
