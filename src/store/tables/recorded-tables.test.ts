import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { migrations } from '../migrations.ts';
import { changeSqliteSchema, openSqlite } from '../sqlite/sqlite.ts';
import { recordedMigration } from './recorded-tables.ts';

test('an upgrade sums up what is there, and the step can be taken back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-recorded-'));
  try {
    const file = join(folder, 'oxbow.db');
    openSqlite(file, 0)[Symbol.dispose]();
    const rowsOf = () => {
      using db = new DatabaseSync(file);
      return ['recorded_quarter', 'recorded_day', 'recorded_total', 'stored_total'].map((table) =>
        db.prepare(`SELECT * FROM ${table}`).all(),
      );
    };
    {
      using db = new DatabaseSync(file);
      db.exec('BEGIN');
      const insert = db.prepare(`INSERT INTO chunk_file VALUES
        (?, ?, ?, ?, ?, 'path', ?, 1, 0, 'source', 1, 0, ?, '[]', x'00', 0)`);
      for (const id of ['a', 'a/q-360p', 'b'])
        for (let minute = 0; minute < 3000; minute += 7)
          insert.run(id, minute, minute, minute * 60e6, minute * 60e6 + 61e6, 1000 + minute, minute % 5);
      const store = db.prepare(`INSERT INTO stored_object VALUES (?, ?, 'key', ?, '', 1, 1, 0, '', '')`);
      for (let i = 0; i < 9; i++) store.run(`recordings/a/${i}.mp4`, i % 2 === 0 ? 'one' : 'two', i);
      db.exec('COMMIT');
    }
    const kept = rowsOf();
    assert.deepEqual(
      kept.map((rows) => rows.length),
      [3 * 200, 3 * 3, 3, 2],
    );
    const before = migrations.indexOf(recordedMigration);
    changeSqliteSchema(file, before);
    {
      using db = new DatabaseSync(file);
      const left = db.prepare(
        `SELECT name FROM sqlite_schema WHERE name GLOB 'recorded_*' OR name GLOB 'stored_total*'`,
      );
      assert.deepEqual(left.all(), []);
      db.exec(`DELETE FROM chunk_file WHERE stream_id = 'nothing'`); // without triggers that miss their tables
    }
    changeSqliteSchema(file, migrations.length);
    assert.deepEqual(rowsOf(), kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
