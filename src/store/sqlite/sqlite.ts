/**
 * Opens a SQLite database, checks and upgrades it, and runs statements. Runs in the database thread.
 * In: SQL with parameters. Out: rows. Whole numbers are exact up to 2^53, blobs are Uint8Arrays.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Parameter, RepeatedStatement } from '../engine.ts';
import { migrations, stepsBetween, upOf } from '../migrations.ts';
import { createPrivateFile } from '../private-files.ts';
import { sqliteCode } from './sqlite-code.ts';

/** Result of a statement. */
export interface SqliteResult {
  readonly rows: Record<string, unknown>[];
  /** Rows changed, and the last row id; only for statements without rows. */
  readonly changes?: number;
  readonly insertId?: number;
}

/** An open database. */
export interface Sqlite extends Disposable {
  /** Runs one statement. Throws errors of SQLite, with `errcode`. */
  run(sql: string, parameters: readonly Parameter[]): SqliteResult;
  /**
   * Runs statements in one separate transaction, in order. A row costs a third of one in a statement with
   * many rows. Throws errors of SQLite, and nothing is stored then.
   *
   * @returns for each statement, the indices of the rows that changed nothing
   */
  runAll(statements: readonly RepeatedStatement[]): number[][];
  /** A transaction of `run` is open. */
  readonly isInTransaction: boolean;
  /** Path that a corrupt database was moved to when it was opened, or undefined. */
  readonly movedTo: string | undefined;
}

/** Larger files are not checked, so that a start does not take minutes. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;
const MAX_PREPARED = 256;
const BUSY_TIMEOUT_MS = 5000;
/**
 * Pages of 4 KiB in the write-ahead log at which it is copied into the database: a page that changes often is
 * copied once.
 */
const CHECKPOINT_PAGES = 4000;
/**
 * Pages that SQLite keeps in memory, once they are used, KiB; it would keep 2 MiB. Each message of a room
 * changes a page of the index by author: with thousands of authors those do not fit into 2 MiB, and are read
 * and written several times.
 */
const CACHE_KIB = 8192;

/**
 * Opens a database and upgrades it to the newest schema, keeping a copy of the old one next to it. Renames a
 * corrupt file, never deletes it, and creates a new one.
 *
 * @param file path; its folder is created if missing
 * @param nowMs part of the name of a file that is moved aside
 * @throws OxbowError `data-newer` for a schema of a newer oxbow, `data-in-use` if another program has locked
 *   the file, `folder-unwritable` if it cannot be opened
 */
export function openSqlite(file: string, nowMs: number): Sqlite {
  let movedTo: string | undefined;
  let db: DatabaseSync;
  try {
    mkdirSync(dirname(file), { recursive: true });
    db = openChecked(file);
  } catch (error) {
    if (error instanceof OxbowError) throw error;
    if (sqliteCode(error) === 'busy') {
      const advice = 'End it (a backup program, or sqlite3), and start oxbow again.';
      throw new OxbowError('data-in-use', `Another program has locked ${file}. ${advice}`, { cause: error });
    }
    if (sqliteCode(error) !== 'corrupt') {
      throw new OxbowError('folder-unwritable', `Cannot open ${file}: ${messageOf(error)}.`, { cause: error });
    }
    movedTo = moveAside(file, nowMs, 'corrupt');
    db = openChecked(file);
  }
  const prepared = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = prepared.get(sql);
    if (statement) {
      prepared.delete(sql); // and inserted again below: the map is in order of last use
    } else {
      statement = db.prepare(sql);
      if (prepared.size >= MAX_PREPARED) prepared.delete(prepared.keys().next().value!);
    }
    prepared.set(sql, statement);
    return statement;
  };
  return {
    movedTo,
    get isInTransaction() {
      return db.isTransaction;
    },
    run(sql, parameters) {
      const statement = prepare(sql);
      const bound = parameters.map(toBound);
      if (statement.columns().length > 0) return { rows: statement.all(...bound) };
      const { changes, lastInsertRowid } = statement.run(...bound);
      return { rows: [], changes: Number(changes), insertId: Number(lastInsertRowid) };
    },
    runAll(statements) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const unchanged = statements.map(({ sql, rows }) => {
          const statement = prepare(sql);
          const without: number[] = [];
          for (const [index, row] of rows.entries())
            if (Number(statement.run(...row.map(toBound)).changes) === 0) without.push(index);
          return without;
        });
        db.exec('COMMIT');
        return unchanged;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK'); // with a full disk SQLite has rolled back by itself
        throw error;
      }
    },
    [Symbol.dispose]() {
      prepared.clear();
      if (db.isOpen) db.close();
    },
  };
}

