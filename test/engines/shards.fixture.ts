/**
 * Two PostgreSQL servers: one with catalogues, one with shards, which a test may kill.
 * In: nothing. Out: settings of a server with a shard `b`; rows to store; what a database has.
 */
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import type { Selectable } from 'kysely';
import { packSegments } from '../../src/archive/segment-index.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openEngine } from '../../src/store/db.ts';
import type { ChunkFileTable } from '../../src/store/schema.ts';
import { type StreamTable, streamTables } from '../../src/store/shards/stream-rows.ts';
import { openDatabases, type PostgresServer, startPostgres } from '../fixtures/engines/postgres.ts';

/** Settings with an empty catalogue and an empty shard `b`. */
export interface ShardedSettings {
  readonly url: string;
  readonly shards: Readonly<Record<string, string>>;
  readonly newStreams: string;
  readonly replicaUrl: undefined;
  readonly pool: number;
  readonly replicaLag: number;
}

export interface ShardedServers extends AsyncDisposable {
  /** The server of the shards. */
  readonly shard: PostgresServer;
  create(): Promise<ShardedSettings>;
}

export async function openShards(): Promise<ShardedServers> {
  await using opened = new AsyncDisposableStack();
  const catalogues = opened.use(await openDatabases());
  const shard = opened.use(await startPostgres());
  const owned = opened.move();
  return {
    shard,
    async create() {
      const [url, b] = [catalogues.url(await catalogues.create()), shard.url(await shard.create())];
      return { url, shards: { b }, newStreams: 'catalogue', replicaUrl: undefined, pool: 4, replicaLag: 2000 };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The group of a row. */
const groupAt = (msn: number): CommittedGroup => ({
  msn,
  run: 1,
  utcOffsetUs: 0,
  clock: 'source',
  startUs: msn * 60_000_000,
  durationUs: 60_000_000,
  discontinuity: false,
  discontinuitySequence: 0,
  gaps: [],
  tracks: [{ trackId: 1, offset: 0, length: 1, tfdt: 0, duration: 1, firstPtsOffset: 0, samples: 1, flags: 1, crc: 0 }],
});

/** The row of a file with the segment `n`, of one byte. */
export function chunkAt(streamId: string, n: number): Selectable<ChunkFileTable> {
  return {
    stream_id: streamId,
    first_msn: n,
    last_msn: n,
    start_us: n * 60_000_000,
    end_us: (n + 1) * 60_000_000,
    path: `recordings/${streamId}/${n}.mp4`,
    size: 1,
    run: 1,
    utc_offset_us: 0,
    run_clock: 'source',
    init_number: 1,
    discontinuity_sequence: 0,
    segment_count: 1,
    absences: '[]',
    incomplete: 0,
    segments: packSegments([groupAt(n)]),
  };
}

/** Number of rows of streams in a database. */
export async function rowsIn(url: string): Promise<Record<StreamTable, number>> {
  const server = { url, replicaUrl: undefined, pool: 2, replicaLag: 2000 };
  await using engine = await openEngine({ file: '', server, log: createSilentLog() });
  const counts: Partial<Record<StreamTable, number>> = {};
  for (const table of Object.keys(streamTables) as StreamTable[]) {
    const { rows } = await engine.db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow();
    counts[table] = rows;
  }
  return counts as Record<StreamTable, number>;
}

/** Keys of the objects of a table in a database. */
export async function objectsIn(
  url: string,
  table: 'stored_object' | 'object_upload' | 'object_deletion' = 'stored_object',
): Promise<readonly string[]> {
  const server = { url, replicaUrl: undefined, pool: 2, replicaLag: 2000 };
  await using engine = await openEngine({ file: '', server, log: createSilentLog() });
  return (await engine.db.selectFrom(table).select('key').execute()).map(({ key }) => key);
}
