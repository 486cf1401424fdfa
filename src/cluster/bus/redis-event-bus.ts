/**
 * The event bus of a cluster: a Redis Stream of bounded length is the log of all processes, and a channel
 * wakes its readers, which read from their last id. So a short disconnection loses nothing, and a lost
 * message of the channel costs at most two seconds.
 * In: events of this process, which wait in memory while Redis does not answer. Out: EventBus, with the
 * events of all processes in one order.
 */
import { randomUUID } from 'node:crypto';
import type { EventData, EventType, OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Redis } from '../redis/redis.ts';
import { timedScript } from '../redis/redis-script.ts';
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
import { isLater, parseEventId, parseStreamRows, printEventId, type StreamRow } from './redis-stream.ts';

/** Dependencies of the bus. */
export interface RedisBusOptions {
  readonly redis: Pick<Redis, 'run' | 'send' | 'listen' | 'isConnected'>;
  /** First part of the keys. */
  readonly prefix: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Receives errors of subscribers. */
  readonly failed: (error: unknown) => void;
  /** Events that the log keeps, 10,000 by default. */
  readonly maxEvents?: number;
  /** Events of this process that wait for Redis, 10,000 by default; then the oldest are dropped. */
  readonly maxWaiting?: number;
  readonly counters?: {
    readonly events: { inc(labels: { type: EventType }): void };
    readonly eventsMissed: { inc(): void };
  };
}

/** An event bus that is closed with its connection. */
export interface RedisEventBus extends EventBus, AsyncDisposable {
  /** Events of this process that wait for Redis. */
  readonly waiting: number;
}

const MAX_EVENTS = 10_000;
const MAX_WAITING = 10_000;
/** Events of one script. */
const BATCH = 100;
/** Rows of one read. */
const PAGE = 500;
/** The log is read at least this often, ms: a message of the channel may be lost. */
const LOOK_EVERY_MS = 2000;
/** Longest wait of `flush` for a Redis that does not answer, ms. */
const FLUSH_MS = 2000;
/** How long Redis knows which events of a process it has, ms. */
const KNOWN_MS = 3_600_000;

// The first row is no event: so every position is that of a row, and one that was trimmed is known by its
// absence.
const OPEN = timedScript(`
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('XADD', KEYS[1], '*', 'a', '') end
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]`);

// Where a log that is gone begins again. Empty: it has new rows meanwhile, such as events that this process
// sent after it found none.
const REOPEN = timedScript(`
if #redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', 1) > 0 then return '' end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('XADD', KEYS[1], '*', 'a', '') end
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]`);

// Sent again after a lost reply, it adds only the missing events.
const PUBLISH = timedScript(`
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local id = ''
for i = 4, #ARGV - 1, 3 do
  local number = tonumber(ARGV[i])
  if number > last then
    id = redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[1], '*', 'n', ARGV[2], 'a', ARGV[i + 1], 'e', ARGV[i + 2])
    last = number
  end
end
redis.call('SET', KEYS[2], string.format('%.0f', last), 'PX', ARGV[3])
redis.call('PUBLISH', KEYS[3], '')
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]`);

interface Waiting {
  readonly number: number;
  readonly audience: Audience;
  readonly body: string;
}

interface Reader {
  readonly subscriber: Subscriber;
  /** Row of the last event that it has. */
  at: string;
}

export function openRedisEventBus(options: RedisBusOptions): RedisEventBus {
  return new StreamBus(options);
}

