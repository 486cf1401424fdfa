/**
 * `npm run bench -- calendar`: calendars and lists of many streams and years from the sums of recordings, and
 * the same from the index of chunk files, in the same database.
 * In: one stream with all its files; of the others the sums that their files would have. Out: a table of
 * times next to the goal, 5 ms at p95; what the sums cost when a file is added.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { localDays } from '../../src/api/local-days.ts';
import { openTimeZone } from '../../src/api/local-time.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { openEngine } from '../../src/store/db.ts';
import { type Engine, engineOf } from '../../src/store/engine.ts';
import { tidy } from '../../src/store/move.ts';
import { recount } from '../../src/store/reading/recount.ts';
import type { Tables } from '../../src/store/schema.ts';
import { soleRows } from '../../src/store/shards/stream-rows.ts';
import { startPostgres } from '../../test/fixtures/engines/postgres.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { printTable, quantile, say, sorted } from '../report.ts';
import { FILE_US, fileRow, SEGMENTS_PER_FILE, START_US, streamId } from '../timeline.ts';
import { orTiny } from '../tiny.ts';

const DAY_US = 86_400_000_000;
const DAY_MS = 86_400_000;
const FILES_PER_DAY = DAY_US / FILE_US;
/** The first midnight of UTC within the recordings, ms since 1970. */
const FIRST_DAY_MS = Math.ceil(START_US / DAY_US) * DAY_MS;

/** Builds the database, measures, and returns the report. @param onPostgres otherwise on SQLite */
export async function benchCalendar(streams: number, days: number, onPostgres: boolean): Promise<string> {
  await using folder = await openFolder('bench-calendar');
  const log = createSilentLog();
  const file = join(folder.path, 'oxbow.db');
  const settings = ['shared_buffers=256MB', 'max_wal_size=4GB'];
  await using server = onPostgres ? await startPostgres({ settings }) : undefined;
  const address = server && { url: server.url('postgres'), replicaUrl: undefined, replicaLag: 2000, pool: 10 };
  await using engine = await openEngine({ file, log, server: address, unlimited: true });
  const { db } = engine;
  const startedAt = performance.now();
  await addFiles(db, days);
  const recountAt = performance.now();
  await recount(db);
  const recountS = (performance.now() - recountAt) / 1000;
  for (let stream = 1; stream < streams; stream++) {
    if (stream % 100 === 0) say(`sums of ${stream} streams`);
    await addSums(db, streamId(stream), streamId(0));
  }
  await (onPostgres ? tidy(db) : sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db));
  const buildS = (performance.now() - startedAt) / 1000;
  const rows = await measureReads(engine, streams, days);
  const { n } = await db
    .selectFrom('recorded_quarter')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  const count = (days * FILES_PER_DAY).toLocaleString('en');
  const size = onPostgres ? '' : `, ${(statSync(file).size / 2 ** 30).toFixed(2)} GiB`;
  return [
    `${onPostgres ? 'PostgreSQL' : 'SQLite'}: sums of ${streams} streams of ${days} days (${n.toLocaleString('en')} quarters of an hour), ${count} files of one of them${size}, built in ${buildS.toFixed(0)} s`,
    printTable(['query', 'times', 'p50 ms', 'p95 ms', 'from the files: p50 ms', 'p95 ms', 'goal 5 ms at p95'], rows),
    await measureWrites(engine),
    `A migration sums up the ${count} files in ${recountS.toFixed(1)} s.`,
  ].join('\n\n');
}

/** A file like another one, some minutes after the first. */
function fileAt(like: ReturnType<typeof fileRow>, index: number): ReturnType<typeof fileRow> {
  return {
    ...like,
    first_msn: like.first_msn + index * SEGMENTS_PER_FILE,
    last_msn: like.last_msn + index * SEGMENTS_PER_FILE,
    start_us: like.start_us + index * FILE_US,
    end_us: like.end_us + index * FILE_US,
    path: `${like.path.slice(0, -4)}-${index}.mp4`,
  };
}

/** Adds the files of the first stream: those of a day, then copies of them. */
async function addFiles(db: Kysely<Tables>, days: number): Promise<void> {
  const like = fileRow(0);
  for (let index = 0; index < FILES_PER_DAY; index++)
    await db
      .insertInto('chunk_file')
      .values({ ...fileAt(like, index), stream_id: streamId(0) })
      .execute();
  const shifted: Readonly<Record<string, number>> = {
    first_msn: FILES_PER_DAY * SEGMENTS_PER_FILE,
    last_msn: FILES_PER_DAY * SEGMENTS_PER_FILE,
    start_us: DAY_US,
    end_us: DAY_US,
  };
  const columns = Object.keys(like);
  for (let day = 1; day < days; day++) {
    if (day % 100 === 0) say(`files of ${day} days`);
    const values = columns.map((name) => {
      const shift = shifted[name];
      return shift === undefined ? sql.ref(name) : sql`${sql.ref(name)} + ${sql.lit(day * shift)}`;
    });
    await sql`INSERT INTO chunk_file (${sql.join(columns.map((name) => sql.ref(name)))})
      SELECT ${sql.join(values)} FROM chunk_file WHERE stream_id = ${streamId(0)} AND start_us < ${START_US + DAY_US}
      ORDER BY start_us`.execute(db);
  }
}

