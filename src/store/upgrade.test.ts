import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { test } from 'node:test';
import { migrations, oldestFor, upOf } from './migrations.ts';
import { sealedAddressMigration } from './sealed/sealed-step.ts';
import { openSqlite } from './sqlite/sqlite.ts';

const NOW_MS = Date.UTC(2026, 0, 2);
const NEWEST = migrations.length;

function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'oxbow-upgrade-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const sampleOf: Readonly<Record<string, SQLInputValue>> = {
  INTEGER: 7,
  TEXT: 'text',
  REAL: 0.5,
  BLOB: new Uint8Array([1, 2, 3]),
};

/** Tables and columns that a later schema renamed. */
const renamed: Readonly<Record<string, string>> = {
  stream_presence: 'stream_on_air',
  e_us: 'utc_offset_us',
  gone_before_us: 'deleted_before_us',
};

type Rows = Readonly<Record<string, readonly Record<string, unknown>[]>>;

const tablesOf = (db: DatabaseSync): string[] =>
  db
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
       AND name NOT LIKE 'asset_search%' ORDER BY name`, // FTS5 checks what its own tables contain
    )
    .all()
    .map(({ name }) => name as string);

/** All rows of some tables, in stored order. */
function rowsOf(db: DatabaseSync, tables = tablesOf(db)): Rows {
  return Object.fromEntries(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]));
}

/** Creates a database of an older schema with a row in each table. */
function makeOld(file: string, version: number): Rows {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA synchronous = OFF; BEGIN'); // no power fails while it is made
    for (const step of migrations.slice(0, version)) db.exec(upOf(step));
    db.exec(`PRAGMA user_version = ${version}`);
    for (const table of tablesOf(db)) {
      const columns = db.prepare(`PRAGMA table_info(${table})`).all() as { name: string; type: string }[];
      const names = columns.map(({ name }) => name).join(', ');
      const places = columns.map(() => '?').join(', ');
      db.exec(`DELETE FROM ${table}`); // triggers may have written into it
      db.prepare(`INSERT INTO ${table} (${names}) VALUES (${places})`).run(
        ...columns.map(({ type }) => sampleOf[type]!),
      );
    }
    db.exec('COMMIT');
    return rowsOf(db);
  } finally {
    db.close();
  }
}

function look<T>(file: string, see: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return see(db);
  } finally {
    db.close();
  }
}

const versionOf = (db: DatabaseSync): number => db.prepare('PRAGMA user_version').get()!.user_version as number;

for (let version = 1; version < NEWEST; version++) {
  test(`a database of schema ${version} is upgraded to ${NEWEST} with all its rows, and a copy is kept`, () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'oxbow.db');
    const rows = makeOld(file, version);
    {
      using db = openSqlite(file, NOW_MS);
      assert.equal(db.movedTo, undefined);
    }
    look(file, (db) => {
      assert.equal(versionOf(db), NEWEST);
      for (const [table, old] of Object.entries(rows)) {
        const name = renamed[table] ?? table;
        const upgraded = rowsOf(db, [name])[name]!;
        assert.equal(upgraded.length, old.length, table);
        // A step may add columns; old values stay.
        for (const [index, row] of old.entries()) {
          const now = Object.fromEntries(
            Object.entries(row).map(([column, value]) => [renamed[column] ?? column, value]),
          );
          assert.deepEqual({ ...upgraded[index], ...now }, { ...upgraded[index] });
        }
      }
    });
    look(`${file}.schema-${version}`, (db) => assert.deepEqual([versionOf(db), rowsOf(db)], [version, rows]));
  });
}

test('an upgraded database has the tables and indexes of a new one', () => {
  using folder = temporaryFolder();
  const [old, fresh] = ['old.db', 'new.db'].map((name) => join(folder.path, name)) as [string, string];
  makeOld(old, 1);
  for (const file of [old, fresh]) openSqlite(file, NOW_MS)[Symbol.dispose]();
  const schema = (db: DatabaseSync) =>
    db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all();
  assert.deepEqual(look(old, schema), look(fresh, schema));
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith('new.db.')),
    [],
    'a new one has no copy',
  );
});

test('a failed step leaves schema and rows unchanged, is reported, and the copy is written once', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  makeOld(file, NEWEST - 1);
  const step = upOf(migrations[NEWEST - 1]!);
  const [, made] = /^CREATE (?:TABLE|INDEX) (\w+)/.exec(step) ?? [];
  const [, altered, column] = /^ALTER TABLE (\w+) (?:ADD|RENAME) COLUMN (?:\w+ TO )?(\w+)/.exec(step) ?? [];
  assert.ok(made ?? column, 'the newest step begins with a table, an index or a column');
  const db = new DatabaseSync(file);
  db.exec(made ? `CREATE TABLE ${made} (other INTEGER) STRICT` : `ALTER TABLE ${altered} ADD COLUMN ${column} INTEGER`);
  const rows = rowsOf(db);
  db.close();
  const open = () => openSqlite(file, NOW_MS);
  assert.throws(open, {
    name: 'OxbowError',
    code: 'folder-unwritable',
    message: new RegExp(made ? `table.* ${made}|${made} already exists` : `duplicate column name: ${column}`),
  });
  const copy = readFileSync(`${file}.schema-${NEWEST - 1}`);
  assert.throws(open);
  look(file, (left) => assert.deepEqual([versionOf(left), rowsOf(left)], [NEWEST - 1, rows]));
  assert.deepEqual(readFileSync(`${file}.schema-${NEWEST - 1}`), copy);
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => /corrupt|part/.test(name)),
    [],
  );
});

test('steps of now on expand: two versions of nodes work with one database', () => {
  // What an older node must not ignore comes in two versions, see decision 54.
  const next = migrations.slice(migrations.indexOf(sealedAddressMigration) + 1);
  assert.ok(next.length > 0);
  const others = next.filter((step) => typeof step !== 'object' || step.expands !== true);
  assert.deepEqual(others.map(upOf), []);
  assert.equal(oldestFor(NEWEST), NEWEST - next.length);
});
