/**
 * The tables of cases, which are only in the database: no file of a recording names them.
 * In: nothing. Out: types for store/schema.ts, SQL for migrations.ts. docs/decisions/0116.
 */

export interface CaseFileTable {
  readonly id: string;
  title: string;
  description: string;
  /** Owner, as in `Principal.owner`. */
  readonly owner: string;
  /** Who opened it, as in the audit log. */
  readonly author: string;
  readonly created_us: number;
  /** null: it is open. */
  closed_us: number | null;
  /** Rises with every change of the case, its ranges and its notes. */
  revision: number;
}

/** A range of a recording in a case. */
export interface CaseRangeTable {
  readonly id: string;
  readonly case_id: string;
  readonly stream_id: string;
  /** Name of the stream when it was added. */
  readonly stream: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly title: string;
  /** The legal hold on it, a row of `pin`; null: the case is closed. */
  hold_id: string | null;
  readonly author: string;
  readonly added_us: number;
}

/** A note or a marker of a case. */
export interface CaseNoteTable {
  readonly id: string;
  readonly case_id: string;
  /** null: it is about no range. */
  readonly range_id: string | null;
  /** null: it marks no instant. */
  readonly at_us: number | null;
  readonly text: string;
  readonly author: string;
  readonly created_us: number;
}

export const caseMigration = {
  up: `CREATE TABLE case_file (
   id TEXT PRIMARY KEY,
   title TEXT NOT NULL,
   description TEXT NOT NULL,
   owner TEXT NOT NULL,
   author TEXT NOT NULL,
   created_us INTEGER NOT NULL,
   closed_us INTEGER,
   revision INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX case_file_by_time ON case_file (created_us, id);
 CREATE TABLE case_range (
   id TEXT PRIMARY KEY,
   case_id TEXT NOT NULL,
   stream_id TEXT NOT NULL,
   stream TEXT NOT NULL,
   from_us INTEGER NOT NULL,
   to_us INTEGER NOT NULL,
   title TEXT NOT NULL,
   hold_id TEXT,
   author TEXT NOT NULL,
   added_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX case_range_by_case ON case_range (case_id, from_us);
 CREATE TABLE case_note (
   id TEXT PRIMARY KEY,
   case_id TEXT NOT NULL,
   range_id TEXT,
   at_us INTEGER,
   text TEXT NOT NULL,
   author TEXT NOT NULL,
   created_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX case_note_by_case ON case_note (case_id, created_us);`,
  down: `DROP TABLE case_note;
 DROP TABLE case_range;
 DROP TABLE case_file;`,
  expands: true,
} as const;
