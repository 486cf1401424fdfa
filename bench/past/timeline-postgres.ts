/**
 * `npm run bench -- timeline-postgres`: the queries of `timeline` on a PostgreSQL server and on SQLite, on
 * the same index.
 * In: an index of generated files; a server that is started for the measurement, with its data on the
 * disk. Out: a table; the limit is twice the time of SQLite and 3 ms at p99: a query crosses the network once
 * or more.
 */
import { join } from 'node:path';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { copyRows } from '../../src/store/copy.ts';
import { openEngine } from '../../src/store/db.ts';
import { tidy } from '../../src/store/move.ts';
import { soleRows } from '../../src/store/shards/stream-rows.ts';
import { startPostgres } from '../../test/fixtures/engines/postgres.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { printTable, say } from '../report.ts';
import { build, measureQueries } from '../timeline.ts';

const FILES_PER_DAY = 1440;
const FACTOR = 2;
const ADDED_MS = 3;

/** Builds the index, copies it, measures both, and returns the report. */
export async function benchTimelinePostgres(streams: number, days: number): Promise<string> {
  const log = createSilentLog();
  await using folder = await openFolder('bench-timeline');
  const file = join(folder.path, 'oxbow.db');
  await (await openEngine({ file, log }))[Symbol.asyncDispose]();
  build(file, streams, days * FILES_PER_DAY);
  await using sqlite = await openEngine({ file, log });
  await using server = await startPostgres({ settings: ['shared_buffers=256MB', 'max_wal_size=4GB'] });
  const settings = { url: server.url('postgres'), replicaUrl: undefined, replicaLag: 2000, pool: 10 };
  await using postgres = await openEngine({ file: '', log, server: settings, unlimited: true });
  const { signal } = new AbortController();
  const startedAt = performance.now();
  const progress = (done: number, total: number) => {
    if (done % 100_000 === 0) say(`copied ${Math.round((done / total) * 100)} %`);
  };
  const copied = await copyRows(sqlite.db, postgres.db, { overwrite: true, signal, progress });
  await tidy(postgres.db);
  const copyS = (performance.now() - startedAt) / 1000;
  const files = copied.get('chunk_file')!;
  const [inFile, onServer] = [sqlite, postgres].map(
    ({ db }) =>
      () =>
        measureQueries(new ChunkQueries(soleRows(db)), streams, days),
  );
  const before = await inFile!();
  const there = await onServer!();
  const rows = before.map(({ query, times, p50, p99 }, i) => {
    const other = there[i]!;
    const limit = FACTOR * p99 + ADDED_MS;
    const figures = [p50, p99, other.p50, other.p99, limit].map((ms) => ms.toFixed(2));
    return [query, String(times), ...figures, other.p99 <= limit ? 'within' : 'beyond'];
  });
  return [
    `${streams} streams of ${days} days: ${files.toLocaleString('en')} rows, copied in ${copyS.toFixed(0)} s (\`oxbow db copy\`)`,
    printTable(
      ['query', 'times', 'SQLite p50 ms', 'p99', 'PostgreSQL p50 ms', 'p99', `limit: ${FACTOR} × + ${ADDED_MS} ms`, ''],
      rows,
    ),
  ].join('\n\n');
}
