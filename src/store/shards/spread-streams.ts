/**
 * Spreads the streams of a database that was copied over its shards: what a backup has is in the catalogue
 * first, so that an end at any step leaves a complete database.
 * In: a catalogue with all rows, its shards. Out: rows in the shards. docs/decisions/0102.
 */
import { type Kysely, sql } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { createSystemClock } from '../../lib/clock.ts';
import type { Tables } from '../schema.ts';
import { moveStream } from './move-stream.ts';
import { fewestOf, type ShardRow } from './shard-map.ts';
import { fileTables, movedTables, type StreamTable, streamTables } from './stream-rows.ts';

/** Where streams were, by their ids. */
export type Places = ReadonlyMap<string, Pick<ShardRow, 'shard' | 'moving_to' | 'copies_in'>>;

/** Options of `spreadStreams`. */
interface SpreadOptions {
  readonly server: DatabaseServer;
  readonly catalogue: Kysely<Tables>;
  /** By name. */
  readonly shards: ReadonlyMap<string, Kysely<Tables>>;
  /** Before the copy. */
  readonly places: Places;
  readonly signal: AbortSignal;
}

/** Reads where the streams of a catalogue are. */
export async function placesIn(catalogue: Kysely<Tables>): Promise<Places> {
  const rows = await catalogue
    .selectFrom('stream_shard')
    .select(['stream_id', 'shard', 'moving_to', 'copies_in'])
    .execute();
  return new Map(rows.map((row) => [row.stream_id, row]));
}

/**
 * Moves the streams, while no process uses the databases. A shard with a stream that the catalogue did not
 * place there may be that of another catalogue: it is left alone. Abort leaves the other streams in the
 * catalogue.
 *
 * @throws OxbowError as `moveStream`
 */
export async function spreadStreams({ server, catalogue, shards, places, signal }: SpreadOptions): Promise<void> {
  const { newStreams = 'catalogue', weights } = server;
  const own: string[] = [];
  for (const [name, db] of shards) {
    if (!(await isOwn(name, db, places))) continue;
    await emptyShard(db);
    own.push(name);
  }
  const clock = createSystemClock();
  const databaseOf = async (name: string) => shards.get(name) ?? catalogue;
  const streams = await catalogue.selectFrom('stream').select('id').orderBy('id').execute();
  for (const { id: streamId } of streams) {
    signal.throwIfAborted();
    const chosen = newStreams === 'fewest' ? await fewestOf(catalogue, ['', ...own], weights) : newStreams;
    const to = places.get(streamId)?.shard ?? chosen;
    // A stream that stays gets a row too, so that the next choice counts it.
    const options = { catalogue, databaseOf, streamId, clock, signal, graceMs: 0 };
    await moveStream({ ...options, to: own.includes(to) ? to : '' });
  }
}

/** Whether a shard has only streams that the catalogue has placed there, is moving, or has moved away. */
async function isOwn(name: string, db: Kysely<Tables>, places: Places): Promise<boolean> {
  for (const id of await streamsIn(db)) {
    const place = places.get(id);
    if (![place?.shard, place?.moving_to, place?.copies_in].includes(name)) return false;
  }
  return true;
}

/** Ids of the streams that have rows in a database. */
async function streamsIn(db: Kysely<Tables>): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const table of Object.keys(streamTables) as StreamTable[]) {
    const rows = await db.selectFrom(table).select('stream_id').distinct().execute();
    for (const { stream_id } of rows) ids.add(stream_id.split('/', 1)[0]!);
  }
  for (const table of fileTables) {
    const id = sql<string | null>`substring(location from '^recordings/([^/]+)/')`.as('id');
    for (const row of await db.selectFrom(table).select(id).distinct().execute()) ids.add(row.id ?? '');
  }
  return ids;
}

/**
 * Deletes what a shard has of the database of before. The tokens of streams stay: a process that wakes up is
 * refused by them. Deletions of objects go too: the rows of the copy may name these objects.
 */
async function emptyShard(db: Kysely<Tables>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (const table of [...movedTables, 'object_deletion'] as const) await transaction.deleteFrom(table).execute();
  });
}
