/**
 * An event bus whose subscribers come back after more than it keeps, or after a restart: what the bus does
 * not have any more comes from the log of past events.
 * In: a bus, the log. Out: EventBus; resets only where the log has not all events either.
 */
import { isAbort } from '../../lib/abort.ts';
import type { EventBus, PublishedEvent, Subscriber, Subscription, SubscriptionStart } from './event-bus.ts';
import type { EventLog } from './event-log.ts';

/** Dependencies of the bus. */
export interface ResumingBusOptions {
  readonly log: Pick<EventLog, 'between' | 'newestId' | 'flush'>;
  /** Other processes publish to the bus, and store their events themselves. */
  readonly isShared: boolean;
  /** Where this process began to follow the bus: its id then, and when, ms since 1970. */
  readonly began: { readonly id: string; readonly ms: number };
  readonly nowMs: () => number;
  /** Waits, ms. Rejects when oxbow stops. */
  readonly wait: (ms: number) => Promise<void>;
  /** Receives errors of subscribers, and of the log. */
  readonly failed: (error: unknown) => void;
}

/** What follows a replay while that is read; with more it is a hole. */
const MAX_BACKLOG = 10_000;
/**
 * An event of this age is taken to be in the log, ms: it is stored within 0.1 s, unless the database does not
 * take it.
 */
const SETTLED_MS = 5000;

/** The bus with the log behind it. */
export function resumeFrom(bus: EventBus, options: ResumingBusOptions): EventBus {
  const { isShared, failed } = options;
  /** Replays are read one after the other: each may have ten thousand events. */
  let reading: Promise<unknown> = Promise.resolve();
  return {
    publish: (type, data, subject) => bus.publish(type, data, subject),
    flush: () => bus.flush(),
    async subscribe(subscriber, after) {
      if (after === undefined) return bus.subscribe(subscriber);
      const live = await HeldSubscription.open(bus, subscriber, after, failed);
      if (!live.start.reset) return live.release(live.start);
      const read = () => (isShared ? joinShared(bus, subscriber, after, options) : fromLog(live, after, options));
      const resumed = reading.then(read).catch((error: unknown) => {
        if (!isAbort(error)) failed(error); // no answer of the database
      });
      reading = resumed;
      const joint = await resumed;
      if (!joint) return live.release(live.start);
      if (joint.live !== live) live.close();
      return joint.live.release(joint.start);
    },
  };
}

/** Where a subscription joins the bus. */
interface Joint {
  readonly live: HeldSubscription;
  readonly start: SubscriptionStart;
}

/** Of a bus of one process, the log has all that was published. */
async function fromLog(live: HeldSubscription, after: string, { log }: ResumingBusOptions): Promise<Joint | undefined> {
  const { lastId } = live.start;
  if (!(await log.flush())) return undefined;
  const replay = await log.between(after, lastId);
  return replay && { live, start: { replay, reset: false, lastId } };
}

/**
 * Of other processes the newest events may not be stored yet: those come from the bus, behind an event that
 * is old enough, or from its beginning. A process that has just begun, after the others, waits until what was
 * before it is old enough.
 */
async function joinShared(
  bus: EventBus,
  subscriber: Subscriber,
  after: string,
  options: ResumingBusOptions,
): Promise<Joint | undefined> {
  const { log, began, nowMs, wait, failed } = options;
  if (!(await log.flush())) return undefined;
  const settled = await log.newestId(after, nowMs() - SETTLED_MS);
  const first = await firstIdOf(bus);
  const leftMs = began.ms + SETTLED_MS - nowMs();
  for (const joint of [settled, first, leftMs <= 0 ? began.id : undefined]) {
    if (joint === undefined || joint < after) continue;
    const live = await HeldSubscription.open(bus, subscriber, joint, failed);
    const past = live.start.reset ? undefined : await log.between(after, joint);
    const { replay, lastId } = live.start;
    if (past) return { live, start: { replay: [...past, ...replay], reset: false, lastId } };
    live.close();
  }
  if (leftMs <= 0) return undefined;
  await wait(leftMs);
  return joinShared(bus, subscriber, after, options);
}

/** The id before the first one with which the current numbers of the bus began. */
async function firstIdOf(bus: EventBus): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<SubscriptionStart>();
  (await bus.subscribe({ begin: resolve, event: () => undefined })).close();
  return `${(await promise).lastId.split('-', 1)[0]}-0000000`;
}

/** A subscription that holds back what it receives until it is known where it begins. */
class HeldSubscription {
  readonly #subscriber: Subscriber;
  readonly #failed: (error: unknown) => void;
  #backlog: (PublishedEvent | 'missed')[] | undefined = [];
  #close = () => {};
  #isClosed = false;
  /** Where the bus can begin. */
  start: SubscriptionStart = { replay: [], reset: true, lastId: '' };

  private constructor(subscriber: Subscriber, failed: (error: unknown) => void) {
    this.#subscriber = subscriber;
    this.#failed = failed;
  }

  /** Subscribes behind an id. */
  static async open(
    bus: EventBus,
    subscriber: Subscriber,
    after: string,
    failed: (error: unknown) => void,
  ): Promise<HeldSubscription> {
    const held = new HeldSubscription(subscriber, failed);
    const subscription = await bus.subscribe(
      {
        begin: (start) => {
          held.start = start;
        },
        event: (published) => held.#take(published),
        missed: () => held.#take('missed'),
      },
      after,
    );
    held.#close = () => subscription.close();
    return held;
  }

  /** Begins with the replay; what came meanwhile follows. */
  release(start: SubscriptionStart): Subscription {
    this.#call(() => this.#subscriber.begin?.(start));
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const each of backlog) this.#call(() => this.#pass(each));
    return { close: () => this.close() };
  }

  close(): void {
    this.#isClosed = true;
    this.#close();
  }

  #take(passed: PublishedEvent | 'missed'): void {
    if (!this.#backlog) {
      this.#pass(passed); // the bus reports what it throws
      return;
    }
    this.#backlog.push(passed);
    if (this.#backlog.length > MAX_BACKLOG) this.#backlog.splice(0, 2, 'missed');
  }

  #pass(passed: PublishedEvent | 'missed'): void {
    if (this.#isClosed) return;
    if (passed === 'missed') this.#subscriber.missed?.();
    else this.#subscriber.event(passed);
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#failed(error);
    }
  }
}