/** Adds the sums that a stream with the files of `like` has. */
async function addSums(db: Kysely<Tables>, id: string, like: string): Promise<void> {
  const sums = sql`files, segments, bytes, media_us, incomplete, first_us, last_us`;
  await sql`INSERT INTO recorded_quarter (stream_id, quarter, ${sums})
    SELECT ${id}, quarter, ${sums} FROM recorded_quarter WHERE stream_id = ${like} ORDER BY quarter`.execute(db);
  await sql`INSERT INTO recorded_day (stream_id, day, ${sums})
    SELECT ${id}, day, ${sums} FROM recorded_day WHERE stream_id = ${like} ORDER BY day`.execute(db);
  await sql`INSERT INTO recorded_total (stream_id, ${sums})
    SELECT ${id}, ${sums} FROM recorded_total WHERE stream_id = ${like}`.execute(db);
}

/** Times of a query that is repeated, ms. */
async function time(most: number, work: () => Promise<unknown>): Promise<readonly [p50: number, p95: number]> {
  const times = orTiny(most, 3);
  for (let i = 0; i < times / 10; i++) await work(); // V8 compiles during the first queries
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work();
    took.push(performance.now() - from);
  }
  return [quantile(sorted(took), 0.5), quantile(sorted(took), 0.95)];
}

/** The rows of the table of reads. */
async function measureReads({ db }: Engine, streams: number, days: number): Promise<string[][]> {
  const chunks = new ChunkQueries(soleRows(db));
  const table = new ChunkTable(soleRows(db));
  const random = (below: number) => Math.floor(Math.random() * Math.max(1, below));
  const zone = openTimeZone('Europe/Berlin');
  const anyDays = (length: number) => {
    const firstMs = FIRST_DAY_MS + random(days - length) * DAY_MS;
    return localDays(zone, firstMs, firstMs + (length - 1) * DAY_MS).startsMs.map((ms) => ms * 1000);
  };
  const calendar = (length: number) => () => table.days(streamId(random(streams)), anyDays(length));
  /** As calendars did before: the timeline of the range. */
  const timeline = (length: number) => () => {
    const startsUs = anyDays(length);
    const fromUs = startsUs[0]! - (startsUs[0]! % 600e6);
    return chunks.joinedSpansBetween(streamId(0), fromUs, startsUs.at(-1)!);
  };
  const queries = [
    ['the calendar of a month', 500, calendar(31), 40, timeline(31)],
    ['the calendar of a year', 100, calendar(Math.min(366, days)), 5, timeline(Math.min(366, days))],
    ['the totals of a stream', 1000, () => table.totals(streamId(random(streams))), 5, () => totalsOfFiles(db)],
    [`the list of all ${streams} streams`, 200, () => table.allTotals(), 0, undefined],
    [
      'segments from a time on',
      300,
      () => chunks.segmentsFrom(streamId(0), START_US + random(days) * DAY_US),
      0,
      undefined,
    ],
  ] as const;
  const rows: string[][] = [];
  for (const [name, times, now, timesBefore, before] of queries) {
    say(name);
    const [p50, p95] = await time(times, now);
    const old = before ? (await time(timesBefore, before)).map((ms) => ms.toFixed(1)) : ['', ''];
    rows.push([name, String(orTiny(times, 3)), p50.toFixed(2), p95.toFixed(2), ...old, p95 <= 5 ? 'within' : 'beyond']);
  }
  return rows;
}

/** As totals were read before. */
function totalsOfFiles(db: Kysely<Tables>): Promise<unknown> {
  return db
    .selectFrom('chunk_file')
    .select((eb) => [
      eb.fn.min('start_us').as('from_us'),
      eb.fn.sum<number>('size').as('bytes'),
      eb.fn.sum<number>(eb('end_us', '-', eb.ref('start_us'))).as('duration_us'),
    ])
    .where('stream_id', '=', streamId(0))
    .executeTakeFirst();
}

/** Times of adding a file with triggers and without; in turns, because the machine changes its speed. */
async function measureWrites({ db }: Engine): Promise<string> {
  const table = new ChunkTable(soleRows(db));
  const like = fileRow(0);
  const times = orTiny(2000, 4);
  const took = new Map<string, number[]>([
    ['with the sums', []],
    ['without', []],
  ]);
  let index = 0;
  for (let round = 0; round < 4; round++)
    for (const [how, all] of took) {
      const undo = how === 'without' ? await withoutTriggers(db) : undefined;
      for (let i = 0; i < times / 4; i++, index++) {
        const row = { ...fileAt(like, index), stream_id: `w${index % 50}` };
        const from = performance.now();
        await table.put(row);
        all.push(performance.now() - from);
      }
      await undo?.();
    }
  const rows = [...took].map(([how, all]) => [
    ...[how, String(all.length), ...[0.5, 0.95].map((part) => quantile(sorted(all), part).toFixed(3))],
  ]);
  return printTable(['a file is added', 'times', 'p50 ms', 'p95 ms'], rows);
}

/** Switches the triggers off. @returns switches them on again */
async function withoutTriggers(db: Kysely<Tables>): Promise<() => Promise<void>> {
  if (engineOf(db) === 'postgresql') {
    await sql`ALTER TABLE chunk_file DISABLE TRIGGER USER`.execute(db);
    return async () => {
      await sql`ALTER TABLE chunk_file ENABLE TRIGGER USER`.execute(db);
    };
  }
  const { rows } = await sql<{ name: string; sql: string }>`SELECT name, sql FROM sqlite_schema
    WHERE type = 'trigger' AND tbl_name = 'chunk_file'`.execute(db);
  for (const { name } of rows) await sql`DROP TRIGGER ${sql.ref(name)}`.execute(db);
  return async () => {
    for (const { sql: text } of rows) await sql.raw(text).execute(db);
  };
}
