/**
 * Notices that another database was promoted: some place that this process reaches has a higher epoch than
 * its database.
 * In: the epoch of the database, and places to look at (buckets, nodes). Out: one call when a higher epoch is
 * seen; a check before objects are written. docs/decisions/0099.
 */
import { sleep, waitFor, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';

/** All places are looked at this often, ms. */
export const LOOK_EVERY_MS = 5000;
/** A place that does not answer for this long is left out of a look, ms. */
const ANSWER_MS = 2000;
/** An object is written or deleted only if its bucket was looked at within this time, ms. */
const FRESH_MS = 1000;

/** A place that may have a higher epoch. */
export interface EpochPlace {
  /** For messages: `the bucket archive`, `the node b`. */
  readonly name: string;
  /** Its epoch; undefined: it has none, or does not say. */
  read(options: { readonly signal: AbortSignal }): Promise<number | undefined>;
  /** Gives it the epoch of this process, which is higher. */
  raise?(number: number, options: { readonly signal: AbortSignal }): Promise<void>;
}

interface EpochWatchOptions {
  /** Of the database that this process has opened. */
  readonly number: number;
  /** The places now: nodes come and leave. */
  readonly places: () => readonly EpochPlace[];
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Called once, when a higher epoch is seen while `run` runs. */
  readonly superseded: (error: OxbowError) => void;
  /** Notes in the database, once, that it was superseded: other processes end, and cannot start again. */
  readonly mark: (number: number) => Promise<unknown>;
  /** A place could not be read or raised. */
  readonly failed: (place: string, error: unknown) => void;
}

/** Looks for a higher epoch. */
export class EpochWatch {
  readonly #options: EpochWatchOptions;
  readonly #lookedMs = new Map<string, number>();
  #refusal: OxbowError | undefined;
  #marking: Promise<unknown> = Promise.resolve();
  #isRunning = false;

  constructor(options: EpochWatchOptions) {
    this.#options = options;
  }

  /** Of the database that this process has opened. */
  get number(): number {
    return this.#options.number;
  }

  /** Another process says which epoch it has. */
  hear(number: number, place: string): void {
    if (number <= this.number || this.#refusal) return;
    this.#refusal = new OxbowError(
      'database-superseded',
      `This oxbow began with epoch ${this.number} of its database, and ${place} has epoch ${number}: a database was promoted since.`,
    );
    const { mark, failed } = this.#options;
    this.#marking = mark(number).catch((error: unknown) => failed('the database', error));
    if (this.#isRunning) this.#options.superseded(this.#refusal);
  }

  /**
   * Looks at all places at once, and gives those with a lower epoch that of this process.
   *
   * @throws OxbowError `database-superseded` if one has a higher epoch; the reason of the signal
   */
  async look({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { places, failed } = this.#options;
    await Promise.all(
      places().map(async (place) => {
        using limit = withDeadline(ANSWER_MS, `asking ${place.name} for its epoch`, { signal });
        const looking = this.#read(place, limit);
        await waitFor(looking, limit).catch((error: unknown) => {
          looking.catch(() => undefined);
          if (!signal.aborted) failed(place.name, error);
        });
      }),
    );
    signal.throwIfAborted();
    if (!this.#refusal) return;
    await waitFor(this.#marking, { signal });
    throw this.#refusal;
  }

  /**
   * Makes sure that a place has had no higher epoch a moment ago: before each change of its objects.
   *
   * @throws OxbowError `database-superseded`; the error of a place that cannot be read
   */
  async check(place: EpochPlace, options: { readonly signal: AbortSignal }): Promise<void> {
    const lookedMs = this.#lookedMs.get(place.name) ?? Number.NEGATIVE_INFINITY;
    if (!this.#refusal && this.#options.clock.monotonicMs() - lookedMs > FRESH_MS) await this.#read(place, options);
    if (this.#refusal) throw this.#refusal;
  }

  /** Looks again and again until the signal fires. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#isRunning = true;
    while (!signal.aborted && !this.#refusal) {
      // Rejects when a higher epoch was seen, which ends the loop, and when the signal fires.
      await this.look({ signal }).catch(() => undefined);
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // aborted
    }
    await this.#marking;
  }

  async #read(place: EpochPlace, options: { readonly signal: AbortSignal }): Promise<void> {
    const lookedMs = this.#options.clock.monotonicMs();
    const number = (await place.read(options)) ?? 0;
    this.#lookedMs.set(place.name, lookedMs);
    this.hear(number, place.name);
    if (number < this.number) await place.raise?.(this.number, options);
  }
}
