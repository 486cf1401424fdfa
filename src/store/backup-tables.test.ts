import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { test } from 'node:test';
import { createSilentLog } from '../observe/log.ts';
import { momentary, writeBackup } from './backup.ts';
import { copiedTables } from './copy.ts';
import { openStore } from './db.ts';
import { restoreBackup } from './restore.ts';

/** Tables whose content is made again. */
const remade = ['asset_search', 'recorded_', 'stored_total'];

type Row = Record<string, SQLInputValue>;

/** A row whose values differ by column; `known` has columns with rules of their own. */
function rowOf(db: DatabaseSync, table: string): Row {
  const columns = db.prepare(`SELECT name, type FROM pragma_table_info(?)`).all(table) as {
    name: string;
    type: string;
  }[];
  return Object.fromEntries(
    columns.map(({ name, type }, i): [string, SQLInputValue] => {
      if (type === 'BLOB') return [name, Buffer.from(`bytes ${i}`)];
      return [name, type === 'TEXT' ? `text ${i}` : i + 1];
    }),
  );
}

const read = (file: string, table: string): Row[] => {
  using db = new DatabaseSync(file, { readOnly: true });
  const rows = db.prepare(`SELECT * FROM ${table}`).all() as Row[];
  return rows.map((row) => ({ ...row }));
};

test('a row of every table is back after a restore, unless the table is listed as momentary or made again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-backup-tables-'));
  try {
    const at = (name: string) => join(folder, name);
    const database = at('data/oxbow.db');
    await (await openStore({ file: database, log: createSilentLog() }))[Symbol.asyncDispose]();
    const tables: string[] = [];
    {
      using db = new DatabaseSync(database);
      db.exec('PRAGMA foreign_keys = OFF');
      const found = db
        .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'`)
        .all();
      for (const { name } of found as { name: string }[]) {
        if (remade.some((each) => name.startsWith(each))) continue;
        tables.push(name);
        db.exec(`DELETE FROM ${name}`);
        const row = rowOf(db, name);
        const names = Object.keys(row);
        db.prepare(`INSERT INTO ${name} (${names.join()}) VALUES (${names.map(() => '?').join()})`).run(
          ...Object.values(row),
        );
      }
    }
    // With a database server, copy.ts makes the file that is backed up.
    assert.deepEqual(tables.toSorted(), [...copiedTables, 'row_change', 'stream_shard'].toSorted());
    const backup = at('copy.db');
    const { signal } = new AbortController();
    await writeBackup({ database, target: backup, files: [], version: '1.0.0', nowMs: 0, signal });
    const restored = at('restored/oxbow.db');
    await restoreBackup({ backup, database: restored, files: [], nowMs: 0 });
    const lost = tables.filter((table) => read(restored, table).length === 0);
    assert.deepEqual(
      lost.toSorted(),
      tables.filter((table) => (momentary as readonly string[]).includes(table)).toSorted(),
    );
    for (const table of tables) {
      if (lost.includes(table) || table === 'lease') continue; // a lease has no owner afterwards
      assert.deepEqual(read(restored, table), read(database, table), table);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
