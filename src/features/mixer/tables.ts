/**
 * The table of mixers.
 * In: nothing. Out: types for store/schema.ts, SQL for migrations.ts.
 */

/** A stream that is a mixer; see features/mixer/mixer-table.ts. */
export interface MixerTable {
  readonly stream_id: string;
  /** JSON of `MixerConfig`. */
  config: string;
  /** Name of the input of the last cut. */
  chosen: string;
}

export const mixerMigration = {
  up: `CREATE TABLE mixer (
   stream_id TEXT PRIMARY KEY,
   config TEXT NOT NULL,
   chosen TEXT NOT NULL
 ) STRICT, WITHOUT ROWID;`,
  down: 'DROP TABLE mixer;',
  expands: true,
} as const;
