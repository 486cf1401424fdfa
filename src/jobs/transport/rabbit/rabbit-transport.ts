/**
 * The transport over RabbitMQ, between several processes on one table of jobs. A message says only that a job
 * waits; a process with a free slot takes the lease in the table and acknowledges at once, so that no
 * delivery is held for the hours of a job. While RabbitMQ does not answer, each process looks into the table
 * itself, as without it.
 * In: offers, free slots, the table of jobs. Out: JobTransport; metrics.
 */
import { backoffMs, sleep } from '../../../lib/abort.ts';
import type { Breaker } from '../../../lib/breaker/breaker.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Metrics } from '../../../observe/metrics.ts';
import type { JobConsumer, JobConsumption, JobSource, JobTransport, WaitingJob } from '../job-transport.ts';
import { createLocalTransport } from '../local-transport.ts';
import { type OfferResult, RabbitConsumption } from './rabbit-consumption.ts';
import { openRabbitLink, type RabbitLink } from './rabbit-link.ts';
import { deadQueue, printMessage, type QueueDeclaration, queueOf, queuesOf } from './rabbit-queues.ts';

export interface RabbitTransportOptions {
  /** `amqp:` or `amqps:` with user and password. */
  readonly url: string;
  /** First part of the names of queues. */
  readonly prefix: string;
  /** Guards attempts to connect. */
  readonly breaker: Pick<Breaker, 'call' | 'waitMs'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly metrics: Pick<Metrics, 'jobOffers'>;
  /** Interval of the comparison of queues and table, ms; 5,000 by default. */
  readonly sweepMs?: number;
  /** Longest wait for an answer of RabbitMQ, ms, 5,000 by default; then the connection is given up. */
  readonly answerMs?: number;
  /** Called when a link to RabbitMQ is in use. */
  readonly linked: () => void;
  /**
   * Called when it has ended, with the reason. Until the next one this process looks into the table itself.
   */
  readonly lost: (reason: unknown) => void;
  /** Called with an error of a take or of the table. */
  readonly failed: (error: unknown) => void;
}

const SWEEP_MS = 5000;
const ANSWER_MS = 5000;
/** Interval of looks into the table without RabbitMQ, ms. */
const LOOK_EVERY_MS = 1000;
/**
 * Messages that wait for their confirmation; and jobs that wait for their pause. Further ones are left to the
 * sweep.
 */
const MAX_UNCONFIRMED = 1000;
/** Jobs that one sweep looks at. */
const MAX_SWEPT = 1000;

/** Opens the transport; it connects after `start`. */
export function openRabbitTransport(options: RabbitTransportOptions): JobTransport {
  return new RabbitTransport(options);
}

