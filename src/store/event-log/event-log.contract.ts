/**
 * What the log of past events promises on every database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { eventBusContract, KEPT_EVENTS } from '../../cluster/bus/event-bus.contract.ts';
import type { EventBus, PublishedEvent, SubscriptionStart } from '../../cluster/bus/event-bus.ts';
import { createLocalEventBus } from '../../cluster/bus/local-event-bus.ts';
import { resumeFrom } from '../../cluster/bus/resuming-bus.ts';
import { createManualClock, type ManualClock } from '../../lib/clock.ts';
import type { Tables } from '../schema.ts';
import type { OpenDatabase } from '../store.fixture.ts';
import { clearEventLog, type EventLogOptions, type OpenEventLog, openEventLog } from './event-log.ts';
import { markLoss } from './promoted-log.ts';

const START_MS = Date.UTC(2026, 10, 20, 8, 0, 0);
const DAY_MS = 86_400_000;
const roomy = { maxAgeMs: DAY_MS, maxEvents: 1000, maxBytes: 1024 * 1024 };

/** Events of a run of oxbow: a bus in memory, and the log behind it. */
interface Run extends AsyncDisposable {
  readonly bus: EventBus;
  readonly log: OpenEventLog;
  readonly errors: unknown[];
  readonly lost: () => number;
  tell(...numbers: readonly number[]): Promise<void>;
}

