/**
 * The table of the shards of streams, in the catalogue: where the rows of each stream are that grow with its
 * recorded time.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0102.
 */

/** The place of the rows of a stream. A stream without a row has them in the catalogue, and never moved. */
export interface StreamShardTable {
  readonly stream_id: string;
  /** Name of the shard in the settings; empty: the catalogue. */
  shard: string;
  /** Newest token of the stream. A write needs the newest one that its database has seen. */
  token: number;
  /** Where the rows are being moved to; null: they are not. */
  moving_to: string | null;
  /** The mover holds the writes until then, unless it ends the hold before; 0: it does not. */
  held_until_us: number;
  /** The database that still has copies of the rows, which nothing reads; null: none has. */
  copies_in: string | null;
  changed_us: number;
}

/** Where the rows of streams are. */
export const streamShardMigration = {
  up: `CREATE TABLE stream_shard (
   stream_id TEXT PRIMARY KEY,
   shard TEXT NOT NULL,
   token INTEGER NOT NULL,
   moving_to TEXT,
   held_until_us INTEGER NOT NULL,
   copies_in TEXT,
   changed_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX stream_shard_by_change ON stream_shard (changed_us);`,
  // Fails by the name of its constraint while a shard has rows.
  down: `CREATE TABLE rows_of_shards_would_be_lost (
     streams INTEGER NOT NULL CONSTRAINT rows_of_shards_would_be_lost CHECK (streams = 0)
   );
 INSERT INTO rows_of_shards_would_be_lost SELECT count(*) FROM stream_shard WHERE shard <> '';
 DROP TABLE rows_of_shards_would_be_lost;
 DROP TABLE stream_shard;`,
};