function openChecked(file: string): DatabaseSync {
  const isNew = !existsSync(file);
  createPrivateFile(file);
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    const version = schemaOf(db, file);
    if (!isNew && statSync(file).size <= MAX_CHECKED_BYTES) check(db);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -${CACHE_KIB}`);
    if (version > 0 && version < migrations.length) keepCopy(db, file, version);
    migrate(db, version);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function schemaOf(db: DatabaseSync, file: string): number {
  const version = db.prepare('PRAGMA user_version').get()!.user_version as number;
  if (version <= migrations.length) return version;
  throw new OxbowError(
    'data-newer',
    `${file} has schema ${version}; this oxbow knows schemas up to ${migrations.length}.`,
  );
}

function check(db: DatabaseSync): void {
  const result = db.prepare('PRAGMA quick_check(1)').get()!.quick_check as string;
  if (result !== 'ok') throw Object.assign(new Error(`the database is corrupt: ${result}`), { errcode: 11 });
}

/** Copies a database before its first upgrade, for a return to the older oxbow. */
function keepCopy(db: DatabaseSync, file: string, version: number): void {
  const copy = `${file}.schema-${version}`;
  if (existsSync(copy)) return;
  rmSync(`${copy}.part`, { force: true });
  createPrivateFile(`${copy}.part`); // SQLite fills an empty file
  db.prepare('VACUUM INTO ?').run(`${copy}.part`);
  renameSync(`${copy}.part`, copy);
}

/**
 * Takes a database that no process uses to another schema.
 *
 * @param target of `stepsBetween`
 * @returns the schema before
 * @throws OxbowError `not-found`, `data-newer`, `bad-request`
 */
export function changeSqliteSchema(file: string, target: number): number {
  if (!existsSync(file)) throw new OxbowError('not-found', `There is no database ${file}.`);
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    const from = schemaOf(db, file);
    db.exec('BEGIN IMMEDIATE');
    for (const statements of stepsBetween(from, target)) db.exec(statements);
    db.exec(`PRAGMA user_version = ${target}; COMMIT`);
    return from;
  } finally {
    db.close(); // rolls back an open transaction
  }
}

/** The schema of a database that a server may use; 0 if there is none. @throws OxbowError `data-newer` */
export function readSqliteSchema(file: string): number {
  if (!existsSync(file)) return 0;
  using db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  return schemaOf(db, file);
}

function migrate(db: DatabaseSync, from: number): void {
  for (let version = from; version < migrations.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(upOf(migrations[version]!));
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/**
 * Renames a database and the files of SQLite next to it; never overwrites a file.
 *
 * @param why part of the new name: `oxbow.db.corrupt-20260102T030405Z`
 * @returns the new path
 */
export function moveAside(file: string, nowMs: number, why: string): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  let target = `${file}.${why}-${stamp}`;
  for (let n = 2; existsSync(target); n++) target = `${file}.${why}-${stamp}-${n}`;
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix);
  }
  return target;
}

// A number is bound as REAL. Bind integers as INTEGER, also where no column type applies (LIMIT, ?/2).
function toBound(value: Parameter): SQLInputValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
