/**
 * `npm run bench -- insight`: the answers of insight over made-up sessions of a month, and what a session
 * costs: in the database, and in sealed hours, with DuckDB if its folder is given.
 * In: a number of sessions. Out: tables of times; bytes per session; rows that are written in a second.
 */
import { hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { InsightApi } from '../../src/api/insight/insight-api.ts';
import { Contents } from '../../src/features/insight/contents.ts';
import { ParquetPlace } from '../../src/features/insight/sealed/parquet-place.ts';
import { sealingWith } from '../../src/features/insight/sealed/sealed.fixture.ts';
import type { ViewingQueries } from '../../src/features/insight/sealed/sealed-reads.ts';
import { ServedInsight } from '../../src/features/insight/served-insight.ts';
import { bucketOf, type Content, HOUR_MS, MINUTE_MS, type ViewingRow } from '../../src/features/insight/viewing-row.ts';
import { ViewingTable } from '../../src/features/insight/viewing-table.ts';
import { OxbowError } from '../../src/lib/errors.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openEngine } from '../../src/store/db.ts';
import { ViewingReads } from '../../src/store/reading/viewing-reads.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { printTable, quantile, say, sorted } from '../report.ts';

/** Rows of one transaction, as the program writes them. */
const ROWS_AT_A_TIME = 500;
const STREAMS = 20;
const DAYS = 30;
const COUNTRIES = ['DE', 'FR', 'CN', 'US', 'BR', ''];
const EDGES = ['', 'eu.example', 'us.example', 'asia.example'];
const MINUTES_EACH = 3;
const START_MS = 1_700_006_400_000;
const TIMES = 20;
/** An answer is not measured again after this long, ms. */
const LONG_MS = 5000;

const film: Content = { kind: 'asset', id: 'film' };
const streamOf = (number: number): Content => ({ kind: 'stream', id: `${number}`.padStart(36, '0') });

/** Numbers that look random and are the same in each run. */
function createRandom(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The rows of a session. @param minute since 1970, in which it begins */
function rowsOf(number: number, minute: number, random: (below: number) => number): ViewingRow[] {
  const content = number % 10 === 0 ? film : streamOf(Math.floor(random(STREAMS * STREAMS) ** 0.5));
  const session = hash('sha256', String(number), 'base64url').slice(0, 16);
  const [edge, country] = [EDGES[random(EDGES.length)]!, COUNTRIES[random(COUNTRIES.length)]!];
  const isPast = content.kind === 'asset' || random(4) === 0;
  const from = content.kind === 'asset' ? random(600) : (START_MS + random(DAYS * 24 * HOUR_MS)) / 1000;
  return Array.from({ length: MINUTES_EACH }, (_, i): ViewingRow => {
    const buckets = isPast ? Array.from({ length: 12 }, (__, at) => bucketOf(from + i * 60 + at * 5)) : [];
    return {
      content,
      session,
      minute: minute + i,
      edge,
      country,
      source: 'event',
      begins: i === 0,
      watchMs: 60_000,
      liveMs: isPast ? 0 : 60_000,
      bitMs: 60_000,
      kbits: 150_000,
      startupMs: i === 0 ? 300 + random(3000) : undefined,
      stalls: random(20) === 0 ? 1 : 0,
      stallMs: 0,
      errors: 0,
      failed: false,
      positionS: isPast ? from + (i + 1) * 60 : undefined,
      leftS: i === MINUTES_EACH - 1 ? from : undefined,
      heat: new Map(buckets.map((bucket) => [bucket, 5000])),
      reached: content.kind === 'asset' ? buckets : [],
    };
  });
}

/** Stores made-up sessions in the order of time, as they come. @returns seconds */
async function storeSessions(table: ViewingTable, sessions: number): Promise<number> {
  const random = createRandom();
  let rows: ViewingRow[] = [];
  const startedAt = performance.now();
  for (let number = 0; number < sessions; number++) {
    const minute = START_MS / MINUTE_MS + Math.floor((number / sessions) * DAYS * 24 * 60);
    rows.push(...rowsOf(number, minute, random));
    if (rows.length < ROWS_AT_A_TIME && number < sessions - 1) continue;
    await table.add(rows);
    rows = [];
    if (number % 100_000 < ROWS_AT_A_TIME / MINUTES_EACH) say(`${number} sessions`);
  }
  return (performance.now() - startedAt) / 1000;
}

function serve(reads: ViewingQueries, contents: Contents): ServedInsight {
  return new ServedInsight({
    reads,
    contents,
    find: async ({ stream, asset }) => (stream ? streamOf(Number(stream)) : asset ? film : undefined),
    playing: () => [],
    flush: async () => undefined,
    node: '',
    hasNodes: false,
    nowMs: () => START_MS + DAYS * 24 * HOUR_MS,
  });
}

/** Builds the database, measures, seals all hours, measures again, and returns the report. */
export async function benchInsight(sessions: number, duckdb: string): Promise<string> {
  await using folder = await openFolder('bench-insight');
  const file = join(folder.path, 'oxbow.db');
  await using engine = await openEngine({ file, log: createSilentLog(), unlimited: true });
  const { db } = engine;
  const sizeOf = async () => {
    await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
    return statSync(file).size;
  };
  const emptyBytes = await sizeOf();
  const contents = new Contents(db);
  const writeS = await storeSessions(new ViewingTable({ db, contents, node: '' }), sessions);
  const bytes = (await sizeOf()) - emptyBytes;
  const reads = new ViewingReads((query) => query(db));
  const inDatabase = await measure(serve(reads, contents));
  const each = (size: number) => `${Math.round(size / sessions)} bytes a session`;
  const rate = (seconds: number) => Math.round((sessions * MINUTES_EACH) / seconds).toLocaleString('en');
  const report = [
    `SQLite: ${sessions.toLocaleString('en')} sessions of ${MINUTES_EACH} minutes in ${DAYS} days, ${STREAMS} streams and a video, ${EDGES.length} edges, ${COUNTRIES.length} countries: ${(bytes / 2 ** 20).toFixed(0)} MiB, ${each(bytes)} with all sums; ${rate(writeS)} rows a second were written`,
    printTable(['answer', 'times', 'p50 ms', 'p95 ms'], inDatabase),
  ];
  const place = { folder: join(folder.path, 'insight'), memoryMb: 512, threads: 2 };
  {
    await using files = new ParquetPlace({ ...place, duckdb: '/nowhere' });
    const { seal, table, reads: sealed } = sealingWith(db, files, { contents });
    const beganAt = performance.now();
    await seal();
    const sealS = (performance.now() - beganAt) / 1000;
    const { batches, bytes: fileBytes } = await table.totals();
    await sql`VACUUM`.execute(db);
    const sums = (await sizeOf()) - emptyBytes;
    report.push(
      `sealed: ${batches} files with ${each(fileBytes)}; the sums that stay in SQLite have ${each(sums)}; ${rate(sealS)} rows a second were sealed`,
      'without DuckDB:',
      printTable(['answer', 'times', 'p50 ms', 'p95 ms'], await measure(serve(sealed, contents), true)),
    );
  }
  if (duckdb !== '') {
    await using files = new ParquetPlace({ ...place, duckdb });
    const { reads: sealed } = sealingWith(db, files, { contents });
    report.push(
      `${await files.check({ signal: AbortSignal.timeout(10_000) })}:`,
      printTable(['answer', 'times', 'p50 ms', 'p95 ms'], await measure(serve(sealed, contents), true)),
    );
  }
  return report.join('\n\n');
}

/** @param isOfRows only answers that read rows of sessions, not those of sums */
async function measure(api: InsightApi, isOfRows = false): Promise<string[][]> {
  const month = { fromMs: START_MS, toMs: START_MS + DAYS * 24 * HOUR_MS };
  const day = { fromMs: START_MS, toMs: START_MS + 24 * HOUR_MS };
  const hour = { fromMs: START_MS, toMs: START_MS + HOUR_MS };
  const page = { limit: 100, cursor: undefined };
  const ofSums: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['audience of a month, all', () => api.audience({}, month, undefined, 0)],
    ['audience of a month, by country', () => api.audience({}, month, 'country', 0)],
    ['audience of a month, by stream', () => api.audience({}, month, 'stream', 0)],
    ['quality of a month, by edge', () => api.quality({}, month, 'edge')],
    ['quality of a day, one stream, by hour', () => api.quality({ stream: '19' }, day, 'hour')],
    ['heat of a day of one stream', () => api.heat('19', day, 0, 10)],
    ['heat of a month of one stream', () => api.heat('19', month, 0, 10)],
    ['retention of a video, a month', () => api.retention('film', month)],
  ];
  const ofRows: typeof ofSums = [
    ['audience of an hour by minutes, one stream', () => api.audience({ stream: '19' }, hour, undefined, 60)],
    ['quality of a month, by edge, exact', () => api.quality({}, month, 'edge', { exact: true })],
    ['quality of a day, one stream, exact', () => api.quality({ stream: '19' }, day, undefined, { exact: true })],
    ['first 100 sessions of a month', () => api.sessions({}, month, page)],
    ['first 100 sessions of a day of one stream', () => api.sessions({ stream: '19' }, day, page)],
    ['10,000 sessions for CSV', () => api.sessions({}, month, { limit: 10_000, cursor: undefined })],
  ];
  const figures: string[][] = [];
  for (const [name, answer] of isOfRows ? ofRows : [...ofSums, ...ofRows]) {
    const ms: number[] = [];
    try {
      for (let i = 0, total = 0; i < TIMES && total < LONG_MS; i++, total += ms.at(-1)!) {
        const beganAt = performance.now();
        await answer();
        ms.push(performance.now() - beganAt);
      }
    } catch (error) {
      if (!(error instanceof OxbowError) || error.code !== 'needs-duckdb') throw error;
      figures.push([name, '', 'refused', '']);
      continue;
    }
    const times = sorted(ms);
    figures.push([name, `${ms.length}`, quantile(times, 0.5).toFixed(1), quantile(times, 0.95).toFixed(1)]);
  }
  return figures;
}
