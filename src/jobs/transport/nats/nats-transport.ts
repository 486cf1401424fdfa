/**
 * The transport over NATS, between several processes on one table of jobs. A message says only that a job of
 * a kind waits; each process with a free slot for it looks into the table. Messages are not stored: one that
 * is lost costs the time until the next look.
 * In: offers, free slots. Out: JobTransport; metrics.
 */
import type { Nats, NatsLink } from '../../../cluster/nats/nats.ts';
import { sleep } from '../../../lib/abort.ts';
import type { Metrics } from '../../../observe/metrics.ts';
import type { JobConsumer, JobConsumption, JobTransport, WaitingJob } from '../job-transport.ts';
import { createLocalTransport } from '../local-transport.ts';

export interface NatsTransportOptions {
  readonly nats: Pick<Nats, 'onLink'>;
  /** First part of the subject. */
  readonly prefix: string;
  readonly metrics: Pick<Metrics, 'jobOffers'>;
  /** Interval of looks into the table while NATS is connected, ms; 5,000 by default. */
  readonly lookEveryMs?: number;
  /** Called with an error of a take or of the table. */
  readonly failed: (error: unknown) => void;
}

const LOOK_EVERY_MS = 5000;
/** The same without NATS, ms. */
const LOOK_ALONE_MS = 1000;

/** Opens the transport. It works before NATS is connected: each process looks into the table itself. */
export function openNatsTransport(options: NatsTransportOptions): JobTransport {
  return new NatsTransport(options);
}

interface Consumer {
  readonly consumer: JobConsumer;
  readonly consumption: JobConsumption;
}

class NatsTransport implements JobTransport {
  readonly #options: NatsTransportOptions;
  readonly #local: JobTransport;
  readonly #subject: string;
  readonly #closing = new AbortController();
  readonly #consumers = new Set<Consumer>();
  readonly #endLinks: () => void;
  #link: NatsLink | undefined;
  #unsubscribe: () => void = () => undefined;
  #looking: Promise<void> | undefined;

  constructor(options: NatsTransportOptions) {
    this.#options = options;
    this.#local = createLocalTransport(options.failed);
    this.#subject = `${options.prefix}.jobs`;
    this.#endLinks = options.nats.onLink((link) => this.#use(link));
  }

  start(): void {
    this.#looking = this.#look();
  }

  offer({ kind }: WaitingJob): void {
    if (this.#closing.signal.aborted) return;
    this.#wake(kind);
    if (!this.#link) return;
    this.#link.publish(this.#subject, kind); // to the other processes
    this.#count('sent');
  }

  consume(consumer: JobConsumer): JobConsumption {
    const consumption = this.#local.consume(consumer);
    const entry = { consumer, consumption };
    this.#consumers.add(entry);
    return {
      changed: () => consumption.changed(),
      [Symbol.asyncDispose]: () => {
        this.#consumers.delete(entry);
        return consumption[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the transport is closed', 'AbortError'));
    this.#endLinks();
    this.#unsubscribe();
    await this.#looking;
    await this.#local[Symbol.asyncDispose]();
  }

  #use(link: NatsLink | undefined): void {
    this.#link = link;
    this.#unsubscribe = link?.subscribe(this.#subject, (message) => this.#wake(message.text())) ?? (() => undefined);
    this.#wakeAll(); // for what was offered meanwhile
  }

  /** Has the consumers with a free slot for a kind look into the table. */
  #wake(kind: string): void {
    let isBusy = true;
    for (const { consumer, consumption } of this.#consumers) {
      if (!consumer.free().get(kind)) continue;
      isBusy = false;
      consumption.changed();
    }
    if (isBusy) this.#count('busy');
  }

  #wakeAll(): void {
    for (const { consumption } of this.#consumers) consumption.changed();
  }

  /** Looks for jobs whose message was lost, or that may start only now. */
  async #look(): Promise<void> {
    const { lookEveryMs = LOOK_EVERY_MS } = this.#options;
    const { signal } = this.#closing;
    for (let waitedMs = 0; !signal.aborted; ) {
      await sleep(LOOK_ALONE_MS, { signal }).catch(() => undefined); // ends the loop
      waitedMs += LOOK_ALONE_MS;
      if (this.#link && waitedMs < lookEveryMs) continue;
      waitedMs = 0;
      this.#wakeAll();
    }
  }

  #count(result: 'sent' | 'busy'): void {
    this.#options.metrics.jobOffers.inc({ result });
  }
}
