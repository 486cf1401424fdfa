/**
 * The table of healing: what was tried for each gap; and the further sources of streams.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0112.
 */

/** What is tried for one gap of a stream. */
export interface GapHealingTable {
  readonly stream_id: string;
  /** Start of the gap, µs since 1970. */
  readonly from_us: number;
  to_us: number;
  /** `waiting`, `healed`, `partly` or `lost`. */
  state: string;
  attempts: number;
  /** When the next attempt begins, µs since 1970; 0: none is made. */
  next_us: number;
  /** Why it is not healed, or not all of it. */
  reason: string;
  /** Found media, µs. */
  healed_us: number;
  /** What was asked last, as `GapRecord` has it. */
  sources: string;
}

/** The table, and the column `heal_from` of `stream`. */
export const healingMigration = {
  up: `ALTER TABLE stream ADD COLUMN heal_from TEXT;
 CREATE TABLE gap_healing (
   stream_id TEXT NOT NULL,
   from_us INTEGER NOT NULL,
   to_us INTEGER NOT NULL,
   state TEXT NOT NULL,
   attempts INTEGER NOT NULL,
   next_us INTEGER NOT NULL,
   reason TEXT NOT NULL,
   healed_us INTEGER NOT NULL,
   PRIMARY KEY (stream_id, from_us)
 ) STRICT, WITHOUT ROWID;`,
  down: `DROP TABLE gap_healing;
 ALTER TABLE stream DROP COLUMN heal_from;`,
  expands: true,
};

/** The column `sources`: a gap that no source has is tried again when the stream has other sources. */
export const healingSourcesMigration = {
  up: "ALTER TABLE gap_healing ADD COLUMN sources TEXT NOT NULL DEFAULT '';",
  down: 'ALTER TABLE gap_healing DROP COLUMN sources;',
  expands: true,
};
