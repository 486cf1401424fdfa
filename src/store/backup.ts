/**
 * Writes a backup: one SQLite file with a copy of the database and a table of small files.
 * In: a database, which a server may be using. Out: a file for restore.ts.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { messageOf, OxbowError, sentenceOf } from '../lib/errors.ts';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { migrations } from './migrations.ts';
import { addSealedFiles, isSealedFile } from './sealed-files.ts';
import { sqliteCode } from './sqlite/sqlite-code.ts';

/** Version of the layout of a backup. */
export const BACKUP_FORM = 1;

/** The table that marks a backup: the manifest and the small files, by name. */
export const BACKUP_TABLE = 'oxbow_backup';

const MANIFEST = 'manifest';
const BUSY_TIMEOUT_MS = 5000;
/** A few MB: frequent enough for a progress bar and Ctrl-C. */
const PAGES_PER_STEP = 1000;

/** Tables counted in the manifest, to help choose a backup. */
const counted = {
  streams: 'stream',
  markers: 'marker',
  pins: 'pin',
  clips: 'clip',
  tokens: 'api_token',
  webhooks: 'webhook',
  assets: 'asset',
} as const;

/**
 * Tables with momentary state: sessions, jobs, deliveries, past events, the state of streams. Restored later
 * they would revive ended sessions, send events twice and report a stop as a crash.
 */
export const momentary = [
  'session',
  'television_pairing',
  'push_subscription',
  'email_code',
  'mail_message',
  'job',
  'worker',
  'upload',
  'upload_part',
  'webhook_delivery',
  'webhook_replay',
  'event_log',
  'event_log_head',
  'stream_presence',
  'stream_on_air',
  'row_change',
  'stream_shard',
] as const;

/** Metadata of a backup. */
export interface BackupManifest {
  readonly form: number;
  /** Version of oxbow that wrote the backup. */
  readonly oxbow: string;
  /** Schema of the database (`PRAGMA user_version`). */
  readonly schema: number;
  /** RFC 3339, UTC. */
  readonly takenAt: string;
  readonly counts: Readonly<Record<keyof typeof counted, number>>;
  /** Names of the small files in the backup. */
  readonly files: readonly string[];
  /** Recorded files in the index. They are not in the backup. */
  readonly recordings: { readonly files: number; readonly bytes: number };
}

/** A small file that is stored with the database. */
export interface BackupFile {
  readonly name: string;
  readonly content: Uint8Array;
}

export interface BackupOptions {
  /** Path of the database. */
  readonly database: string;
  /** Path of the backup; replaces an existing backup, but no other file. */
  readonly target: string;
  readonly files: readonly BackupFile[];
  /** Its folder `insight` has the files of sealed viewing; default: that of the database. */
  readonly dataFolder?: string;
  /** Version of this oxbow. */
  readonly version: string;
  /** ms since 1970. */
  readonly nowMs: number;
  /** Called with the share that is copied, 0 to 1. */
  readonly progress?: (share: number) => void;
  /** Called after copying, before the copy is checked. */
  readonly checking?: () => void;
  readonly signal: AbortSignal;
  /** The file layer; default: that of the system. SQLite writes the copy itself. */
  readonly disk?: Files;
}

/**
 * Copies the database as of one moment, even while a server writes to it, checks the copy, and renames it to
 * the target, readable by its owner only. Abort leaves no file; the check at the end is not interrupted.
 *
 * @throws OxbowError `not-found` without a database, `data-newer`, `bad-request` if the target is another
 *   file, `bad-backup` if the
 * database is damaged, `folder-unwritable`
 */
