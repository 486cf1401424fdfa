/**
 * The promises of the sums of recordings: whatever is written to the index, they are those of its rows.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { type Insertable, type Kysely, sql } from 'kysely';
import { segmentLocation } from '../../archive/segment-store.ts';
import { createManualClock } from '../../lib/clock.ts';
import { openLeaseTable } from '../../store/lease-table.ts';
import { readDiffering, recount } from '../../store/reading/recount.ts';
import type { ChunkFileTable, Tables } from '../../store/schema.ts';
import { soleRows } from '../../store/shards/stream-rows.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { QUARTER_US } from '../../store/tables/recorded-tables.ts';
import { ChunkQueries } from '../chunks/chunk-queries.ts';
import { chunkRow } from '../chunks/chunk-row.ts';
import { ChunkTable } from '../chunks/chunk-table.ts';
import { eraseRows, resizeFile } from '../erase/erase-rows.ts';
import { ErasureTable } from '../erase/erasure-table.ts';
import { readAllTotals, readDays, readTotals } from './recorded-sums.ts';

/** The start of a day in UTC, µs since 1970. */
const START_US = Date.UTC(2026, 2, 28) * 1000;
/** Minutes from there to an hour before a midnight: the random test passes it. */
const FIRST_MINUTE = 23 * 60;
const MINUTE_US = 60_000_000;
const HOUR_US = 60 * MINUTE_US;
const SEGMENTS = 6;

/** The file of a minute, of six segments. */
function fileAt(streamId: string, minute: number, size: number, hasGap = false): Insertable<ChunkFileTable> {
  const location = segmentLocation(`recordings/${streamId}/${minute}.mp4`);
  const groups = Array.from({ length: SEGMENTS }, (_, i) => {
    const startUs = START_US + minute * MINUTE_US + (i * MINUTE_US) / SEGMENTS;
    return {
      msn: minute * SEGMENTS + i,
      run: 1,
      utcOffsetUs: 0,
      clock: 'source' as const,
      startUs,
      durationUs: MINUTE_US / SEGMENTS,
      discontinuity: false,
      discontinuitySequence: 0,
      gaps: hasGap && i === 0 ? [{ fromUs: startUs - 5e6, toUs: startUs, cause: 'crash' as const, detail: '' }] : [],
      tracks: [],
      location,
      initNumber: 1,
    };
  });
  return chunkRow(streamId, location, size, groups);
}

/** A deletion of some segments of the recording `a`. */
const erasure = {
  streamId: 'a',
  stream: 'door',
  recordings: ['a'],
  author: 'admin',
  fromUs: START_US,
  toUs: START_US + MINUTE_US,
  createdUs: 9,
  pieces: [],
  leftOf: () => [],
  report: {
    segments: 0,
    windows: 0,
    bytes: 0,
    files: 0,
    pictures: 0,
    copies: 0,
    clips: [],
    pins: [],
    assets: [],
    exports: [],
    edges: [],
  },
};

type Sums = Omit<Tables['recorded_total'], 'stream_id'>;

const inOrder = (a: string, b: string) => (a < b ? -1 : 1);

/** The sums of the rows of the index: by quarter of an hour, by day and by recording. */
async function expectedSums(db: Kysely<Tables>): Promise<Record<string, Sums>> {
  const rows = await db.selectFrom('chunk_file').selectAll().orderBy('start_us').execute();
  const sums = new Map<string, Sums & { quarter: number }>();
  for (const row of rows) {
    const quarter = Math.floor(row.start_us / QUARTER_US);
    const keys = [`quarter ${row.stream_id} ${quarter}`, `day ${row.stream_id} ${Math.floor(quarter / 96)}`];
    for (const key of [...keys, `total ${row.stream_id}`]) {
      const before = sums.get(key);
      sums.set(key, {
        quarter,
        files: (before?.files ?? 0) + 1,
        segments: (before?.segments ?? 0) + row.segment_count,
        bytes: (before?.bytes ?? 0) + row.size,
        media_us: (before?.media_us ?? 0) + (row.segment_count > 0 ? row.end_us - row.start_us : 0),
        incomplete: (before?.incomplete ?? 0) + row.incomplete,
        first_us: before?.first_us ?? row.start_us,
        last_us: before?.quarter === quarter ? Math.max(before.last_us, row.end_us) : row.end_us,
      });
    }
  }
  const entries = [...sums].map(([key, { quarter: _, ...each }]) => [key, each] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => inOrder(a, b)));
}

