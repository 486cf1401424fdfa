/**
 * The folder with everything that a server keeps.
 * In: the setting. Out: its absolute path.
 */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { makeFolder } from '../lib/files/folder.ts';

/**
 * Creates the data folder if it does not exist.
 *
 * @returns its absolute path
 * @throws OxbowError `folder-unwritable`
 */
export async function openDataFolder(folder: string): Promise<string> {
  const dataFolder = path.resolve(folder);
  try {
    makeFolder(dataFolder);
    await access(dataFolder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new OxbowError('folder-unwritable', `${dataFolder}: ${sentenceOf(error)}`, { cause: error });
  }
  return dataFolder;
}
