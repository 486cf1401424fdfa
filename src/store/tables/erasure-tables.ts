/**
 * The tables of deleted ranges and of legal holds.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0065, 0066.
 */

/**
 * A range of a recording that was deleted on request. It stays when the stream is deleted: only in the
 * database.
 */
export interface ErasureTable {
  readonly id: string;
  readonly stream_id: string;
  /** Name of the stream then. */
  readonly stream: string;
  /** Extent of the deleted segments, µs since 1970. */
  readonly from_us: number;
  readonly to_us: number;
  readonly first_msn: number;
  readonly last_msn: number;
  /** JSON: rows of the timeline there, deleted media and the gaps before it, in order. */
  readonly pieces: string;
  /**
   * JSON of recording/erase/erasure-table.ts ErasureWork: the remaining work; empty when all of it is done.
   */
  work: string;
  /** JSON of recording/erase/erasure-table.ts ErasureReport. */
  report: string;
  readonly created_us: number;
  /** When nothing was left to do. */
  done_us: number | null;
  /** Who requested it, as in the audit log. */
  readonly author: string;
}

/** Deleted ranges; pins that only an administrator lifts. */
export const erasureMigration = {
  up: `CREATE TABLE erasure (
   id TEXT PRIMARY KEY,
   stream_id TEXT NOT NULL,
   stream TEXT NOT NULL,
   from_us INTEGER NOT NULL,
   to_us INTEGER NOT NULL,
   first_msn INTEGER NOT NULL,
   last_msn INTEGER NOT NULL,
   pieces TEXT NOT NULL,
   work TEXT NOT NULL,
   report TEXT NOT NULL,
   created_us INTEGER NOT NULL,
   done_us INTEGER,
   author TEXT NOT NULL
 ) STRICT;
 CREATE INDEX erasure_by_stream ON erasure (stream_id);
 ALTER TABLE pin ADD COLUMN is_hold INTEGER NOT NULL DEFAULT 0;
 ALTER TABLE pin ADD COLUMN reason TEXT NOT NULL DEFAULT '';
 ALTER TABLE pin ADD COLUMN author TEXT NOT NULL DEFAULT '';
 ALTER TABLE pin ADD COLUMN created_us INTEGER NOT NULL DEFAULT 0;`,
  down: `ALTER TABLE pin DROP COLUMN created_us;
 ALTER TABLE pin DROP COLUMN author;
 ALTER TABLE pin DROP COLUMN reason;
 ALTER TABLE pin DROP COLUMN is_hold;
 DROP TABLE erasure;`,
};