class RabbitTransport implements JobTransport {
  readonly #options: RabbitTransportOptions;
  readonly #local: JobTransport;
  readonly #closing = new AbortController();
  readonly #consumptions = new Set<RabbitConsumption>();
  readonly #unconfirmed = new Set<Promise<void>>();
  /** Ids of jobs that may not start yet. */
  readonly #later = new Set<string>();
  #link: RabbitLink | undefined;
  #declared = new Set<string>();
  #source: JobSource | undefined;
  #running: Promise<unknown> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RabbitTransportOptions) {
    this.#options = options;
    this.#local = createLocalTransport(options.failed);
  }

  start(source: JobSource): void {
    this.#source = source;
    this.#running = Promise.all([this.#run(), this.#lookAlone()]);
  }

  offer(job: WaitingJob): void {
    if (this.#closed) return;
    const pauseMs = job.notBeforeMs - this.#options.clock.nowMs();
    if (pauseMs > 0) this.#offerLater(job, pauseMs);
    else if (!this.#link) this.#local.offer(job);
    else if (this.#unconfirmed.size >= MAX_UNCONFIRMED) this.#count('dropped');
    else this.#send(this.#link, job);
  }

  #send(link: RabbitLink, job: WaitingJob): void {
    const publishing = this.#publish(link, job)
      .then(
        () => this.#count('sent'),
        () => this.#count('failed'), // the sweep, or without a link the table
      )
      .finally(() => this.#unconfirmed.delete(publishing));
    this.#unconfirmed.add(publishing);
  }

  consume(consumer: JobConsumer): JobConsumption {
    const { prefix, failed } = this.#options;
    const consumption = new RabbitConsumption({
      consumer,
      failed,
      local: this.#local.consume({
        take: consumer.take.bind(consumer),
        free: () => (this.#link ? new Map() : consumer.free()),
      }),
      declare: (link, kind) => Promise.all(queuesOf(prefix, kind).map((queue) => this.#declare(link, queue))),
      count: (result) => this.#count(result),
      onClosed: () => this.#consumptions.delete(consumption),
    });
    this.#consumptions.add(consumption);
    consumption.use(this.#link);
    return consumption;
  }

  /** Closes after the messages on their way are confirmed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([...this.#consumptions].map((consumption) => consumption[Symbol.asyncDispose]()));
      await Promise.all(this.#unconfirmed); // each within its time
      this.#closing.abort(new DOMException('the transport is closed', 'AbortError'));
      await this.#running;
      await this.#local[Symbol.asyncDispose]();
    })();
    return this.#closed;
  }

  /** Keeps a link until closed. */
  async #run(): Promise<void> {
    const { breaker, lost } = this.#options;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await using link = await breaker.call((options) => this.#connect(options), { signal });
        const worked = await this.#work(link);
        if (worked) failures = 0;
        if (!signal.aborted) lost(link.ended.reason);
      } catch {
        // The breaker reports it.
      }
      await sleep(Math.max(backoffMs(failures), breaker.waitMs), { signal }).catch(() => undefined); // closed
    }
  }

  /** Without a link each process looks into the table for jobs that others have queued. */
  async #lookAlone(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // ends the loop
      if (!this.#link) for (const consumption of this.#consumptions) consumption.changed();
    }
  }

  async #connect({ signal }: { readonly signal: AbortSignal }): Promise<RabbitLink> {
    const { url, answerMs = ANSWER_MS } = this.#options;
    const link = await openRabbitLink(url, { signal, answerMs });
    try {
      await link.declare(deadQueue(this.#options.prefix));
      return link;
    } catch (error) {
      await link[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Uses a link until it ends or the transport closes. Returns whether it worked at all. */
  async #work(link: RabbitLink): Promise<boolean> {
    const { sweepMs = SWEEP_MS, failed } = this.#options;
    const signal = AbortSignal.any([link.ended, this.#closing.signal]);
    this.#declared = new Set();
    this.#switchTo(link);
    this.#options.linked();
    let worked = false;
    while (!signal.aborted) {
      try {
        await this.#sweep(link);
        worked = true;
      } catch (error) {
        if (!link.ended.aborted) failed(error);
      }
      await sleep(sweepMs, { signal }).catch(() => undefined); // ends the loop
    }
    this.#switchTo(undefined);
    return worked;
  }

  #switchTo(link: RabbitLink | undefined): void {
    this.#link = link;
    for (const consumption of this.#consumptions) consumption.use(link);
  }

  /**
   * Offers jobs again of queues that have fewer messages than jobs wait: some were lost. A repeated one finds
   * no job and is dropped.
   */
  async #sweep(link: RabbitLink): Promise<void> {
    const jobs = (await this.#source?.waiting(MAX_SWEPT)) ?? [];
    const byQueue = Map.groupBy(jobs, (job) => queueOf(this.#options.prefix, job).name);
    for (const each of byQueue.values()) {
      const messages = await link.declare(queueOf(this.#options.prefix, each[0]!));
      if (messages >= each.length) continue;
      for (const job of each) {
        await this.#publish(link, job);
        this.#count('again');
      }
    }
  }

  async #publish(link: RabbitLink, job: WaitingJob): Promise<void> {
    const queue = queueOf(this.#options.prefix, job);
    await this.#declare(link, queue);
    await link.publish(queue.name, printMessage(job));
  }

  async #declare(link: RabbitLink, queue: QueueDeclaration): Promise<string> {
    if (!this.#declared.has(queue.name)) {
      await link.declare(queue);
      this.#declared.add(queue.name);
    }
    return queue.name;
  }

  #offerLater(job: WaitingJob, pauseMs: number): void {
    if (this.#later.size >= MAX_UNCONFIRMED || this.#later.has(job.id)) return;
    this.#later.add(job.id);
    const pause = sleep(Math.ceil(pauseMs), { signal: this.#closing.signal }).finally(() => this.#later.delete(job.id));
    pause.then(
      () => this.offer({ ...job, notBeforeMs: 0 }),
      () => undefined, // closed
    );
  }

  #count(result: OfferResult): void {
    this.#options.metrics.jobOffers.inc({ result });
  }
}
