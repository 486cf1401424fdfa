/**
 * Reads the catalogue and its shards as of one moment: moves that begin meanwhile are not seen.
 * In: open databases. Out: transactions, with the streams of each.
 */
import { type Kysely, sql } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import { ShardLost } from '../engine.ts';
import type { Tables } from '../schema.ts';
import { FRESH_MS } from './spread-rows.ts';

/** One of the databases, with the streams whose rows count there. */
export interface ReadShard {
  readonly db: Kysely<Tables>;
  readonly has: (recordingId: string) => boolean;
}

/**
 * Runs a function in a transaction of each database.
 *
 * @param shards by name
 * @throws ShardLost if streams are on a shard that is not among them; OxbowError `not-ready` if the
 *   transactions began so far apart that a move may have deleted rows
 */
export function readShards<T>(
  catalogue: Kysely<Tables>,
  shards: ReadonlyMap<string, Kysely<Tables>>,
  run: (catalogue: Kysely<Tables>, all: readonly ReadShard[]) => Promise<T>,
): Promise<T> {
  return snapshotOf(catalogue, async (source) => {
    const begunAtMs = performance.now();
    const rows = await source.selectFrom('stream_shard').select(['stream_id', 'shard']).execute();
    const places = new Map(rows.map(({ stream_id, shard }) => [stream_id, shard]));
    const missing = rows.find(({ shard }) => shard !== '' && !shards.has(shard));
    if (missing) throw new ShardLost(missing.shard, new Error('the settings have no shard of this name'));
    const readOf = (name: string, db: Kysely<Tables>): ReadShard => ({
      db,
      has: (id) => (places.get(id.split('/', 1)[0]!) ?? '') === name,
    });
    const open = (left: readonly (readonly [string, Kysely<Tables>])[], all: readonly ReadShard[]): Promise<T> => {
      const [next, ...others] = left;
      if (next) return snapshotOf(next[1], (db) => open(others, [...all, readOf(next[0], db)]));
      // Copies that a move leaves are deleted later than this.
      if (shards.size > 0 && performance.now() - begunAtMs > FRESH_MS) {
        throw new OxbowError('not-ready', 'The shards of the database took too long to respond. Try again.');
      }
      return run(source, all);
    };
    return open([...shards], [readOf('', source)]);
  });
}

function snapshotOf<T>(db: Kysely<Tables>, run: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (transaction) => {
      await sql`SELECT 1`.execute(transaction); // the moment
      return run(transaction);
    });
}
