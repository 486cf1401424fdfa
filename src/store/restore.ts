/**
 * Restores a backup: copies it next to the database and checks the copy before the database is moved aside.
 * In: a file of backup.ts, a data folder that is not in use. Out: database and small files in place; the
 * previous ones under other names.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { giveToFolderOwner, keepToOwner } from '../lib/platform.ts';
import {
  BACKUP_TABLE,
  type BackupFile,
  type BackupManifest,
  findDamage,
  open,
  readBackup,
  sealedFilesOf,
  syncFile,
} from './backup.ts';
import { LOCK_FILE, MSN_MARKS_FILE } from './file-names.ts';
import { lockDataFolder } from './lock.ts';
import { leastMsnAt, restoreMarks } from './msn-marks.ts';
import { putSealedFiles } from './sealed-files.ts';
import { moveAside } from './sqlite/sqlite.ts';
import { sqliteCode } from './sqlite/sqlite-code.ts';

export interface RestoreOptions {
  /** Path of the backup. */
  readonly backup: string;
  /** Path of the database; its folder is the data folder, created if missing. */
  readonly database: string;
  /** Names of small files to restore; others in the backup are ignored. */
  readonly files: readonly string[];
  /** ms since 1970; part of the names of files moved aside. */
  readonly nowMs: number;
  /** Called before the copy is checked. */
  readonly checking?: () => void;
  /** The file layer; default: that of the system. SQLite and the names of its files are outside. */
  readonly disk?: Files;
}

/** Result of a restore. */
export interface Restored {
  readonly manifest: BackupManifest;
  /** Paths of the previous files, which are kept under other names. */
  readonly aside: readonly string[];
}

/**
 * Replaces the database of a data folder by a backup; of the marks of announced MSNs the larger ones win.
 * Nothing is changed until the copy is checked. The index of recordings is then as old as the backup: rebuild
 * it.
 *
 * @throws OxbowError `not-found`, `bad-backup`, `data-newer`, `data-in-use` while a server runs there,
 *   `folder-unwritable`
 */
export async function restoreBackup({
  backup,
  database,
  files,
  nowMs,
  checking,
  disk = systemFiles,
}: RestoreOptions): Promise<Restored> {
  if (!existsSync(backup)) {
    throw new OxbowError('not-found', `There is no file ${backup}.`, {
      extra: { hint: 'Name the backup: --restore FILE' },
    });
  }
  // Checked first, so that an invalid backup does not create a data folder.
  const { manifest, files: kept } = reading(backup, () => {
    using there = open(backup, { readOnly: true });
    return readBackup(there.db, backup);
  });
  const folder = dirname(database);
  using _lock = lockDataFolder(folder);
  const copy = `${database}.restore.part`;
  const drop = async () => {
    for (const suffix of ['', '-journal']) await disk.rm(copy + suffix, { force: true });
  };
  try {
    giveToFolderOwner(join(folder, LOCK_FILE));
    await drop(); // of an interrupted restore
    await disk.copyFile(backup, copy);
    keepToOwner(copy); // the mode of the backup may have changed
    checking?.();
    const highestMsn = reading(backup, () => makePlain(copy, backup));
    await syncFile(disk, copy);
    giveToFolderOwner(copy);
    {
      using there = open(backup, { readOnly: true });
      await putSealedFiles(disk, folder, sealedFilesOf(there.db));
    }
    // Marks first: marks that are too high are harmless, an older database without them is not.
    const marks = kept.find(({ name }) => name === MSN_MARKS_FILE);
    await restoreMarks(folder, marks?.content, Math.max(highestMsn, leastMsnAt(nowMs)), disk);
    // SQLite would apply a remaining log to the new database.
    const isThere = ['', '-wal', '-shm'].some((suffix) => existsSync(database + suffix));
    const aside = isThere ? [moveAside(database, nowMs, 'before-restore')] : [];
    await disk.rename(copy, database);
    for (const file of kept) {
      if (files.includes(file.name)) aside.push(...(await putFile(disk, folder, file, nowMs)));
    }
    await disk.syncFolder(folder);
    return { manifest, aside };
  } catch (error) {
    await drop().catch(() => {}); // the first error counts
    if (error instanceof OxbowError) throw error;
    throw new OxbowError('folder-unwritable', `Cannot restore to ${folder}: ${sentenceOf(error)}`, { cause: error });
  }
}

/** Checks the copy and turns it into a database. @returns the highest MSN of its index, or 0 */
function makePlain(copy: string, backup: string): number {
  using opened = open(copy, { readOnly: false });
  const damage = findDamage(opened.db);
  if (damage !== undefined) throw new OxbowError('bad-backup', `${backup} is damaged: ${damage}.`);
  // It contains secrets, which belong into their own file.
  opened.db.exec(`PRAGMA secure_delete = ON; DROP TABLE ${BACKUP_TABLE}`);
  return opened.db.prepare('SELECT coalesce(max(last_msn), 0) AS msn FROM chunk_file').get()!.msn as number;
}

/** Writes a small file. @returns the new path of a previous one */
async function putFile(
  disk: Files,
  folder: string,
  { name, content }: BackupFile,
  nowMs: number,
): Promise<readonly string[]> {
  const file = join(folder, name);
  const isThere = existsSync(file);
  if (isThere && readFileSync(file).equals(content)) return [];
  const aside: string[] = [];
  await replaceFile(disk, file, content, {
    mode: 0o600,
    ready(unfinished) {
      giveToFolderOwner(unfinished);
      if (isThere) aside.push(moveAside(file, nowMs, 'before-restore'));
    },
  });
  return aside;
}

/** Reports errors of SQLite as `bad-backup`. */
function reading<T>(backup: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OxbowError || sqliteCode(error) === 'full') throw error;
    throw new OxbowError('bad-backup', `${backup}: ${sentenceOf(error)}`, { cause: error });
  }
}