/** The sums that the database keeps. */
async function keptSums(db: Kysely<Tables>): Promise<Record<string, Sums>> {
  const quarters = await db.selectFrom('recorded_quarter').selectAll().execute();
  const days = await db.selectFrom('recorded_day').selectAll().execute();
  const totals = await db.selectFrom('recorded_total').selectAll().execute();
  const entries = [
    ...quarters.map(({ stream_id, quarter, ...sums }) => [`quarter ${stream_id} ${quarter}`, sums] as const),
    ...days.map(({ stream_id, day, ...sums }) => [`day ${stream_id} ${day}`, sums] as const),
    ...totals.map(({ stream_id, ...sums }) => [`total ${stream_id}`, sums] as const),
  ];
  return Object.fromEntries(entries.sort(([a], [b]) => inOrder(a, b)));
}

/** Every database runs this suite. */
export function recordedSumsContract(name: string, open: OpenDatabase): void {
  suite(`sums of recordings on ${name}`, () => {
    for (const seed of [1, 2, 3])
      test(`after any writes, deletions and erasures they are those of the rows of the index (seed ${seed})`, async () => {
        await using database = await open();
        const { db } = database;
        const table = new ChunkTable(soleRows(db));
        const random = seeded(seed);
        const ids = ['a', 'a/q-360p', 'b'];
        let ranges = 0;
        let compared = 0;
        const dateRange = () => ({
          msn: 1,
          range: { id: `range ${ranges++}`, startDateMs: START_US / 1000, attributes: {} } as never,
        });
        const most = 4 * 60;
        const minuteOf = () => FIRST_MINUTE + random(most);
        const operations: readonly ((id: string) => Promise<unknown>)[] = [
          (id) => table.put(fileAt(id, minuteOf(), random(2 ** 31) * 1000, random(4) === 0)),
          async (id) => {
            for (let minute = minuteOf(), n = 0; n < 20; n++)
              await table.put(fileAt(id, minute + n, random(1000), random(4) === 0));
          },
          (id) => table.put(fileAt(id, minuteOf(), 5), [dateRange()]),
          (id) => table.change(id, minuteOf() * SEGMENTS, { size: 0, segment_count: 0, incomplete: 1 }),
          (id) => table.change(id, minuteOf() * SEGMENTS, { size: random(1000), path: 'moved' }),
          (id) =>
            table.remove(
              id,
              Array.from({ length: 1 + random(30) }, () => minuteOf() * SEGMENTS),
            ),
          (id) => {
            const firstMsn = FIRST_MINUTE * SEGMENTS + random(most * SEGMENTS);
            const range = { firstMsn, lastMsn: firstMsn + random(40) };
            return db.transaction().execute((transaction) => eraseRows(transaction, id, range));
          },
          (id) => resizeFile(db, id, `recordings/${id}/${minuteOf()}.mp4`, random(1000)),
          // Statements that change many rows, and the key.
          (id) =>
            db
              .deleteFrom('chunk_file')
              .where('stream_id', '=', id)
              .where('first_msn', '>', FIRST_MINUTE * SEGMENTS + random(2000))
              .execute(),
          (id) =>
            db
              .updateTable('chunk_file')
              .set((eb) => ({ start_us: eb('start_us', '+', QUARTER_US), end_us: eb('end_us', '+', QUARTER_US + 1) }))
              .where('stream_id', '=', id)
              .where('first_msn', '<', FIRST_MINUTE * SEGMENTS + random(400))
              .execute(),
          () =>
            db
              .insertInto('chunk_file')
              .values(Array.from({ length: 30 }, (_, n) => fileAt('c', FIRST_MINUTE + 50 + n, n)))
              .onConflict((conflict) => conflict.columns(['stream_id', 'first_msn']).doUpdateSet({ size: random(99) }))
              .execute(),
          () => table.clear(random(8) === 0 ? 'a' : 'c'),
          async () => {
            const stop = new Error('rolled back');
            await db
              .transaction()
              .execute(async (transaction) => {
                await transaction.deleteFrom('chunk_file').execute();
                throw stop;
              })
              .catch((error: unknown) => assert.equal(error, stop));
          },
        ];
        for (let step = 0; step < 150; step++) {
          const operation = random(operations.length);
          await operations[operation]!(ids[random(ids.length)]!);
          if (step % 3 !== 0) continue;
          const expected = await expectedSums(db);
          assert.deepEqual(await keptSums(db), expected, `operation ${operation}`);
          compared += Object.keys(expected).length;
        }
        assert.ok(compared > 300, `${compared} rows were compared`);
        assert.deepEqual(await readDiffering(db), []);
      });

    test('writers of one recording at the same time lose nothing, and none waits for another forever', async () => {
      await using database = await open();
      const { db } = database;
      const leases = openLeaseTable(db, createManualClock());
      const { token } = await leases.take('folder', { holder: 'a', ttlMs: 1000 });
      const rows = soleRows(db, () => ({ name: 'folder', token }));
      const table = new ChunkTable(rows);
      const erasures = await ErasureTable.open({ db, rows });
      await table.put(fileAt('a', 3, 100));
      await Promise.all([
        ...Array.from({ length: 14 }, (_, minute) => table.put(fileAt('a', minute, 10 + minute))),
        table.remove('a', [3 * SEGMENTS]),
        table.change('a', 2 * SEGMENTS, { size: 77 }),
        erasures.add({ ...erasure, firstMsn: 8, lastMsn: 27 }),
        erasures.resize('a', 'recordings/a/5.mp4', 3),
        table.put(fileAt('a', 5, 1), [{ msn: 30, range: { id: 'x', startDateMs: 0, attributes: {} } as never }]),
      ]);
      assert.deepEqual(await keptSums(db), await expectedSums(db));
    });

    test('a difference is found, and a recount removes it', async () => {
      await using database = await open();
      const { db } = database;
      const table = new ChunkTable(soleRows(db));
      for (const id of ['a', 'b', 'c']) for (const minute of [0, 20]) await table.put(fileAt(id, minute, 10));
      const kept = await keptSums(db);
      assert.deepEqual(await readDiffering(db), []);
      await sql`UPDATE recorded_total SET bytes = bytes + 1 WHERE stream_id = 'a'`.execute(db);
      await sql`DELETE FROM recorded_quarter WHERE stream_id = 'c'`.execute(db);
      assert.deepEqual(await readDiffering(db), ['a', 'c']);
      await recount(db);
      assert.deepEqual([await readDiffering(db), await keptSums(db)], [[], kept]);
    });

    test('the totals of targets are those of their objects after any changes', async () => {
      await using database = await open();
      const { db } = database;
      const random = seeded(5);
      const rowOf = () => ({
        location: `recordings/a/${random(40)}.mp4`,
        target: ['one', 'two'][random(2)]!,
        key: 'k',
        size: random(2 ** 31) * 1000,
        checksum: '',
        fence: 1,
        uploaded_us: 1,
        local: random(2),
      });
      for (let step = 0; step < 150; step++) {
        const row = rowOf();
        const { location, target, size } = row;
        const change = [{ local: 0 }, { target, size }][random(2)]!;
        const operations = [
          db
            .insertInto('stored_object')
            .values(row)
            .onConflict((conflict) => conflict.column('location').doNothing()),
          db
            .insertInto('stored_object')
            .values(row)
            .onConflict((conflict) => conflict.column('location').doUpdateSet(row)),
          db
            .updateTable('stored_object')
            .set(change as never)
            .where('location', '>=', location),
          db.deleteFrom('stored_object').where('location', '=', location),
          db
            .deleteFrom('stored_object')
            .where('location', '>', `recordings/a/${4 + random(5)}`)
            .where('target', '=', target),
        ];
        await operations[random(operations.length)]!.execute();
        const { rows } = await sql`SELECT target, count(*) AS objects, sum(size) AS bytes FROM stored_object
          GROUP BY target ORDER BY target`.execute(db);
        assert.deepEqual(await db.selectFrom('stored_total').selectAll().orderBy('target').execute(), rows);
      }
      assert.deepEqual(await readDiffering(db), []);
      await sql`INSERT INTO stored_total VALUES ('three', 1, 1)`.execute(db);
      assert.deepEqual(await readDiffering(db), ['three']);
    });

    test('totals have the bytes of qualities, and the times of the stream alone', async () => {
      await using database = await open();
      const { db } = database;
      const table = new ChunkTable(soleRows(db));
      await table.put(fileAt('a', 5, 100));
      await table.put(fileAt('a', 90, 10));
      await table.put(fileAt('a/q-360p', 0, 1));
      await table.put(fileAt('a-b', 0, 1000));
      await table.put(fileAt('only/q-360p', 0, 7));
      const a = {
        fromUs: START_US + 5 * MINUTE_US,
        toUs: START_US + 91 * MINUTE_US,
        bytes: 111,
        durationUs: 2 * MINUTE_US,
      };
      assert.deepEqual(await readTotals(db, 'a'), a);
      const nothing = { fromUs: undefined, toUs: undefined, bytes: 0, durationUs: 0 };
      assert.deepEqual(await readTotals(db, 'c'), nothing);
      const all = await readAllTotals(db);
      assert.deepEqual([...all.keys()].sort(), ['a', 'a-b', 'only']);
      assert.deepEqual([all.get('a'), all.get('only')], [a, { ...nothing, bytes: 7 }]);
    });

    test('days begin where the zone says, also those of another length', async () => {
      await using database = await open();
      const { db } = database;
      const table = new ChunkTable(soleRows(db));
      for (let hour = 0; hour < 96; hour++)
        for (const minute of [29, 31]) await table.put(fileAt('a', hour * 60 + minute, 10, hour === 30));
      const read = (startsUs: readonly number[]) => readDays(db, 'a', startsUs);
      // A day and a half hour of UTC, one of 23 hours, one that the zone leaves out, one of 24.
      const lengths = [24, 23, 0, 24].map((hours) => hours * HOUR_US);
      const startsUs = [START_US + HOUR_US / 2];
      for (const length of lengths) startsUs.push(startsUs.at(-1)! + length);
      const days = await read(startsUs);
      assert.deepEqual(
        days.map(({ index, files, bytes, durationUs, incomplete }) => [
          index,
          files,
          bytes,
          durationUs / MINUTE_US,
          incomplete,
        ]),
        [
          [0, 48, 480, 48, 0],
          [1, 46, 460, 46, 2],
          [3, 48, 480, 48, 0],
        ],
      );
      assert.deepEqual(
        [days[0]!.fromUs, days[0]!.toUs, days[2]!.fromUs],
        [START_US + 31 * MINUTE_US, START_US + 24 * HOUR_US + 30 * MINUTE_US, startsUs[3]! + MINUTE_US],
      );
      assert.deepEqual(await read([0, START_US]), []);
    });

    test('days are those of their quarters, whatever the zone and the lengths', async () => {
      await using database = await open();
      const { db } = database;
      const table = new ChunkTable(soleRows(db));
      const random = seeded(11);
      for (let i = 0; i < 300; i++) await table.put(fileAt('a', random(6 * 1440), random(1000), random(5) === 0));
      await table.put(fileAt('b', 100, 10));
      const quarters = await db.selectFrom('recorded_quarter').selectAll().where('stream_id', '=', 'a').execute();
      for (let turn = 0; turn < 40; turn++) {
        const starts = [START_US / QUARTER_US - 96 + random(200)];
        while (starts.length < 8) starts.push(starts.at(-1)! + [96, 96, 92, 100, 0][random(5)]!);
        const expected = starts.slice(0, -1).flatMap((from, index) => {
          const own = quarters.filter(({ quarter }) => quarter >= from && quarter < starts[index + 1]!);
          const sum = (name: 'files' | 'bytes' | 'media_us' | 'incomplete') =>
            own.reduce((total, each) => total + each[name], 0);
          if (own.length === 0) return [];
          const [files, bytes, durationUs, incomplete] = [
            sum('files'),
            sum('bytes'),
            sum('media_us'),
            sum('incomplete'),
          ];
          own.sort((a, b) => a.quarter - b.quarter);
          return [{ index, files, bytes, durationUs, incomplete, fromUs: own[0]!.first_us, toUs: own.at(-1)!.last_us }];
        });
        const startsUs = starts.map((quarter) => quarter * QUARTER_US);
        assert.deepEqual(await readDays(db, 'a', startsUs), expected, starts.join());
      }
    });

    test('segments are counted from any time', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const chunks = new ChunkQueries(soleRows(database.db));
      for (let minute = 0; minute < 60; minute++) await table.put(fileAt('a', minute, 10));
      for (const [minute, left] of [
        [0, 60],
        [14, 46],
        [15, 45],
        [16, 44],
        [59, 1],
        [60, 0],
      ] as const)
        assert.equal(await chunks.segmentsFrom('a', START_US + minute * MINUTE_US), left * SEGMENTS, `${minute}`);
      assert.equal(await chunks.segmentsFrom('a', START_US + 15 * MINUTE_US + 1), 44 * SEGMENTS);
    });
  });
}
