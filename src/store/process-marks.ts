/**
 * The marks of announced MSNs where a server runs as several processes: each has its own file, and streams
 * may be with another one after the next start.
 * In: the data folder, names of processes. Out: the same marks for all of them, or for a single server.
 * docs/decisions/0093.
 */
import path from 'node:path';
import type { Kysely } from 'kysely';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { makeFolder } from '../lib/files/folder.ts';
import { PROCESSES } from './file-names.ts';
import { mergeMsnMarks, readMergedMsnMarks } from './msn-marks.ts';
import type { Tables } from './schema.ts';

/**
 * Merges them, before any process opens its own.
 *
 * @param dataFolder absolute path
 * @param names of the processes; undefined: a single server, which has no use for their folders any more
 */
export async function shareMsnMarks(
  db: Kysely<Tables>,
  dataFolder: string,
  names: readonly string[] | undefined,
  files: Files = systemFiles,
): Promise<void> {
  const root = path.join(dataFolder, PROCESSES);
  const folders = await processFolders(dataFolder, files);
  if (!names && folders.length === 0) return;
  const to = names ? names.map((name) => path.join(root, name)) : [dataFolder];
  for (const folder of to) makeFolder(folder);
  const isNew = (await db.selectFrom('stream').select('id').limit(1).executeTakeFirst()) === undefined;
  await mergeMsnMarks([dataFolder, ...folders], to, { isNew, files });
  if (!names) await files.rm(root, { recursive: true, force: true });
}

/** The content of the file of marks that a backup of a data folder has; undefined: there are none. */
export async function readMarksOfFolder(dataFolder: string): Promise<Uint8Array | undefined> {
  return readMergedMsnMarks([dataFolder, ...(await processFolders(dataFolder, systemFiles))]);
}

async function processFolders(dataFolder: string, files: Files): Promise<readonly string[]> {
  const root = path.join(dataFolder, PROCESSES);
  return (await files.readdir(root).catch(() => [])).map(({ name }) => path.join(root, name));
}
