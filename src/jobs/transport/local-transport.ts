/**
 * The transport within one process: each offer has the consumers look into the table of jobs.
 * In: offers, free slots. Out: JobTransport.
 */
import type { JobConsumer, JobConsumption, JobTransport } from './job-transport.ts';

/**
 * Creates the transport.
 *
 * @param failed called with an error of a take; the next change tries again
 */
export function createLocalTransport(failed: (error: unknown) => void): JobTransport {
  const open = new Set<LocalConsumption>();
  return {
    start() {},
    offer() {
      for (const consumption of open) consumption.changed();
    },
    consume(consumer) {
      const consumption = new LocalConsumption(consumer, failed, () => open.delete(consumption));
      open.add(consumption);
      consumption.changed();
      return consumption;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((consumption) => consumption[Symbol.asyncDispose]()));
    },
  };
}

class LocalConsumption implements JobConsumption {
  readonly #consumer: JobConsumer;
  readonly #failed: (error: unknown) => void;
  readonly #onClosed: () => void;
  #taking: Promise<void> | undefined;
  #again = false;
  #isClosed = false;

  constructor(consumer: JobConsumer, failed: (error: unknown) => void, onClosed: () => void) {
    this.#consumer = consumer;
    this.#failed = failed;
    this.#onClosed = onClosed;
  }

  changed(): void {
    if (this.#isClosed) return;
    this.#again = true;
    this.#taking ??= Promise.resolve()
      .then(() => this.#takeAll())
      .catch(this.#failed)
      .finally(() => {
        this.#taking = undefined;
        // A change after the last look, or during a take that failed.
        if (this.#again) this.changed();
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#onClosed();
    await this.#taking;
  }

  /** Starts jobs until no slot is free or none waits. */
  async #takeAll(): Promise<void> {
    while (this.#again && !this.#isClosed) {
      this.#again = false;
      for (;;) {
        const kinds = [...this.#consumer.free()].flatMap(([kind, slots]) => (slots > 0 ? [kind] : []));
        if (kinds.length === 0 || this.#isClosed || !(await this.#consumer.take(kinds))) break;
      }
    }
  }
}