export async function writeBackup(options: BackupOptions): Promise<BackupManifest & { readonly bytes: number }> {
  const { database, target, signal, disk = systemFiles } = options;
  if (!existsSync(database)) {
    throw new OxbowError('not-found', `There is no database ${database}.`, {
      extra: { hint: 'Name the data folder with --data.' },
    });
  }
  if (existsSync(target) && !isBackup(target)) {
    throw new OxbowError('bad-request', `${target} exists and is not a backup.`, {
      extra: { hint: 'Choose another name: -o FILE' },
    });
  }
  // Concurrent backups have different names.
  const unfinished = `${target}.${process.pid}.part`;
  try {
    await disk.rm(unfinished, { force: true }); // of one that failed on a broken disk
    // With its mode first, so that other users can never read it.
    await (await disk.open(unfinished, 'wx', 0o600)).close();
    await copyDatabase(options, unfinished);
    signal.throwIfAborted();
    options.checking?.();
    const manifest = finish(options, unfinished);
    await syncFile(disk, unfinished);
    const { size } = await disk.stat(unfinished);
    await disk.rename(unfinished, target);
    await disk.syncFolder(dirname(target));
    return { ...manifest, bytes: size };
  } catch (error) {
    // The first error counts.
    for (const suffix of ['', '-journal', '-wal', '-shm'])
      await disk.rm(unfinished + suffix, { force: true }).catch(() => {});
    signal.throwIfAborted();
    if (error instanceof OxbowError) throw error;
    if (sqliteCode(error) === 'corrupt') throw damaged(database, messageOf(error), error);
    throw new OxbowError('folder-unwritable', `Cannot copy ${database} to ${target}: ${sentenceOf(error)}`, {
      cause: error,
      extra: {
        hint: 'Check the folder of the backup and its free space, and run the command as the user that oxbow runs as.',
      },
    });
  }
}

/** Whether a file is a backup, intact or damaged. */
export function isBackup(file: string): boolean {
  try {
    using db = open(file, { readOnly: true });
    return hasBackupTable(db.db);
  } catch {
    return false; // not a readable database
  }
}

/**
 * Reads the manifest and the small files of a backup.
 *
 * @throws OxbowError `bad-backup`, `data-newer`
 */
export function readBackup(db: DatabaseSync, file: string): { manifest: BackupManifest; files: BackupFile[] } {
  if (!hasBackupTable(db)) throw new OxbowError('bad-backup', `${file} is not a backup of oxbow.`);
  // Those of sealed viewing may be many.
  const names = db.prepare(`SELECT name FROM ${BACKUP_TABLE}`).all() as unknown as { readonly name: string }[];
  const read = db.prepare(`SELECT name, content FROM ${BACKUP_TABLE} WHERE name = ?`);
  const rows = names.flatMap(({ name }) => (isSealedFile(name) ? [] : [read.get(name) as unknown as BackupFile]));
  const row = rows.find(({ name }) => name === MANIFEST);
  if (!row) throw new OxbowError('bad-backup', `${file} has no manifest.`);
  const manifest = JSON.parse(Buffer.from(row.content).toString()) as BackupManifest;
  const schema = schemaOf(db);
  if (manifest.form > BACKUP_FORM || schema > migrations.length) {
    throw new OxbowError(
      'data-newer',
      `${file} was written by oxbow ${manifest.oxbow} and has schema ${schema}; this oxbow knows schemas up to ${migrations.length}.`,
    );
  }
  return { manifest, files: rows.filter(({ name }) => name !== MANIFEST) };
}

/** The files of sealed viewing in a backup, one at a time. */
export function* sealedFilesOf(db: DatabaseSync): Generator<BackupFile> {
  const names = db.prepare(`SELECT name FROM ${BACKUP_TABLE}`).all() as unknown as { readonly name: string }[];
  const read = db.prepare(`SELECT name, content FROM ${BACKUP_TABLE} WHERE name = ?`);
  for (const { name } of names) if (isSealedFile(name)) yield read.get(name) as unknown as BackupFile;
}

/** Opens a database; disposing closes it. */
export function open(
  file: string,
  { readOnly }: { readOnly: boolean },
): Disposable & {
  readonly db: DatabaseSync;
} {
  const db = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS });
  return {
    db,
    [Symbol.dispose]() {
      if (db.isOpen) db.close();
    },
  };
}

