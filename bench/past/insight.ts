/**
 * `npm run bench -- insight`: the answers of insight over made-up sessions of a month, and what a session
 * costs in the database.
 * In: a number of sessions. Out: a table of times; bytes per session; rows that are written in a second.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { InsightApi } from '../../src/api/insight/insight-api.ts';
import { Contents } from '../../src/features/insight/contents.ts';
import { ServedInsight } from '../../src/features/insight/served-insight.ts';
import { bucketOf, type Content, HOUR_MS, MINUTE_MS, type ViewingRow } from '../../src/features/insight/viewing-row.ts';
import { ViewingTable } from '../../src/features/insight/viewing-table.ts';
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
  const session = `s${number}`.padEnd(16, 'x');
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

/** Builds the database, measures, and returns the report. */
export async function benchInsight(sessions: number): Promise<string> {
  await using folder = await openFolder('bench-insight');
  const file = join(folder.path, 'oxbow.db');
  await using engine = await openEngine({ file, log: createSilentLog(), unlimited: true });
  const { db } = engine;
  const emptyBytes = statSync(file).size;
  const contents = new Contents(db);
  const table = new ViewingTable({ db, contents, node: '' });
  const random = createRandom();
  let rows: ViewingRow[] = [];
  const startedAt = performance.now();
  for (let number = 0; number < sessions; number++) {
    // In the order of time, as they come.
    const minute = START_MS / MINUTE_MS + Math.floor((number / sessions) * DAYS * 24 * 60);
    rows.push(...rowsOf(number, minute, random));
    if (rows.length < ROWS_AT_A_TIME && number < sessions - 1) continue;
    await table.add(rows);
    rows = [];
    if (number % 100_000 < ROWS_AT_A_TIME / MINUTES_EACH) say(`${number} sessions`);
  }
  const writeS = (performance.now() - startedAt) / 1000;
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
  const bytes = statSync(file).size - emptyBytes;
  const api = new ServedInsight({
    reads: new ViewingReads((query) => query(db)),
    contents,
    find: async ({ stream, asset }) => (stream ? streamOf(Number(stream)) : asset ? film : undefined),
    playing: () => [],
    flush: async () => undefined,
    node: '',
    hasNodes: false,
    nowMs: () => START_MS + DAYS * 24 * HOUR_MS,
  });
  const figures = await measure(api);
  const written = Math.round((sessions * MINUTES_EACH) / writeS).toLocaleString('en');
  return [
    `SQLite: ${sessions.toLocaleString('en')} sessions of ${MINUTES_EACH} minutes in ${DAYS} days, ${STREAMS} streams and a video, ${EDGES.length} edges, ${COUNTRIES.length} countries: ${(bytes / 2 ** 20).toFixed(0)} MiB, ${Math.round(bytes / sessions)} bytes a session with all sums; ${written} rows a second were written`,
    printTable(['answer', 'times', 'p50 ms', 'p95 ms'], figures),
  ].join('\n\n');
}

async function measure(api: InsightApi): Promise<string[][]> {
  const month = { fromMs: START_MS, toMs: START_MS + DAYS * 24 * HOUR_MS };
  const day = { fromMs: START_MS, toMs: START_MS + 24 * HOUR_MS };
  const hour = { fromMs: START_MS, toMs: START_MS + HOUR_MS };
  const page = { limit: 100, cursor: undefined };
  const answers: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['audience of a month, all', () => api.audience({}, month, undefined, 0)],
    ['audience of a month, by country', () => api.audience({}, month, 'country', 0)],
    ['audience of a month, by stream', () => api.audience({}, month, 'stream', 0)],
    ['audience of an hour by minutes, one stream', () => api.audience({ stream: '19' }, hour, undefined, 60)],
    ['quality of a month, by edge', () => api.quality({}, month, 'edge')],
    ['quality of a day, one stream, by hour', () => api.quality({ stream: '19' }, day, 'hour')],
    ['heat of a day of one stream', () => api.heat('19', day, 0, 10)],
    ['heat of a month of one stream', () => api.heat('19', month, 0, 10)],
    ['retention of a video, a month', () => api.retention('film', month)],
    ['first 100 sessions of a month', () => api.sessions({}, month, page)],
    ['first 100 sessions of a day of one stream', () => api.sessions({ stream: '19' }, day, page)],
    ['10,000 sessions for CSV', () => api.sessions({}, month, { limit: 10_000, cursor: undefined })],
  ];
  const figures: string[][] = [];
  for (const [name, answer] of answers) {
    const ms: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      const beganAt = performance.now();
      await answer();
      ms.push(performance.now() - beganAt);
    }
    const times = sorted(ms);
    figures.push([name, `${TIMES}`, quantile(times, 0.5).toFixed(1), quantile(times, 0.95).toFixed(1)]);
  }
  return figures;
}
