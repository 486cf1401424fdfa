/**
 * The table of settings that administrators have set in the browser.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/9-run/settings.md.
 */

export interface SettingTable {
  /** As in a file, e.g. `record.keep`. */
  readonly path: string;
  /** As in a file, e.g. `7d`; null: it was set once, and has its default again. */
  value: string | null;
}

/** Settings. */
export const settingMigration = {
  up: `CREATE TABLE setting (
   path TEXT PRIMARY KEY,
   value TEXT
 ) STRICT, WITHOUT ROWID;`,
  down: `DROP TABLE setting;`,
};