/** Starts oxbow on a database. @param ring events that the bus keeps */
async function start(
  db: Kysely<Tables>,
  clock: ManualClock,
  {
    ring = 1000,
    isShared = false,
    ...options
  }: Partial<EventLogOptions> & { readonly ring?: number; readonly isShared?: boolean } = {},
): Promise<Run> {
  const errors: unknown[] = [];
  let lost = 0;
  const failed = (error: unknown) => void errors.push(error);
  const local = createLocalEventBus({ clock, failed, limits: { maxEvents: ring, maxBytes: 1024 * 1024 } });
  const log = await openEventLog({
    db,
    clock,
    bus: local,
    node: '',
    limits: roomy,
    hasOneOrder: true,
    storesForeign: false,
    retryMs: 10,
    failed,
    lost: (count) => {
      lost += count;
    },
    ...options,
  });
  const bus = resumeFrom(local, {
    log,
    isShared,
    began: log.began,
    nowMs: () => clock.nowMs(),
    wait: async (ms) => clock.advance(ms),
    failed,
  });
  return {
    bus,
    log,
    errors,
    lost: () => lost,
    async tell(...numbers) {
      for (const number of numbers)
        bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
      await bus.flush();
      await log.flush();
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
}

const numberOf = ({ event }: PublishedEvent) => (event.data as { number: number }).number;

/** All events behind a position, page by page. */
async function readAll(log: OpenEventLog, since: string | number, limit = 3) {
  let position = typeof since === 'number' ? since : await log.locate(since);
  const numbers: number[] = [];
  let lost = 0;
  for (let isMore = true; isMore; ) {
    const page = await log.read({ after: position, limit });
    assert.ok(page.events.length <= limit);
    numbers.push(...page.events.map(numberOf));
    ({ position, isMore } = page);
    lost += page.lost;
  }
  return { numbers, lost, cursor: await log.print(position), position };
}

/** What a subscriber receives that comes back with an id. */
async function comeBack(bus: EventBus, after: string): Promise<SubscriptionStart> {
  const { promise, resolve } = Promise.withResolvers<SubscriptionStart>();
  (await bus.subscribe({ begin: resolve, event() {} }, after)).close();
  return promise;
}

async function lastIdOf(bus: EventBus): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<SubscriptionStart>();
  (await bus.subscribe({ begin: resolve, event() {} })).close();
  return (await promise).lastId;
}

/** Every database runs this suite. */
export function eventLogContract(name: string, open: OpenDatabase): void {
  eventBusContract(`this process, with a log on ${name}`, async () => {
    const database = await open();
    const limits = { ...roomy, maxEvents: KEPT_EVENTS };
    const run = await start(database.db, createManualClock(START_MS), { ring: KEPT_EVENTS, limits });
    const flush = async () => {
      await run.bus.flush();
      await run.log.flush();
    };
    return {
      bus: { ...run.bus, flush },
      errors: run.errors,
      async [Symbol.asyncDispose]() {
        await run[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  });

  suite(`the log of events on ${name}`, () => {
    test('after a restart events are read in their order, from a cursor, a time and an id; each once', async () => {
      await using database = await open();
      const clock = createManualClock(START_MS);
      let id: string;
      let cursor: string;
      {
        await using before = await start(database.db, clock);
        await before.tell(1, 2);
        id = await lastIdOf(before.bus);
        ({ cursor } = await readAll(before.log, 0));
        clock.advance(1000);
        before.bus.publish('job.progress', {
          id: '1',
          kind: 'export',
          state: 'running',
          progress: 0,
          parts: {},
          subject: null,
        });
        await before.tell(3);
      }
      clock.advance(5000);
      await using run = await start(database.db, clock);
      await run.tell(4, 5);
      assert.deepEqual((await readAll(run.log, 0)).numbers, [1, 2, 3, 4, 5], 'frequent events are not kept');
      assert.deepEqual((await readAll(run.log, cursor)).numbers, [3, 4, 5]);
      assert.deepEqual((await readAll(run.log, id)).numbers, [3, 4, 5]);
      assert.deepEqual((await readAll(run.log, String(START_MS + 1000))).numbers, [3, 4, 5]);
      const { replay, reset } = await comeBack(run.bus, id);
      assert.deepEqual([replay.map(numberOf), reset], [[3, 4, 5], false]);
      assert.equal(replay[0]?.json, JSON.stringify(replay[0]?.event));
      const type = new Set(['stream.live'] as const);
      assert.deepEqual((await run.log.read({ after: 0, limit: 10, types: type })).events, []);
      assert.equal((await run.log.read({ after: 0, limit: 10, stream: 'door', until: 2 })).events.length, 2);
    });

    test('of a bus of several processes the newest events come from the bus, and those before from the log', async () => {
      await using database = await open();
      const clock = createManualClock(START_MS);
      const shared = { isShared: true, ring: 3 };
      let id: string;
      {
        await using run = await start(database.db, clock, shared);
        await run.tell(1);
        id = await lastIdOf(run.bus);
        for (const number of [2, 3, 4, 5]) {
          clock.advance(6000);
          await run.tell(number);
        }
        const { replay, reset } = await comeBack(run.bus, id);
        assert.deepEqual([replay.map(numberOf), reset], [[2, 3, 4, 5], false]);
        await run.tell(6, 7, 8);
        clock.advance(-3000);
        const { reset: isTooFast } = await comeBack(run.bus, id);
        assert.equal(isTooFast, true, 'the bus has no event that is surely stored');
      }
      clock.advance(6000);
      await using run = await start(database.db, clock, shared);
      await run.tell(9, 10);
      const { replay, reset } = await comeBack(run.bus, id);
      assert.deepEqual([replay.map(numberOf), reset], [[2, 3, 4, 5, 6, 7, 8, 9, 10], false]);
    });

    test('nodes that store at once are read in one order, and a reader that follows misses no event', async () => {
      await using database = await open();
      const nodes = await Promise.all(
        ['a', 'b', 'c'].map((node, i) =>
          start(database.db, createManualClock(START_MS + i), { node, hasOneOrder: false }),
        ),
      );
      let isTelling = true;
      const read: number[] = [];
      const follow = (async () => {
        for (let position = 0, isLast = false; !isLast; ) {
          isLast = !isTelling;
          const part = await readAll(nodes[0]!.log, position);
          ({ position } = part);
          read.push(...part.numbers);
        }
      })();
      await Promise.all(
        nodes.map(async (node, i) => {
          for (let number = i; number < 300; number += 3) await node.tell(number);
        }),
      );
      isTelling = false;
      await follow;
      assert.deepEqual(
        read.toSorted((a, b) => a - b),
        Array.from({ length: 300 }, (_, number) => number),
      );
      for (const node of nodes) await node[Symbol.asyncDispose]();
      assert.deepEqual(
        nodes.flatMap(({ errors }) => errors),
        [],
      );
    });

    test('the oldest are deleted beyond the number, the bytes and the age; a reader that needs them is refused with where to continue', async () => {
      for (const [limits, expected] of [
        [{ ...roomy, maxEvents: 3 }, [6, 7, 8]],
        [{ ...roomy, maxBytes: 700 }, [7, 8]],
        [{ ...roomy, maxAgeMs: 2 * 60_000 }, [5, 6, 7, 8]],
      ] as const) {
        await using database = await open();
        const clock = createManualClock(START_MS);
        await using run = await start(database.db, clock, { limits, ring: 1 });
        const firstId = await lastIdOf(run.bus);
        const from = await run.log.print(0);
        for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) {
          await run.tell(number);
          clock.advance(60_000);
        }
        clock.advance(-60_000);
        await run.log.tidy();
        const stored = await database.db.selectFrom('event_log').selectAll().orderBy('seq').execute();
        assert.equal(stored.length, expected.length);
        for (const since of [from, firstId, String(START_MS)]) {
          const error = await run.log.locate(since).then(
            () => assert.fail(since),
            (thrown) => thrown,
          );
          assert.equal(error.code, 'events-gone');
          const { numbers } = await readAll(run.log, error.extra.oldest as string);
          assert.deepEqual(numbers, expected);
        }
        await assert.rejects(run.log.read({ after: 0, limit: 1 }), { code: 'events-gone' });
        assert.equal((await comeBack(run.bus, firstId)).reset, true);
      }
    });

    test('while the database fails events wait, up to a bound; those beyond it are counted as lost, also for readers', async () => {
      await using database = await open();
      await using run = await start(database.db, createManualClock(START_MS), { maxWaiting: 3 });
      await run.tell(1);
      const id = await lastIdOf(run.bus);
      await sql`ALTER TABLE event_log RENAME TO event_log_away`.execute(database.db);
      await run.tell(2, 3, 4, 5, 6);
      // Once, and once more if the oldest were looked for meanwhile.
      assert.ok(run.errors.length >= 1 && run.errors.length <= 2);
      assert.deepEqual([run.lost(), run.log.waiting], [2, 3]);
      await sql`ALTER TABLE event_log_away RENAME TO event_log`.execute(database.db);
      while (run.log.waiting > 0) await new Promise(setImmediate);
      assert.equal(await run.log.flush(), false, 'the loss is not stored before the next event');
      await run.tell(7);
      assert.equal(await run.log.flush(), true);
      const { numbers, lost } = await readAll(run.log, 0);
      assert.deepEqual([numbers, lost], [[1, 2, 3, 4, 7], 2]);
      assert.equal(await run.log.between(id, await lastIdOf(run.bus)), undefined, 'a replay would have a hole');
    });

    test('an event whose commit was not confirmed is stored once', async () => {
      await using database = await open();
      await using run = await start(database.db, createManualClock(START_MS));
      await run.tell(1);
      await sql`ALTER TABLE event_log RENAME TO event_log_away`.execute(database.db);
      await run.tell(2, 3);
      const row = await sql<{ body: string }>`SELECT * FROM event_log_away`.execute(database.db);
      await sql`ALTER TABLE event_log_away RENAME TO event_log`.execute(database.db);
      assert.equal(row.rows.length, 1);
      // What the lost reply would have confirmed.
      const stored = await database.db.selectFrom('event_log').selectAll().executeTakeFirstOrThrow();
      const second = stored.event_id.replace(/.$/, '2');
      await database.db
        .insertInto('event_log')
        .values({ ...stored, seq: 2, event_id: second, body: stored.body.replace('"number":1', '"number":2') })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await database.db.updateTable('event_log_head').set({ last: 2 }).where('last', '<', 2).execute();
      while (run.log.waiting > 0) await new Promise(setImmediate);
      await run.tell(4);
      assert.deepEqual((await readAll(run.log, 0)).numbers, [1, 2, 3, 4]);
    });

    test('a cursor of another log is gone, one that was never sent and other texts are invalid', async () => {
      await using database = await open();
      await using run = await start(database.db, createManualClock(START_MS));
      await run.tell(1);
      const cursor = await run.log.print(1);
      assert.equal(await run.log.locate(cursor), 1);
      const refused = [await run.log.print(2), 'nonsense', '', 'c.', '2026-11-20', `${cursor}x`.repeat(9)];
      for (const since of refused) await assert.rejects(run.log.locate(since), { code: 'bad-request' }, since);
      await assert.rejects(run.log.locate(cursor.replace(/^c.{9}/, 'c000000001')), { code: 'events-gone' });
    });

    test('after a promotion that lost events no cursor from before means others, and a replay over it is a reset', async () => {
      await using database = await open();
      const clock = createManualClock(START_MS);
      const before = await start(database.db, clock);
      await before.tell(1, 2);
      const id = await lastIdOf(before.bus);
      const [known, ahead] = [await before.log.print(2), await before.log.print(4)];
      await before[Symbol.asyncDispose]();
      clock.advance(1000);
      await markLoss(database.db, clock.nowMs());
      clock.advance(1000);
      await using run = await start(database.db, clock);
      const newId = await lastIdOf(run.bus);
      await run.tell(3, 4);
      for (const cursor of [known, ahead]) {
        const error = await run.log.locate(cursor).then(
          () => assert.fail(cursor),
          (thrown) => thrown,
        );
        assert.deepEqual([error.code, error.extra.keptSince], ['events-gone', new Date(START_MS).toISOString()]);
        const { numbers, lost, cursor: next } = await readAll(run.log, error.extra.oldest as string);
        assert.deepEqual([numbers, lost], [[1, 2, undefined, 3, 4], 1]);
        assert.equal(await run.log.locate(next), 5);
      }
      assert.equal((await comeBack(run.bus, id)).reset, true);
      assert.deepEqual((await comeBack(run.bus, newId)).replay.map(numberOf), [3, 4]);
    });

    test('ids of a clock that was set back are not compared with those from before', async () => {
      await using database = await open();
      const clock = createManualClock(START_MS);
      const before = await start(database.db, clock);
      await before.tell(1, 2);
      const id = await lastIdOf(before.bus);
      await before[Symbol.asyncDispose]();
      clock.advance(-DAY_MS);
      await using run = await start(database.db, clock);
      const newId = await lastIdOf(run.bus);
      await run.tell(3);
      assert.equal((await comeBack(run.bus, id)).reset, true);
      assert.deepEqual((await comeBack(run.bus, newId)).replay.map(numberOf), [3]);
      assert.deepEqual((await readAll(run.log, 0)).numbers, [1, 2, 3]);
    });

    test('a log that is switched off is empty, and another one begins when it is on again', async () => {
      await using database = await open();
      const clock = createManualClock(START_MS);
      const before = await start(database.db, clock);
      await before.tell(1);
      const cursor = await before.log.print(1);
      await before[Symbol.asyncDispose]();
      await clearEventLog(database.db);
      clock.advance(1000);
      await using run = await start(database.db, clock);
      await run.tell(2);
      assert.deepEqual((await readAll(run.log, 0)).numbers, [2]);
      await assert.rejects(run.log.locate(cursor), { code: 'events-gone' });
    });
  });
}

/** Databases whose transactions run at the same time also run this suite. */
export function eventLogOrderContract(name: string, open: OpenDatabase): void {
  suite(`the order of the log of events on ${name}`, () => {
    test('an event that is committed late holds back those with higher numbers: a reader never passes it', async () => {
      await using database = await open();
      const { db } = database;
      await using run = await start(db, createManualClock(START_MS), { node: 'a' });
      const numbered = Promise.withResolvers<void>();
      const commit = Promise.withResolvers<void>();
      const late = db.transaction().execute(async (transaction) => {
        await sql`UPDATE event_log_head SET last = last + 1 WHERE id = 1`.execute(transaction);
        const event = { id: '000000002-0000001', type: 'stream.generation', at: '', stream: null, data: { number: 1 } };
        const row = { event_id: event.id, node: 'b', at_us: START_MS * 1000, type: event.type, stream: null };
        await transaction
          .insertInto('event_log')
          .values({ ...row, seq: 1, audience: 'anyone', body: JSON.stringify(event), size: 1, lost: 0 })
          .execute();
        numbered.resolve();
        await commit.promise;
      });
      await numbered.promise;
      let isStored = false;
      const stored = run.tell(2).then(() => {
        isStored = true;
      });
      const waitsForLock = async () => {
        const { rows } = await sql`SELECT 1 FROM pg_locks WHERE NOT granted`.execute(db);
        return rows.length > 0;
      };
      while (!isStored && !(await waitsForLock()));
      const early = await readAll(run.log, 0);
      assert.deepEqual([early.numbers, early.position, isStored], [[], 0, false]);
      commit.resolve();
      await Promise.all([late, stored]);
      assert.deepEqual((await readAll(run.log, early.position)).numbers, [1, 2]);
    });
  });
}
