/**
 * Counts refusals that an operator should know of, and logs them at most once a second, by code.
 * In: codes of refusals. Out: a counter, log lines.
 */
import type { Clock } from '../lib/clock.ts';
import type { Log } from './log.ts';

const LOG_EVERY_MS = 1000;

/** One kind of refusals. */
export class RefusalLog {
  readonly #log: Pick<Log, 'warn'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #message: string;
  readonly #count: (code: string) => void;
  /** Not logged yet, by code. */
  readonly #refused = new Map<string, number>();
  #loggedAt = Number.NEGATIVE_INFINITY;
  #late: NodeJS.Timeout | undefined;

  /**
   * @param message of the log lines
   * @param count counts each refusal
   */
  constructor(
    { log, clock }: { readonly log: Pick<Log, 'warn'>; readonly clock: Pick<Clock, 'monotonicMs'> },
    message: string,
    count: (code: string) => void,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#message = message;
    this.#count = count;
  }

  /** Something was refused. @param code one of few */
  refused(code: string): void {
    this.#count(code);
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    if (this.#late) return;
    const waitMs = this.#loggedAt + LOG_EVERY_MS - this.#clock.monotonicMs();
    if (waitMs <= 0) this.#write();
    else this.#late = setTimeout(() => this.#write(), waitMs).unref();
  }

  #write(): void {
    this.#late = undefined;
    this.#loggedAt = this.#clock.monotonicMs();
    this.#log.warn({ refused: Object.fromEntries(this.#refused) }, this.#message);
    this.#refused.clear();
  }
}
