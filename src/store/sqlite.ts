/**
 * The SQLite database itself: opened, checked, brought to the newest schema, asked. Runs inside the worker.
 * In: SQL with parameters. Out: rows. Whole numbers are exact up to 2^53, blobs are Uint8Arrays.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { migrations } from './migrations.ts';
import { createPrivateFile } from './private-files.ts';
import { sqliteCode } from './sqlite-code.ts';

/** A value that may be bound. */
export type Parameter = string | number | bigint | null | Uint8Array;

/** What one statement gave. */
export interface SqliteResult {
  readonly rows: Record<string, unknown>[];
  /** Rows changed, and the last row id; only for statements without rows. */
  readonly changes?: number;
  readonly insertId?: number;
}

/** An open database. */
export interface Sqlite extends Disposable {
  /** Runs one statement to its end. Throws what SQLite says, with `errcode`. */
  run(sql: string, parameters: readonly Parameter[]): SqliteResult;
  /** Where a corrupt database was moved to at opening, or undefined. */
  readonly movedTo: string | undefined;
}

/** Larger files are only looked at, not read through, so that starting takes no minutes. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;
const MAX_PREPARED = 256;
const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens the database and brings it to the newest schema; of one with an older schema a copy is kept beside it. A file that is corrupt is renamed, never deleted, and a new
 * one takes its place.
 *
 * @param file path; its folder is made where it is missing
 * @param nowMs names the file that is moved aside
 * @throws OxbowError `data-newer` for a schema of a newer oxbow, `folder-unwritable` where the file cannot be opened
 */
export function openSqlite(file: string, nowMs: number): Sqlite {
  let movedTo: string | undefined;
  let db: DatabaseSync;
  try {
    mkdirSync(dirname(file), { recursive: true });
    db = openChecked(file);
  } catch (error) {
    if (error instanceof OxbowError) throw error;
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
      prepared.delete(sql); // and set again below: the map's order is the order of last use
    } else {
      statement = db.prepare(sql);
      if (prepared.size >= MAX_PREPARED) prepared.delete(prepared.keys().next().value!);
    }
    prepared.set(sql, statement);
    return statement;
  };
  return {
    movedTo,
    run(sql, parameters) {
      const statement = prepare(sql);
      const bound = parameters.map(toBound);
      if (statement.columns().length > 0) return { rows: statement.all(...bound) };
      const { changes, lastInsertRowid } = statement.run(...bound);
      return { rows: [], changes: Number(changes), insertId: Number(lastInsertRowid) };
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
    const version = db.prepare('PRAGMA user_version').get()!.user_version as number;
    if (version > migrations.length) {
      throw new OxbowError(
        'data-newer',
        `${file} has schema ${version}; this oxbow knows schemas up to ${migrations.length}.`,
      );
    }
    if (!isNew && statSync(file).size <= MAX_CHECKED_BYTES) check(db);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
    if (version > 0 && version < migrations.length) keepCopy(db, file, version);
    migrate(db, version);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function check(db: DatabaseSync): void {
  const found = db.prepare('PRAGMA quick_check(1)').get()!.quick_check as string;
  if (found !== 'ok') throw Object.assign(new Error(`the database is corrupt: ${found}`), { errcode: 11 });
}

/** The way back to the oxbow that wrote it: a copy beside it, made before the first change and never again. */
function keepCopy(db: DatabaseSync, file: string, version: number): void {
  const copy = `${file}.schema-${version}`;
  if (existsSync(copy)) return;
  rmSync(`${copy}.part`, { force: true });
  createPrivateFile(`${copy}.part`); // SQLite fills an empty file
  db.prepare('VACUUM INTO ?').run(`${copy}.part`);
  renameSync(`${copy}.part`, copy);
}

function migrate(db: DatabaseSync, from: number): void {
  for (let version = from; version < migrations.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(migrations[version]!);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/**
 * Renames a database with what SQLite keeps beside it; never over anything.
 *
 * @param why a word of the new name: `oxbow.db.corrupt-20260102T030405Z`
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

// Numbers would be bound as REAL; a whole number is meant as one everywhere, also where no column decides (LIMIT, ?/2).
function toBound(value: Parameter): SQLInputValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