/** Checks a whole database. @returns a description of the damage, or undefined */
export function findDamage(db: DatabaseSync): string | undefined {
  const result = db.prepare('PRAGMA integrity_check(1)').get()!.integrity_check as string;
  return result === 'ok' ? undefined : result;
}

export async function syncFile(disk: Files, path: string): Promise<void> {
  await using file = await disk.open(path, 'r+');
  await file.sync();
}

async function copyDatabase({ database, progress, signal }: BackupOptions, target: string): Promise<void> {
  using source = open(database, { readOnly: true });
  // An open transaction: the copy is of one moment, and writes of a server do not restart it.
  source.db.exec('BEGIN');
  const schema = schemaOf(source.db);
  if (schema > migrations.length) {
    throw new OxbowError(
      'data-newer',
      `${database} has schema ${schema}; this oxbow knows schemas up to ${migrations.length}.`,
      { extra: { hint: 'Use the oxbow that runs there.' } },
    );
  }
  await backup(source.db, target, {
    rate: PAGES_PER_STEP,
    progress({ totalPages, remainingPages }) {
      signal.throwIfAborted();
      progress?.(1 - remainingPages / Math.max(1, totalPages));
    },
  });
}

/** Turns the copy into a backup: without momentary tables, with manifest and files, and checked. */
function finish(
  { database, dataFolder = dirname(database), files, version, nowMs }: BackupOptions,
  copy: string,
): BackupManifest {
  let manifest: BackupManifest;
  {
    using copied = open(copy, { readOnly: false });
    const { db } = copied;
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA secure_delete = ON; BEGIN');
    for (const table of momentary) if (hasTable(db, table)) db.exec(`DELETE FROM ${table}`);
    if (hasTable(db, 'lease')) db.exec('UPDATE lease SET expires_us = 0'); // the tokens stay, because they only rise
    manifest = {
      form: BACKUP_FORM,
      oxbow: version,
      schema: schemaOf(db),
      takenAt: new Date(nowMs).toISOString(),
      counts: countsOf(db),
      files: files.map(({ name }) => name),
      recordings: recordingsOf(db),
    };
    db.exec(`DROP TABLE IF EXISTS ${BACKUP_TABLE};
      CREATE TABLE ${BACKUP_TABLE} (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT`);
    const add = db.prepare(`INSERT INTO ${BACKUP_TABLE} VALUES (?, ?)`);
    add.run(MANIFEST, Buffer.from(JSON.stringify(manifest)));
    for (const { name, content } of files) add.run(name, content);
    addSealedFiles(db, dataFolder, (name, content) => add.run(name, content));
    db.exec('COMMIT');
    const damage = findDamage(db);
    if (damage !== undefined) throw damaged(database, damage);
  }
  return manifest;
}

function damaged(database: string, damage: string, cause?: unknown): OxbowError {
  return new OxbowError('bad-backup', `${database} is damaged: ${sentenceOf(damage)}`, {
    cause,
    extra: { hint: 'No backup was written. Stop oxbow and restore an older backup: oxbow backup --restore FILE' },
  });
}

const schemaOf = (db: DatabaseSync): number => db.prepare('PRAGMA user_version').get()!.user_version as number;

const hasTable = (db: DatabaseSync, name: string): boolean =>
  db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined;

const hasBackupTable = (db: DatabaseSync): boolean => hasTable(db, BACKUP_TABLE);

function countsOf(db: DatabaseSync): BackupManifest['counts'] {
  const count = (table: string) =>
    hasTable(db, table) ? (db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n as number) : 0;
  const counts = Object.entries(counted).map(([name, table]) => [name, count(table)]);
  return Object.fromEntries(counts) as BackupManifest['counts'];
}

function recordingsOf(db: DatabaseSync): BackupManifest['recordings'] {
  if (!hasTable(db, 'chunk_file')) return { files: 0, bytes: 0 };
  const sum = db.prepare('SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM chunk_file').get()!;
  return { files: sum.files as number, bytes: sum.bytes as number };
}
