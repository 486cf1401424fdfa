import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createSilentLog } from '../observe/log.ts';
import { openStore } from './db.ts';
import { serveHere } from './store.fixture.ts';

/** Settings of the file, its tables, and their rows; none of the lease, which has times and a process. */
function contentOf(file: string): Record<string, unknown> {
  using db = new DatabaseSync(file, { readOnly: true });
  const schema = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all();
  const pragmas = ['user_version', 'application_id', 'journal_mode', 'page_size', 'auto_vacuum', 'encoding'];
  const tables = schema
    .filter(({ type, name }) => type === 'table' && name !== 'lease')
    .map(({ name }) => String(name));
  return {
    schema,
    pragmas: pragmas.map((name) => db.prepare(`PRAGMA ${name}`).get()),
    rows: tables.map((name) => [name, db.prepare(`SELECT * FROM "${name}"`).all()]),
  };
}

test('stores of tests begin with the database that a thread makes by its schemas', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-store-'));
  try {
    const contents: unknown[] = [];
    for (const [name, start] of [['thread'], ['here', serveHere], ['again', serveHere]] as const) {
      const file = join(folder, name, 'oxbow.db');
      await using store = await openStore({ file, log: createSilentLog(), ...(start && { start }) });
      await store.check();
      contents.push({ ...contentOf(file), mode: statSync(file).mode });
    }
    assert.deepEqual(contents.slice(1), [contents[0], contents[0]]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
