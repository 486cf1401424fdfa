/**
 * The log of past events in the database.
 * In: the event bus. Out: EventLog. docs/decisions/0098.
 */
import type { Kysely } from 'kysely';
import type { EventBus, PublishedEvent, Subscription, SubscriptionStart } from '../../cluster/bus/event-bus.ts';
import type { EventLog } from '../../cluster/bus/event-log.ts';
import { firstPosition } from '../../cluster/bus/event-ring.ts';
import { withoutForeign } from '../../cluster/bus/shadow.ts';
import type { Tables } from '../schema.ts';
import { EventRows, headOf } from './event-rows.ts';
import { EventWriter, type EventWriterOptions } from './event-writer.ts';

/** Dependencies of the log. */
export interface EventLogOptions extends EventWriterOptions {
  /** Its events are stored. */
  readonly bus: EventBus;
  /** All processes that write to the log have the same ids of events. */
  readonly hasOneOrder: boolean;
  /** Whether events of other processes are stored too: those have other databases. */
  readonly storesForeign: boolean;
}

/** An open log. Disposing stores what waits. */
export interface OpenEventLog extends EventLog, AsyncDisposable {
  /** Events of this process that wait for the database. */
  readonly waiting: number;
  /** The id of the bus when it was opened, and when that was, ms since 1970. */
  readonly began: { readonly id: string; readonly ms: number };
  /** Deletes what is beyond the bounds, which it does itself every minute and after many events. */
  tidy(): Promise<void>;
}

/** The first part of ids of a bus that has not reached its server yet. */
const NO_BOOT = firstPosition(0).boot;
const CLEARED_EACH = 5000;

/** Opens the log: every event that the bus publishes from now on is stored. */
export async function openEventLog(options: EventLogOptions): Promise<OpenEventLog> {
  const { db, bus, storesForeign } = options;
  const rows = new EventRows(db);
  const writer = new EventWriter(options);
  // Read before the position of the bus: that is not older then.
  const newest = await newestIdOf(db);
  let lastId = '';
  const begin = ({ lastId: id, replay, reset }: SubscriptionStart) => {
    lastId = id;
    // While this process was off, others were not.
    if (reset) writer.missed();
    for (const published of replay) writer.event(published);
  };
  const event = (published: PublishedEvent) => writer.event(published);
  const subscriber = { begin, event, missed: () => writer.missed() };
  const subscription: Subscription = storesForeign
    ? await bus.subscribe(subscriber, newest === '' ? undefined : newest)
    : await withoutForeign(bus).subscribe(subscriber);
  await prepareHead(options, lastId, newest);
  writer.start();
  return {
    began: { id: lastId, ms: options.clock.nowMs() },
    locate: (since) => rows.locate(since),
    newest: () => rows.newest(),
    print: (position) => rows.print(position),
    read: (request) => rows.read(request),
    between: (afterId, upToId) => rows.between(afterId, upToId),
    newestId: (afterId, beforeMs) => rows.newestId(afterId, beforeMs),
    flush: () => writer.flush(),
    tidy: () => writer.trim(),
    get waiting() {
      return writer.waiting;
    },
    async [Symbol.asyncDispose]() {
      subscription.close();
      await writer[Symbol.asyncDispose]();
    },
  };
}

/** Deletes the log: none is kept any more. */
export async function clearEventLog(db: Kysely<Tables>): Promise<void> {
  const head = await headOf(db);
  if (!head) return;
  for (let up = head.first; up < head.last; ) {
    up = Math.min(head.last, up + CLEARED_EACH);
    await db.deleteFrom('event_log').where('seq', '<=', up).execute();
  }
  await db.deleteFrom('webhook_replay').execute();
  await db.deleteFrom('event_log_head').where('log', '=', head.log).execute();
}

async function newestIdOf(db: Kysely<Tables>): Promise<string> {
  const row = await db
    .selectFrom('event_log_head as head')
    .innerJoin('event_log as row', (join) => join.onRef('row.seq', '>', 'head.ids_after'))
    .select('row.event_id')
    .orderBy('row.event_id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.event_id ?? '';
}

/**
 * Begins the log, unless there is one. Where the ids of the bus are lower than those of the log, another bus
 * was in use or the clock was set back: ids from before are not compared with new ones.
 */
async function prepareHead(
  { db, clock, hasOneOrder }: EventLogOptions,
  lastId: string,
  newestId: string,
): Promise<void> {
  const { boot } = firstPosition(clock.nowMs());
  const isKnown = !lastId.startsWith(NO_BOOT);
  const floor_id = isKnown ? lastId : `${boot}-0000000`;
  await db
    .insertInto('event_log_head')
    .values({ id: 1, log: boot, last: 0, first: 0, bytes: 0, ids_after: 0, floor_id, floor_us: 0 })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  if (!hasOneOrder || !isKnown || newestId <= lastId) return;
  await db
    .updateTable('event_log_head')
    .set((eb) => ({ ids_after: eb.ref('last'), floor_id: lastId }))
    .where('id', '=', 1)
    .execute();
}
