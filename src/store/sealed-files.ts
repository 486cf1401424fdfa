/**
 * The Parquet files of sealed viewing in a backup: small, and the database has only their list.
 * In: the folder `insight` of a data folder, a copy of a database. Out: rows of the backup; files again.
 * docs/decisions/0111.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Files } from '../lib/files/files.ts';
import { makeFolder } from '../lib/files/folder.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { giveToFolderOwner } from '../lib/platform.ts';
import { DATABASE_FILE } from './file-names.ts';

/** Folder of the data folder, and start of their names in a backup. */
export const SEALED_FOLDER = 'insight';
const NAME = /^insight\/[\w-]+\.parquet$/;

const nameOf = (id: string) => `${SEALED_FOLDER}/${id}.parquet`;

/**
 * Adds the files that the copy of a database lists, one at a time. A file that retention or a deletion has
 * removed since the copy leaves the list; one that only a bucket has stays there.
 *
 * @param add stores one file
 * @returns bytes
 */
export function addSealedFiles(
  copy: DatabaseSync,
  dataFolder: string,
  add: (name: string, content: Uint8Array) => void,
): number {
  if (!hasList(copy)) return 0;
  const forget = copy.prepare('DELETE FROM viewing_sealed WHERE id = ?');
  const batches = copy
    .prepare("SELECT id, target FROM viewing_sealed WHERE state = 'sealed' AND place = 'files'")
    .all() as { readonly id: string; readonly target: string }[];
  let bytes = 0;
  for (const { id, target } of batches) {
    const file = join(dataFolder, nameOf(id));
    if (existsSync(file)) {
      const content = readFileSync(file);
      bytes += content.length;
      add(nameOf(id), content);
    } else if (target === '') {
      forget.run(id);
    }
  }
  return bytes;
}

/**
 * Files that the database of a data folder lists and that are not there; those with a copy in an object store
 * are fetched when they are needed.
 *
 * @returns undefined without a SQLite database that has the list
 */
export function findMissingFiles(
  dataFolder: string,
): { readonly listed: number; readonly missing: number } | undefined {
  const file = join(dataFolder, DATABASE_FILE);
  if (!existsSync(file)) return undefined;
  using db = new DatabaseSync(file, { readOnly: true });
  if (!hasList(db)) return undefined;
  const batches = db.prepare("SELECT id, target FROM viewing_sealed WHERE state = 'sealed' AND place = 'files'").all();
  const missing = batches.filter(({ id, target }) => target === '' && !existsSync(join(dataFolder, nameOf(`${id}`))));
  return { listed: batches.length, missing: missing.length };
}

function hasList(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'viewing_sealed'").get() !== undefined;
}

/** Whether a name in a backup is one of these files. */
export const isSealedFile = (name: string): boolean => NAME.test(name);

/** Writes the files of a backup that the data folder does not have: no file ever changes. */
export async function putSealedFiles(
  disk: Files,
  dataFolder: string,
  files: Iterable<{ readonly name: string; readonly content: Uint8Array }>,
): Promise<void> {
  for (const { name, content } of files) {
    const path = join(dataFolder, name);
    if (!isSealedFile(name) || existsSync(path)) continue;
    makeFolder(join(dataFolder, SEALED_FOLDER));
    giveToFolderOwner(join(dataFolder, SEALED_FOLDER));
    await replaceFile(disk, path, content, { mode: 0o600, ready: giveToFolderOwner });
  }
}