class StreamBus implements RedisEventBus {
  readonly #options: RedisBusOptions;
  readonly #stream: string;
  readonly #channel: string;
  readonly #node = randomUUID();
  readonly #closing = new AbortController();
  readonly #readers = new Set<Reader>();
  readonly #waiting: Waiting[] = [];
  readonly #unlisten: () => void;
  readonly #looking: Promise<void>;
  #sending = 0;
  #number = 0;
  /** Row up to which this process has read; undefined before the first connection. */
  #position: string | undefined;
  /** Row of the newest event of this process. */
  #newestRow: string | undefined;
  #publishing: Promise<void> | undefined;
  /** The last turn of reading; turns run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isWoken = false;

  constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#stream = `${options.prefix}:events`;
    this.#channel = `${options.prefix}:events:wake`;
    this.#unlisten = options.redis.listen(this.#channel, () => this.#wake());
    this.#looking = this.#look();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  publish<T extends EventType>(type: T, data: EventData<T>, subject?: EventSubject): void {
    const { maxWaiting = MAX_WAITING, clock, counters } = this.#options;
    const body = JSON.stringify({ type, at: printRfc3339(clock.nowMs()), stream: subject?.name ?? null, data });
    this.#waiting.push({ number: ++this.#number, audience: audienceOf(type, subject), body });
    counters?.events.inc({ type });
    if (this.#waiting.length > maxWaiting) {
      this.#waiting.splice(this.#sending, 1); // events on their way stay
      for (const reader of this.#readers) this.#miss(reader);
    }
    this.#send();
  }

  async subscribe(subscriber: Subscriber, after?: string): Promise<Subscription> {
    await this.#publishing;
    const reader: Reader = { subscriber, at: '' };
    await this.#inTurn(async () => {
      const start = await this.#begin(after).catch((): SubscriptionStart => {
        const lastId = printEventId(this.#position ?? '0-0');
        return { replay: [], reset: after !== undefined && after !== lastId, lastId };
      });
      reader.at = this.#position ?? '0-0';
      this.#call(() => subscriber.begin?.(start));
      this.#readers.add(reader);
    });
    return { close: () => void this.#readers.delete(reader) };
  }

  async flush(): Promise<void> {
    const untilMs = performance.now() + FLUSH_MS;
    const isBehind = () => this.#newestRow !== undefined && isLater(this.#newestRow, this.#position ?? '0-0');
    do {
      await this.#publishing;
      await this.#inTurn(() => this.#readAll().catch(() => undefined)); // Redis does not answer: it is read later
      if ((this.#waiting.length > 0 || isBehind()) && !this.#publishing) {
        await sleep(20, { signal: this.#closing.signal }).catch(() => undefined); // closed
      }
    } while ((this.#waiting.length > 0 || isBehind()) && performance.now() < untilMs && !this.#closing.signal.aborted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the event bus is closed', 'AbortError'));
    this.#unlisten();
    this.#readers.clear();
    await Promise.all([this.#looking, this.#publishing, this.#turn]);
  }

  /** The log has new rows, or Redis is connected again. */
  #wake(): void {
    this.#send();
    if (this.#isWoken) return;
    this.#isWoken = true;
    void this.#inTurn(async () => {
      this.#isWoken = false;
      await this.#readAll().catch(() => undefined); // with the next wake
    });
  }

  async #look(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // ends the loop
      if (this.#options.redis.isConnected) this.#wake();
    }
  }

  /** Sends waiting events. The unsent ones are sent with the next wake. */
  #send(): void {
    const { redis } = this.#options;
    if (this.#waiting.length === 0 || !redis.isConnected || this.#closing.signal.aborted) return;
    this.#publishing ??= Promise.resolve()
      .then(() => this.#sendAll())
      .catch(() => undefined) // they still wait
      .finally(() => {
        this.#sending = 0;
        this.#publishing = undefined;
      });
  }

  async #sendAll(): Promise<void> {
    const { redis, prefix, maxEvents = MAX_EVENTS } = this.#options;
    const keys = [this.#stream, `${prefix}:events:from:${this.#node}`, this.#channel];
    await this.#open();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      this.#sending = batch.length;
      const rows = batch.flatMap(({ number, audience, body }) => [number, audience, body]);
      // One more than is kept: the row before the oldest event.
      this.#newestRow = (await redis.run(PUBLISH, keys, [maxEvents + 1, this.#node, KNOWN_MS, ...rows, ''])) as string;
      this.#waiting.splice(0, batch.length);
      this.#sending = 0;
    }
  }

  /** Where the log begins for this process. */
  async #open(): Promise<string> {
    this.#position ??= (await this.#options.redis.run(OPEN, [this.#stream], [''])) as string;
    return this.#position;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined); // the caller handles it
    return turn;
  }

  /** Reads up to the end of the log and calls the subscribers. */
  async #readAll(): Promise<void> {
    let from = await this.#open();
    let hasMissed = false;
    for (let isMore = true; isMore; ) {
      const rows = await this.#rows(from, PAGE + 1);
      isMore = rows.length > PAGE;
      const isComplete = rows[0]?.id === from;
      if (!isComplete && !hasMissed) for (const reader of this.#readers) this.#miss(reader);
      hasMissed ||= !isComplete;
      for (const row of isComplete ? rows.slice(1) : rows) this.#deliver(row);
      const end = rows.at(-1)?.id ?? ((await this.#options.redis.run(REOPEN, [this.#stream], [from, ''])) as string);
      if (end === '') isMore = true;
      else this.#position = from = end;
    }
  }

  #deliver(row: StreamRow): void {
    const published = this.#eventOf(row);
    if (!published) return;
    for (const reader of [...this.#readers]) {
      if (!this.#readers.has(reader) || !isLater(row.id, reader.at)) continue;
      reader.at = row.id;
      this.#call(() => reader.subscriber.event(published));
    }
  }

  /**
   * Where a subscription begins, in a turn of reading: after it, events from the position on are delivered.
   */
  async #begin(after: string | undefined): Promise<SubscriptionStart> {
    const { maxEvents = MAX_EVENTS } = this.#options;
    await this.#readAll();
    const position = this.#position!;
    const lastId = printEventId(position);
    if (after === undefined) return { replay: [], reset: false, lastId };
    const id = parseEventId(after);
    const rows = id === undefined || isLater(id, position) ? [] : await this.#rows(id, maxEvents + 1);
    if (rows[0]?.id !== id || id === undefined) return { replay: [], reset: true, lastId };
    const missed = rows.slice(1).filter((row) => !isLater(row.id, position));
    return { replay: missed.flatMap((row) => this.#eventOf(row) ?? []), reset: false, lastId };
  }

  /** Rows from an id on, with it. */
  async #rows(from: string, count: number): Promise<readonly StreamRow[]> {
    return parseStreamRows(await this.#options.redis.send('XRANGE', this.#stream, from, '+', 'COUNT', String(count)));
  }

  #eventOf({ id, fields }: StreamRow): PublishedEvent | undefined {
    const { a: audience, e: body, n: node } = fields;
    if (!audience || body === undefined) return undefined;
    const event = { id: printEventId(id), ...(JSON.parse(body) as object) } as OxbowEvent;
    const isForeign = node !== this.#node;
    return { event, audience: audience as Audience, json: JSON.stringify(event), ...(isForeign && { isForeign }) };
  }

  #miss({ subscriber }: Reader): void {
    this.#options.counters?.eventsMissed.inc();
    this.#call(() => subscriber.missed?.());
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#options.failed(error);
    }
  }
}
