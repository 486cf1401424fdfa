/**
 * The table of sets of angles.
 * In: nothing. Out: its type for store/schema.ts, its step for store/migrations.ts.
 */

export interface AngleSetTable {
  readonly id: string;
  name: string;
  /** Where it opens, µs on its clock; null: live. */
  at_us: number | null;
  /** JSON: a list of `StoredAngle`. */
  members: string;
  /** As in `Principal.owner`. */
  readonly owner: string;
  readonly created_us: number;
  /** Counts changes. */
  revision: number;
}

export const angleMigration = {
  up: `CREATE TABLE angle_set (
   id TEXT PRIMARY KEY,
   name TEXT NOT NULL,
   at_us INTEGER,
   members TEXT NOT NULL,
   owner TEXT NOT NULL,
   created_us INTEGER NOT NULL,
   revision INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX angle_set_by_time ON angle_set (created_us, id);`,
  down: 'DROP TABLE angle_set;',
  expands: true,
} as const;
