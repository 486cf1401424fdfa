/**
 * The messages of RabbitMQ for one consumer of jobs: its kinds are consumed while they have free slots.
 * In: a link, free slots. Out: takes, one at a time; acknowledgements. Without a link the local transport
 * takes.
 */
import { sleep } from '../../../lib/abort.ts';
import type { JobConsumer, JobConsumption } from '../job-transport.ts';
import type { Delivery, RabbitLink } from './rabbit-link.ts';

/** The result of an offer, or of a message; see the metric. */
export type OfferResult = 'sent' | 'failed' | 'dropped' | 'again' | 'taken' | 'stale' | 'busy' | 'requeued';

interface RabbitConsumptionOptions {
  readonly consumer: JobConsumer;
  /** Takes while there is no link. */
  readonly local: JobConsumption;
  /** Declares the queues of a kind and returns their names. */
  readonly declare: (link: RabbitLink, kind: string) => Promise<readonly string[]>;
  readonly count: (result: OfferResult) => void;
  readonly failed: (error: unknown) => void;
  readonly onClosed: () => void;
}

/** Most messages of one queue that are on their way here. */
const MAX_PREFETCH = 32;
/** Pause after a take that failed, ms: the database does not answer. */
const FAILED_PAUSE_MS = 1000;

export class RabbitConsumption implements JobConsumption {
  readonly #options: RabbitConsumptionOptions;
  readonly #closing = new AbortController();
  #link: RabbitLink | undefined;
  /** How to end the consumers of each consumed kind. */
  #consumed = new Map<string, readonly (() => Promise<void>)[]>();
  /**
   * Messages that came when no slot was free any more. They go back when their queues are not consumed any
   * more.
   */
  #late: { readonly kind: string; readonly delivery: Delivery }[] = [];
  #adjusting: Promise<void> | undefined;
  #again = false;
  /** The last take; takes run one after the other. */
  #taking: Promise<void> = Promise.resolve();

  constructor(options: RabbitConsumptionOptions) {
    this.#options = options;
  }

  /** Changes the link; undefined: there is none. */
  use(link: RabbitLink | undefined): void {
    this.#link = link;
    this.#consumed = new Map();
    this.#late = []; // they are delivered again
    this.changed();
  }

  changed(): void {
    const { local, failed } = this.#options;
    if (this.#closing.signal.aborted) return;
    if (!this.#link) {
      local.changed();
      return;
    }
    this.#again = true;
    this.#adjusting ??= this.#adjustAll()
      .catch((error: unknown) => {
        // With a link that has ended it begins again with the next one.
        if (this.#link && !this.#link.ended.aborted) failed(error);
      })
      .finally(() => {
        this.#adjusting = undefined;
        if (this.#again) this.changed();
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { local, onClosed } = this.#options;
    this.#closing.abort(new DOMException('the consumer is closed', 'AbortError'));
    onClosed();
    await this.#adjusting;
    await Promise.all([...this.#consumed.keys()].map((kind) => this.#stop(kind))).catch(() => undefined); // the link has ended
    await this.#taking;
    await local[Symbol.asyncDispose]();
  }

  async #adjustAll(): Promise<void> {
    while (this.#again && this.#link && !this.#closing.signal.aborted) {
      this.#again = false;
      await this.#adjust(this.#link);
    }
  }

  /** Consumes the kinds with free slots, and no others. */
  async #adjust(link: RabbitLink): Promise<void> {
    const free = this.#options.consumer.free();
    for (const kind of this.#consumed.keys()) if (!free.get(kind)) await this.#stop(kind);
    for (const { kind, delivery } of this.#late.splice(0)) {
      if (this.#consumed.has(kind)) this.#take(kind, delivery);
      else await delivery.giveBack();
    }
    for (const [kind, slots] of free) {
      if (slots === 0 || this.#consumed.has(kind)) continue;
      const ends: (() => Promise<void>)[] = [];
      this.#consumed.set(kind, ends);
      const queues = await this.#options.declare(link, kind);
      for (const queue of queues) {
        const prefetch = Math.min(slots, MAX_PREFETCH);
        ends.push(await link.consume(queue, prefetch, (delivery) => this.#take(kind, delivery)));
      }
    }
  }

  async #stop(kind: string): Promise<void> {
    const ends = this.#consumed.get(kind) ?? [];
    this.#consumed.delete(kind);
    for (const end of ends) await end();
  }

  /**
   * Takes a job for a message. The message is done as soon as the lease is taken, or if there is nothing to
   * take.
   */
  #take(kind: string, delivery: Delivery): void {
    const { consumer, count, failed } = this.#options;
    const { signal } = this.#closing;
    this.#taking = this.#taking.then(async () => {
      if (signal.aborted) {
        delivery.requeue();
        return;
      }
      try {
        if (consumer.free().get(kind)) {
          count((await consumer.take([kind])) ? 'taken' : 'stale');
          delivery.ack();
        } else {
          count('busy');
          this.#late.push({ kind, delivery });
          this.changed();
        }
      } catch (error) {
        failed(error);
        await sleep(FAILED_PAUSE_MS, { signal }).catch(() => undefined); // closed
        count('requeued');
        delivery.requeue();
      }
    });
  }
}
