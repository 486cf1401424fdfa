/**
 * The event bus of a cluster over NATS: a stream of JetStream with limits is the log of all processes, and
 * its sequence is the order of events. Each process stores its events one after the other and reads the
 * stream, so a disconnection loses nothing that the stream still has.
 * In: events of this process, which wait in memory while NATS does not answer. Out: EventBus, with the events
 * of all processes in one order.
 */
import { randomUUID } from 'node:crypto';
import type { EventData, EventType, OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { sleep, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import {
  ID_HEADER,
  openStream,
  readStream,
  type StoredMessage,
  type StreamLimits,
  type StreamReader,
  type StreamState,
  skipTo,
  store,
} from '../nats/jetstream.ts';
import type { Nats, NatsLink } from '../nats/nats.ts';
import {
  type Audience,
  audienceOf,
  type EventBus,
  type EventSubject,
  type PublishedEvent,
  type Subscriber,
  type Subscription,
  type SubscriptionStart,
} from './event-bus.ts';
import { eventId, firstPosition } from './event-ring.ts';

/** Dependencies of the bus. */
export interface NatsBusOptions {
  readonly nats: Pick<Nats, 'onLink'>;
  /** First part of the names of the stream and its subjects. */
  readonly prefix: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Receives errors of subscribers, and of events that are too large. */
  readonly failed: (error: unknown) => void;
  /** How long the stream keeps an event, ms; a day by default. */
  readonly maxAgeMs?: number;
  /** Bytes of the stream, 64 MiB by default. */
  readonly maxBytes?: number;
  /** Events that the stream keeps; by default the limits above decide. */
  readonly maxEvents?: number;
  /** Servers that store the stream, 1 by default. */
  readonly replicas?: number;
  /** Events that a subscriber who comes back receives at most, 10,000 by default; with more it is a reset. */
  readonly maxReplay?: number;
  /** Events of this process that wait for NATS, 10,000 by default; then the oldest are dropped. */
  readonly maxWaiting?: number;
  /** Longest wait of a subscriber for the place of a new link in the stream, ms; 2 s by default. */
  readonly readyMs?: number;
  readonly counters?: {
    readonly events: { inc(labels: { type: EventType }): void };
    readonly eventsMissed: { inc(): void };
  };
}

/** An event bus that is closed before its connection. */
export interface NatsEventBus extends EventBus, AsyncDisposable {
  /** Events of this process that wait for NATS. */
  readonly waiting: number;
}

const DAY_MS = 86_400_000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_REPLAY = 10_000;
const MAX_WAITING = 10_000;
/** The state of the stream is read at least this often, ms. */
const LOOK_EVERY_MS = 2000;
/** Longest wait of `flush` for a NATS that does not answer, ms. */
const FLUSH_MS = 2000;
/** Default of `readyMs`. */
const READY_MS = 2000;
/** Longest read of what a subscriber has missed, ms. */
const REPLAY_MS = 5000;
/** Bytes of a message that are left for its header. */
const HEADER_BYTES = 1024;
const NODE_HEADER = 'Oxbow-Node';
const NUMBER_HEADER = 'Oxbow-Number';
const AUDIENCE_HEADER = 'Oxbow-Audience';
/** The part of ids before NATS was ever connected. */
const NO_BOOT = firstPosition(0).boot;

interface Waiting {
  /** Of the events of this process, from 1. */
  readonly number: number;
  readonly type: EventType;
  readonly audience: Audience;
  readonly body: string;
}

interface Reader {
  readonly subscriber: Subscriber;
  /** What follows its replay, while that is read; undefined: it has begun. */
  backlog: (PublishedEvent | 'missed')[] | undefined;
}

/** Opens the bus. It is used before NATS is connected: events wait. */
export function openNatsEventBus(options: NatsBusOptions): NatsEventBus {
  return new JetStreamBus(options);
}

class JetStreamBus implements NatsEventBus {
  readonly #options: NatsBusOptions;
  readonly #limits: StreamLimits;
  readonly #node = randomUUID();
  readonly #closing = new AbortController();
  readonly #readers = new Set<Reader>();
  readonly #waiting: Waiting[] = [];
  readonly #endLinks: () => void;
  #link: NatsLink | undefined;
  #running: Promise<unknown> = Promise.resolve();
  /** Reads the stream; undefined until the link is synchronized. */
  #stream: StreamReader | undefined;
  /** When the stream was created, as the first part of ids. */
  #boot: string | undefined;
  /** Sequence up to which this process has read. */
  #position = 0;
  /** Sequence that the stream had at the last look. */
  #newest = 0;
  /** Whether it has read all that the stream had when the link began: then it knows which events it has. */
  #isReady = false;
  /** When a link should be ready, as `performance.now`: JetStream may not answer at all. */
  #readyByMs = 0;
  #number = 0;
  /** Number of the newest event of this process that has come back, or was dropped. */
  #arrived = 0;
  /** Whether the first of `#waiting` is on its way. */
  #isSending = false;
  #sending: Promise<void> | undefined;
  /** Replays are read one after the other. */
  #replays: Promise<unknown> = Promise.resolve();
  #moved = Promise.withResolvers<void>();

  constructor(options: NatsBusOptions) {
    this.#options = options;
    const { prefix, maxAgeMs = DAY_MS, maxBytes = MAX_BYTES, maxEvents = -1, replicas = 1 } = options;
    this.#limits = {
      name: `${prefix}-events`,
      subject: `${prefix}.events.>`,
      maxAgeMs,
      maxBytes,
      maxMessages: maxEvents,
      replicas,
    };
    this.#endLinks = options.nats.onLink((link) => this.#use(link));
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void {
    const { maxWaiting = MAX_WAITING, clock, counters } = this.#options;
    const body = JSON.stringify({ type, at: printRfc3339(clock.nowMs()), stream: subject?.name ?? null, data });
    this.#waiting.push({ number: ++this.#number, type, audience: audienceOf(type, subject), body });
    counters?.events.inc({ type });
    if (this.#waiting.length > maxWaiting) this.#drop(this.#isSending ? 1 : 0);
    this.#send();
  }

  async subscribe(subscriber: Subscriber, after?: string): Promise<Subscription> {
    // From now on: not before the position in the stream is known, and after what was published here already.
    await this.#until(() => this.#isReady || !this.#link, this.#readyByMs);
    if (this.#isReady) await this.#settled(this.#number);
    const reader: Reader = { subscriber, backlog: [] };
    const lastId = this.#idOf(this.#position);
    const position = this.#position;
    const boot = this.#boot;
    this.#readers.add(reader);
    let start: SubscriptionStart = { replay: [], reset: false, lastId };
    if (after !== undefined && after !== lastId) {
      const read = this.#replays.then(() => this.#replay(after, { boot, position }));
      this.#replays = read;
      start = { ...start, ...(await read) };
    }
    this.#call(() => subscriber.begin?.(start));
    const backlog = reader.backlog!;
    reader.backlog = undefined;
    for (const each of backlog) {
      if (!this.#readers.has(reader)) break;
      this.#pass(reader, each);
    }
    return { close: () => void this.#readers.delete(reader) };
  }

  async flush(): Promise<void> {
    const untilMs = performance.now() + FLUSH_MS;
    // What subscribers publish meanwhile is waited for too.
    for (let number = -1; number < this.#number && performance.now() < untilMs; ) {
      number = this.#number;
      await this.#settled(number, untilMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the event bus is closed', 'AbortError'));
    this.#endLinks();
    this.#note();
    this.#readers.clear();
    this.#stream?.[Symbol.dispose]();
    await Promise.all([this.#running, this.#sending, this.#replays]);
  }

  /** Takes the next link, or the news that there is none. */
  #use(link: NatsLink | undefined): void {
    this.#link = link;
    this.#stream = undefined;
    this.#isReady = false;
    this.#readyByMs = performance.now() + (this.#options.readyMs ?? READY_MS);
    this.#note();
    if (link) this.#running = this.#running.then(() => this.#follow(link));
  }

  /** Follows the stream until the link ends. */
  async #follow(link: NatsLink): Promise<void> {
    const signal = AbortSignal.any([link.ended, this.#closing.signal]);
    while (!signal.aborted) {
      // What fails is tried again: the breaker reports it.
      await this.#look(link).catch(() => undefined);
      this.#send();
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // ends the loop
    }
  }

  /** Compares the position with the stream, and reads it from there unless that is what it does already. */
  async #look(link: NatsLink): Promise<void> {
    const before = this.#position;
    const isBehind = before < this.#newest;
    let state = await openStream(link, this.#limits);
    // A loss of power has cost it its newest events: their sequences are not given to others.
    const isShort = firstPosition(state.createdMs).boot === this.#boot && state.last < before;
    if (isShort) state = await skipTo(link, this.#limits, before + 1);
    this.#newest = state.last;
    const isElsewhere = this.#place(state) || isShort;
    if (isShort) this.#lose();
    // A reader that has not come as far as the stream was at the last look has lost its messages.
    if (this.#stream && !this.#stream.isBroken && !isElsewhere && !(isBehind && this.#position === before)) return;
    this.#stream?.[Symbol.dispose]();
    this.#stream = undefined;
    const stream = await readStream(link, this.#limits.name, this.#position + 1, (stored) => this.#receive(stored));
    if (link !== this.#link || this.#closing.signal.aborted) stream[Symbol.dispose]();
    else this.#stream = stream;
    this.#prepare();
  }

  /** Moves the position to where the stream can be read on. Returns whether it is another place. */
  #place({ createdMs, first, last }: StreamState): boolean {
    const { boot } = firstPosition(createdMs);
    const isFirst = this.#boot === undefined;
    const isOther = this.#boot !== boot;
    if (!isOther && (this.#stream || first <= this.#position + 1)) return false;
    this.#boot = boot;
    this.#position = isFirst ? last : first - 1;
    if (isFirst) return true;
    if (isOther) this.#lose();
    else this.#missAll();
    return true;
  }

  /** The stream has lost events. Those of this process that were stored do not come back. */
  #lose(): void {
    const next = this.#waiting[0]?.number ?? this.#number + 1;
    this.#arrived = Math.max(this.#arrived, next - 1);
    this.#missAll();
  }

  /** Notes when all that the stream had at the last look is read. */
  #prepare(): void {
    if (this.#isReady || !this.#stream || this.#position < this.#newest) return;
    this.#isReady = true;
    this.#note();
    this.#send();
  }

  #receive(stored: StoredMessage): void {
    const { sequence, message } = stored;
    if (this.#closing.signal.aborted || sequence <= this.#position) return;
    if (sequence > this.#position + 1) this.#missAll();
    this.#position = sequence;
    const published = this.#eventOf(stored);
    if (message.header(NODE_HEADER) === this.#node)
      this.#arrived = Math.max(this.#arrived, Number(message.header(NUMBER_HEADER)));
    if (published) for (const reader of [...this.#readers]) this.#pass(reader, published);
    this.#prepare();
    this.#note();
  }

  /** Sends waiting events, one after the other: so they are stored in their order. */
  #send(): void {
    if (!this.#link || !this.#isReady || this.#waiting.length === 0 || this.#closing.signal.aborted) return;
    this.#sending ??= this.#sendAll(this.#link)
      .then(
        () => true,
        () => false, // they still wait, for the next look
      )
      .then((worked) => {
        this.#sending = undefined;
        this.#isSending = false;
        this.#note();
        if (worked) this.#send(); // what was published after the last one was sent
      });
  }

  async #sendAll(link: NatsLink): Promise<void> {
    const { prefix, failed } = this.#options;
    for (let next = this.#waiting[0]; next && link === this.#link; next = this.#waiting[0]) {
      const { number, type, audience, body } = next;
      const isTooLarge = Buffer.byteLength(body) > link.maxBytes - HEADER_BYTES;
      if (isTooLarge) {
        failed(new OxbowError('payload-too-large', `The event ${type} is larger than a message of NATS may be.`));
        this.#drop(0);
        continue;
      }
      this.#isSending = true;
      // Not one whose reply was lost, and which the stream has.
      if (number > this.#arrived) {
        await store(link, `${prefix}.events.${type}`, body, {
          [ID_HEADER]: `${this.#node}-${number}`,
          [NODE_HEADER]: this.#node,
          [NUMBER_HEADER]: String(number),
          [AUDIENCE_HEADER]: audience,
        });
      }
      this.#waiting.shift();
      this.#isSending = false;
    }
  }

  /** Drops a waiting event. */
  #drop(index: number): void {
    const [dropped] = this.#waiting.splice(index, 1);
    if (this.#waiting.length === 0 && dropped) this.#arrived = Math.max(this.#arrived, dropped.number);
    this.#missAll();
  }

  /** Resolves when the events of this process up to a number have come back, or the time is over. */
  #settled(number: number, untilMs = performance.now() + FLUSH_MS): Promise<void> {
    return this.#until(() => this.#arrived >= number, untilMs);
  }

  /** Resolves when something is so, or the time is over. */
  async #until(isSo: () => boolean, untilMs: number): Promise<void> {
    using limit = withDeadline(Math.max(0, untilMs - performance.now()), 'Events', { signal: this.#closing.signal });
    const ended = Promise.withResolvers<void>();
    limit.signal.addEventListener('abort', () => ended.resolve(), { once: true });
    while (!isSo() && !limit.signal.aborted) await Promise.race([this.#moved.promise, ended.promise]);
  }

  /** Something has changed that `#until` waits for. */
  #note(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  /** What the stream has between an id and the position where a subscription begins. */
  async #replay(
    after: string,
    { boot, position }: { readonly boot: string | undefined; readonly position: number },
  ): Promise<Pick<SubscriptionStart, 'replay' | 'reset'>> {
    const { maxReplay = MAX_REPLAY } = this.#options;
    const sequence = boot === undefined ? undefined : sequenceOf(after, boot);
    const link = this.#link;
    const isReadable = sequence !== undefined && sequence < position && position - sequence <= maxReplay;
    const reset = { replay: [], reset: true };
    if (!isReadable || !link) return reset;
    try {
      const replay = await this.#read(link, sequence + 1, position);
      return replay ? { replay, reset: false } : reset;
    } catch {
      return reset; // NATS does not answer
    }
  }

  /** The events of some sequences; undefined if the stream does not have all of them any more. */
  async #read(link: NatsLink, from: number, to: number): Promise<PublishedEvent[] | undefined> {
    using limit = withDeadline(REPLAY_MS, 'The read of missed events', {
      signal: AbortSignal.any([link.ended, this.#closing.signal]),
    });
    const events: PublishedEvent[] = [];
    const read = Promise.withResolvers<PublishedEvent[] | undefined>();
    read.promise.catch(() => undefined); // also where the stream cannot be read
    limit.signal.addEventListener('abort', () => read.reject(limit.signal.reason), { once: true });
    let next = from;
    using stream = await readStream(link, this.#limits.name, from, (stored) => {
      if (next > to) return;
      if (stored.sequence !== next++) return read.resolve(undefined);
      const event = this.#eventOf(stored);
      if (event) events.push(event);
      if (stored.sequence === to) read.resolve(events);
    });
    if (stream.atFirst < to - from + 1) read.resolve(undefined);
    return await read.promise;
  }

  #eventOf({ sequence, message }: StoredMessage): PublishedEvent | undefined {
    const audience = message.header(AUDIENCE_HEADER);
    if (audience === '') return undefined; // of another program
    const event = { id: this.#idOf(sequence), ...(JSON.parse(message.text()) as object) } as OxbowEvent;
    const isForeign = message.header(NODE_HEADER) !== this.#node;
    return { event, audience: audience as Audience, json: JSON.stringify(event), ...(isForeign && { isForeign }) };
  }

  #idOf(sequence: number): string {
    return eventId(this.#boot ?? NO_BOOT, sequence);
  }

  #missAll(): void {
    for (const reader of this.#readers) this.#pass(reader, 'missed');
  }

  #pass(reader: Reader, passed: PublishedEvent | 'missed'): void {
    if (!this.#readers.has(reader)) return;
    const { maxReplay = MAX_REPLAY, counters } = this.#options;
    const { subscriber, backlog } = reader;
    if (backlog) {
      backlog.push(passed);
      if (backlog.length > maxReplay) backlog.splice(0, 2, 'missed');
    } else if (passed === 'missed') {
      counters?.eventsMissed.inc();
      this.#call(() => subscriber.missed?.());
    } else this.#call(() => subscriber.event(passed));
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#options.failed(error);
    }
  }
}

/** The sequence of an event of this stream; undefined for any other id. */
function sequenceOf(id: string, boot: string): number | undefined {
  const [, of, number] = /^([0-9a-z]{9})-([0-9a-z]{7})$/.exec(id) ?? [];
  return of === boot && number !== undefined ? Number.parseInt(number, 36) : undefined;
}
