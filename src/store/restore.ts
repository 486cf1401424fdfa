/**
 * Puts a backup back: the copy is made and found whole beside the database before that is moved aside.
 * In: a file of backup.ts, a data folder that nobody uses. Out: its database and small files in place; what was there, under other names.
 */
import { constants, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { syncFolder } from '../lib/folder.ts';
import { giveToFolderOwner, keepToOwner } from '../lib/platform.ts';
import {
  BACKUP_TABLE,
  type BackupFile,
  type BackupManifest,
  findDamage,
  open,
  readBackup,
  syncFile,
} from './backup.ts';
import { LOCK_FILE, MSN_MARKS_FILE } from './file-names.ts';
import { lockDataFolder } from './lock.ts';
import { leastMsnAt, restoreMarks } from './msn-marks.ts';
import { moveAside } from './sqlite.ts';
import { sqliteCode } from './sqlite-code.ts';

/** What is put back, and where. */
export interface RestoreOptions {
  /** Path of the backup. */
  readonly backup: string;
  /** Path of the database; its folder is the data folder, made where it is missing. */
  readonly database: string;
  /** Small files that may come back; any other in the backup is passed over. */
  readonly files: readonly string[];
  /** ms since 1970; names what is moved aside. */
  readonly nowMs: number;
  /** Told when the copy is about to be read through. */
  readonly checking?: () => void;
}

/** What a restore did. */
export interface Restored {
  readonly manifest: BackupManifest;
  /** Paths of what was there and is kept under another name. */
  readonly aside: readonly string[];
}

/**
 * Puts a backup in the place of a data folder's database; of the marks of announced MSNs the larger ones stay. Until the copy is found whole nothing that was there is touched. The index of
 * recordings is as old as the backup then: rebuild it.
 *
 * @throws OxbowError `not-found`, `bad-backup`, `data-newer`, `data-in-use` while a server runs there, `folder-unwritable`
 */
export async function restoreBackup({ backup, database, files, nowMs, checking }: RestoreOptions): Promise<Restored> {
  if (!existsSync(backup)) {
    throw new OxbowError('not-found', `there is no file ${backup}`, {
      extra: { hint: 'Name the backup: --restore FILE' },
    });
  }
  // Looked at first, so that what is no backup makes no data folder.
  const { manifest, files: kept } = reading(backup, () => {
    using there = open(backup, { readOnly: true });
    return readBackup(there.db, backup);
  });
  const folder = dirname(database);
  using _lock = lockDataFolder(folder);
  const copy = `${database}.restore.part`;
  const drop = () => {
    for (const suffix of ['', '-journal']) rmSync(copy + suffix, { force: true });
  };
  try {
    giveToFolderOwner(join(folder, LOCK_FILE));
    drop(); // of one that was cut off
    await copyFile(backup, copy, constants.COPYFILE_FICLONE);
    keepToOwner(copy); // whatever became of the backup's mode on its way
    checking?.();
    const highestMsn = reading(backup, () => makePlain(copy, backup));
    syncFile(copy);
    giveToFolderOwner(copy);
    // First: marks that are too high harm nobody, an older database without them would.
    const marks = kept.find(({ name }) => name === MSN_MARKS_FILE);
    await restoreMarks(folder, marks?.content, Math.max(highestMsn, leastMsnAt(nowMs)));
    // A log without its database would be taken for one of the new.
    const isThere = ['', '-wal', '-shm'].some((suffix) => existsSync(database + suffix));
    const aside = isThere ? [moveAside(database, nowMs, 'before-restore')] : [];
    renameSync(copy, database);
    for (const file of kept) {
      if (files.includes(file.name)) aside.push(...putFile(folder, file, nowMs));
    }
    syncFolder(folder);
    return { manifest, aside };
  } catch (error) {
    drop();
    if (error instanceof OxbowError) throw error;
    throw new OxbowError('folder-unwritable', `Cannot restore to ${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/** A database of the copy, once it is found whole. @returns the highest MSN of its index, or 0 */
function makePlain(copy: string, backup: string): number {
  using opened = open(copy, { readOnly: false });
  const damage = findDamage(opened.db);
  if (damage !== undefined) throw new OxbowError('bad-backup', `${backup} is damaged: ${damage}`);
  // It holds secrets that belong into their own file.
  opened.db.exec(`PRAGMA secure_delete = ON; DROP TABLE ${BACKUP_TABLE}`);
  return opened.db.prepare('SELECT coalesce(max(last_msn), 0) AS msn FROM chunk_file').get()!.msn as number;
}

/** Puts a small file in its place. @returns where another one went that was there */
function putFile(folder: string, { name, content }: BackupFile, nowMs: number): readonly string[] {
  const file = join(folder, name);
  const isThere = existsSync(file);
  if (isThere && readFileSync(file).equals(content)) return [];
  const unfinished = `${file}.restore.part`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, content, { mode: 0o600, flag: 'wx', flush: true });
  giveToFolderOwner(unfinished);
  const aside = isThere ? [moveAside(file, nowMs, 'before-restore')] : [];
  renameSync(unfinished, file);
  return aside;
}

/** What SQLite cannot read is no whole backup. */
function reading<T>(backup: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OxbowError || sqliteCode(error) === 'full') throw error;
    throw new OxbowError('bad-backup', `${backup}: ${messageOf(error)}`, { cause: error });
  }
}
