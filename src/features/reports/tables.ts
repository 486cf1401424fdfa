/**
 * The table of weekly reports: which were sent.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/9-run/insight-pages.md.
 */

/** A report that a node sends or has sent. */
export interface ReportTable {
  /** End of the week that it is about. */
  readonly to_us: number;
  /** When a node began to send it. */
  claimed_us: number;
  /** null: it is being sent, or the node ended meanwhile. */
  sent_us: number | null;
}

export const reportMigration = {
  up: `CREATE TABLE report (
   to_us INTEGER PRIMARY KEY,
   claimed_us INTEGER NOT NULL,
   sent_us INTEGER
 ) STRICT, WITHOUT ROWID;`,
  down: 'DROP TABLE report;',
  expands: true,
} as const;
