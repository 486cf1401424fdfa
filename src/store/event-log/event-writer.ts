/**
 * Stores events in the log, in batches, and deletes the oldest beyond its bounds.
 * In: events of this process. Out: rows. Who publishes never waits; at the bound of the queue the newest
 * events are lost, which the row after them says. docs/decisions/0098.
 */
import type { Kysely } from 'kysely';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import { unkeptEvents } from '../../cluster/bus/event-log.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { runAll } from '../engine.ts';
import type { Tables } from '../schema.ts';
import { FOREIGN, headOf } from './event-rows.ts';

/** What the log keeps. */
export interface EventLogLimits {
  readonly maxAgeMs: number;
  readonly maxEvents: number;
  /** Characters of JSON, and 200 more for each event. */
  readonly maxBytes: number;
}

/** Dependencies of the writer. */
export interface EventWriterOptions {
  readonly db: Kysely<Tables>;
  /** Name of this node; empty: a single server. */
  readonly node: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly limits: EventLogLimits;
  /** The database refused events; they are tried again. Called once until it takes some. */
  readonly failed: (error: unknown) => void;
  /** Events are lost: too many wait. */
  readonly lost: (count: number) => void;
  /** Events that wait for the database, 10,000 by default. */
  readonly maxWaiting?: number;
  /** Pause after a failure, 1 s by default. */
  readonly retryMs?: number;
}

interface Waiting {
  readonly published: PublishedEvent;
  /** Events that are lost directly before it. */
  readonly lost: number;
}

const MAX_WAITING = 10_000;
/** Characters of the events that wait. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Rows of one transaction. */
const BATCH = 500;
/** Events wait for others this long, ms: a write each is what costs. */
const LINGER_MS = 100;
const RETRY_MS = 1000;
/** Longest wait for the database when the log is closed, ms. */
const CLOSE_MS = 2000;
/** Rows that one step deletes, and steps after one batch. */
const STEP = 500;
const STEPS = 10;
/** Old events are looked for this often, ms, and kept this much longer: who asks for a day gets a day. */
const LOOK_EVERY_MS = 60_000;
/** What a row needs besides its JSON, bytes. */
const ROW_BYTES = 200;

// The first statement has the lock of the row until the commit: numbers are committed in their order, without
// holes.
const ADVANCE = 'UPDATE event_log_head SET last = last + ?, bytes = bytes + ? WHERE id = 1';
const INSERT = `INSERT INTO event_log (seq, event_id, node, at_us, type, stream, audience, body, size, lost)
  SELECT last - CAST(? AS BIGINT), ?, ?, ?, ?, ?, ?, ?, ?, ? FROM event_log_head WHERE id = 1`;

export class EventWriter implements AsyncDisposable {
  readonly #options: EventWriterOptions;
  readonly #closing = new AbortController();
  readonly #waiting: Waiting[] = [];
  readonly #flushes: { readonly number: number; readonly done: (isStored: boolean) => void }[] = [];
  #waitingBytes = 0;
  /** Events that are lost after the last one that waits. */
  #lost = 0;
  #received = 0;
  #stored = 0;
  /** Aborted to write at once. */
  #hurry = new AbortController();
  #isFailing = false;
  #isStarted = false;
  #writing: Promise<void> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #untrimmed = 0;

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  /** Events that wait for the database. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Begins to write: the log has a head. */
  start(): void {
    this.#isStarted = true;
    this.#write();
    this.#looking = this.#look();
  }

  /** Takes an event of this process. Never waits, never throws. */
  event(published: PublishedEvent): void {
    if (unkeptEvents.has(published.event.type)) return;
    const { maxWaiting = MAX_WAITING } = this.#options;
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + published.json.length > MAX_WAITING_BYTES) {
      this.missed();
      return;
    }
    this.#waiting.push({ published, lost: this.#lost });
    this.#waitingBytes += published.json.length;
    this.#lost = 0;
    this.#received++;
    if (this.#waiting.length >= BATCH) this.#hurry.abort();
    this.#write();
  }

  /** An event was lost before it came here. */
  missed(): void {
    this.#lost++;
    this.#options.lost(1);
  }

