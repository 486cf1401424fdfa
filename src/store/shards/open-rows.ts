/**
 * Opens the rows of streams of a database server: in its database, or spread over its shards.
 * In: the settings of the server, the catalogue. Out: StreamRows. docs/decisions/0102.
 */
import type { Kysely } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createSilentLog, type Log } from '../../observe/log.ts';
import type { Guard, OnWait, ReadQuery } from '../engine.ts';
import type { Fence } from '../lease-table.ts';
import type { Tables } from '../schema.ts';
import { openShardServer, type ShardServer } from './shard-server.ts';
import { SpreadRows } from './spread-rows.ts';
import { readOnlyRows, type StreamRows, soleRows } from './stream-rows.ts';

/** Options of `openRows`. */
interface RowsOptions {
  readonly db: Kysely<Tables>;
  readonly readPast: <T>(query: ReadQuery<T>) => Promise<T>;
  readonly fence: () => Fence | undefined;
  readonly log: Log;
  readonly onWait: OnWait;
  /** Makes the attempts to reach a shard. */
  readonly guardOf?: ((shard: string) => Promise<Guard>) | undefined;
  readonly unlimited?: boolean | undefined;
  /** Whether to migrate the shards to the newest schema; default true. */
  readonly migrate?: boolean;
}

/** The open rows, with the shards that they are in. */
interface OpenRows {
  readonly rows: StreamRows;
  readonly shards: readonly ShardServer[];
}

/**
 * Opens the rows, with `opened` as their owner. Without shards in the settings, and without a stream on one,
 * all are in the catalogue.
 */
export async function openRows(
  server: DatabaseServer | undefined,
  options: RowsOptions,
  opened: AsyncDisposableStack,
): Promise<OpenRows> {
  const { db, readPast, fence, log, guardOf } = options;
  const isSpread = server && (Object.keys(server.shards ?? {}).length > 0 || (await usesShards(db)));
  if (!isSpread) return { rows: { ...soleRows(db, fence), readPast: (_id, query) => readPast(query) }, shards: [] };
  const shards = await Promise.all(
    Object.entries(server.shards ?? {}).map(async ([name, url]) =>
      opened.use(
        await openShardServer({ ...options, name, server: shardOf(server, name, url), guard: await guardOf?.(name) }),
      ),
    ),
  );
  const { newStreams = 'catalogue', weights = {} } = server;
  const clock = createSystemClock();
  const rows = opened.use(await SpreadRows.open({ db, readPast, shards, fence, newStreams, weights, clock, log }));
  return { rows, shards };
}

/** The server of a shard, with its replica. */
function shardOf(server: DatabaseServer, name: string, url: string): DatabaseServer {
  return { ...server, url, replicaUrl: server.shardReplicas?.[name] };
}

/** The rows of a database that may be in use, only to be read. */
export async function openReadRows(
  server: DatabaseServer,
  db: Kysely<Tables>,
  opened: AsyncDisposableStack,
): Promise<StreamRows> {
  const options = {
    db,
    readPast: <T>(query: ReadQuery<T>) => query(db),
    fence: () => undefined,
    log: createSilentLog(),
    onWait: () => undefined,
    migrate: false,
  };
  return readOnlyRows((await openRows(server, options, opened)).rows);
}

/** Whether a stream is on a shard, or being moved to one. */
export async function usesShards(db: Kysely<Tables>): Promise<boolean> {
  const row = await db
    .selectFrom('stream_shard')
    .select('shard')
    .where((eb) => eb.or([eb('shard', '<>', ''), eb('moving_to', 'is not', null)]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