  /**
   * Resolves when all events so far are stored, or the database refuses them.
   *
   * @returns whether they are, and none was lost after the last one
   */
  flush(): Promise<boolean> {
    if (this.#stored === this.#received || this.#isFailing) {
      return Promise.resolve(this.#stored === this.#received && this.#lost === 0);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#flushes.push({ number: this.#received, done: resolve });
    this.#hurry.abort();
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const late = sleep(CLOSE_MS, { signal: this.#closing.signal }).catch(() => undefined); // aborted below
    await Promise.race([this.flush(), late]);
    this.#closing.abort(new DOMException('the log of events is closed', 'AbortError'));
    this.#hurry.abort();
    await Promise.all([this.#writing, this.#looking]);
  }

  #write(): void {
    if (!this.#isStarted || this.#waiting.length === 0 || this.#closing.signal.aborted) return;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.#write(); // what came meanwhile
    });
  }

  async #writeAll(): Promise<void> {
    const { signal } = this.#closing;
    if (this.#flushes.length === 0) await sleep(LINGER_MS, { signal: this.#hurry.signal }).catch(() => undefined); // at once
    this.#hurry = new AbortController();
    while (this.#waiting.length > 0 && !signal.aborted) {
      try {
        if (this.#isFailing) await this.#forgetStored();
        const count = await this.#writeBatch();
        this.#isFailing = false;
        this.#remove(0, count);
        this.#untrimmed += count;
        if (this.#untrimmed >= Math.max(1, Math.min(1000, this.#options.limits.maxEvents / 100))) await this.trim();
        this.#settle(this.#stored, this.#lost === 0);
      } catch (error) {
        if (!this.#isFailing) this.#options.failed(error);
        this.#isFailing = true;
        this.#settle(this.#received, false);
        await sleep(this.#options.retryMs ?? RETRY_MS, { signal }).catch(() => undefined); // closed
      }
      if (this.#waiting.length < BATCH && this.#flushes.length === 0) return;
    }
  }

  async #writeBatch(): Promise<number> {
    const { db, node } = this.#options;
    const batch = this.#waiting.slice(0, BATCH);
    const rows = batch.map(({ published: { event, audience, json, isForeign }, lost }, index) => [
      ...[batch.length - 1 - index, event.id, isForeign ? FOREIGN : node, Date.parse(event.at) * 1000],
      ...[event.type, event.stream, audience, json, sizeOf(json), lost],
    ]);
    const bytes = batch.reduce((sum, { published }) => sum + sizeOf(published.json), 0);
    await runAll(db, [
      { sql: ADVANCE, rows: [[batch.length, bytes]] },
      { sql: INSERT, rows },
    ]);
    return batch.length;
  }

  /** After an error: the reply of a commit may be what was lost. */
  async #forgetStored(): Promise<void> {
    const { db, node } = this.#options;
    const ids = this.#waiting.slice(0, BATCH).map(({ published }) => published.event.id);
    const rows = await db
      .selectFrom('event_log')
      .select('event_id')
      .where('node', 'in', [node, FOREIGN])
      .where('event_id', 'in', ids)
      .execute();
    const stored = new Set(rows.map(({ event_id }) => event_id));
    for (let index = ids.length - 1; index >= 0; index--) if (stored.has(ids[index]!)) this.#remove(index, 1);
  }

  #remove(index: number, count: number): void {
    for (const { published } of this.#waiting.splice(index, count)) this.#waitingBytes -= published.json.length;
    this.#stored += count;
  }

  #settle(number: number, isStored: boolean): void {
    while (this.#flushes[0] && this.#flushes[0].number <= number) this.#flushes.shift()!.done(isStored);
  }

  async #look(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.trim().catch(this.#options.failed);
      await sleep(LOOK_EVERY_MS, { signal }).catch(() => undefined); // ends the loop
    }
  }

  /** Deletes the oldest events beyond the bounds, in steps. Any node may. */
  async trim(): Promise<void> {
    this.#untrimmed = 0;
    for (let step = 0; step < STEPS && (await this.#trimStep()); step++);
  }

  /** One step. Returns whether there may be more. */
  async #trimStep(): Promise<boolean> {
    const { db, clock, limits } = this.#options;
    const head = await headOf(db);
    if (!head) return false;
    const oldestUs = (clock.nowMs() - limits.maxAgeMs - LOOK_EVERY_MS) * 1000;
    const isFull = head.last - head.first > limits.maxEvents || head.bytes > limits.maxBytes;
    const oldest = db
      .selectFrom('event_log')
      .select(['seq', 'at_us', 'event_id', 'size'])
      .where('seq', '>', head.first)
      .orderBy('seq');
    if (!isFull && ((await oldest.limit(1).executeTakeFirst())?.at_us ?? oldestUs) >= oldestUs) return false;
    const rows = await oldest.limit(STEP).execute();
    let { bytes, floor_id, floor_us, first } = head;
    for (const { seq, at_us, event_id, size } of rows) {
      if (head.last - first <= limits.maxEvents && bytes <= limits.maxBytes && at_us >= oldestUs) break;
      first = seq;
      bytes -= size;
      if (event_id > floor_id) floor_id = event_id;
      floor_us = Math.max(floor_us, at_us);
    }
    if (first === head.first) return false;
    return await db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('event_log_head')
        .set((eb) => ({ first, floor_id, floor_us, bytes: eb('bytes', '-', head.bytes - bytes) }))
        .where('id', '=', 1)
        .where('first', '=', head.first)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return true; // another node has
      await transaction.deleteFrom('event_log').where('seq', '<=', first).execute();
      return true;
    });
  }
}

/** What an event counts against the bound on bytes. @param json the event */
export function sizeOf(json: string): number {
  return json.length + ROW_BYTES;
}
