/**
 * `oxbow cdn files FOLDER`: the files of the interface that another server or a bucket may have
 * (`staticUrl`).
 * In: the build of the interface. Out: a copy of its folder `ui`, to which files of earlier versions stay.
 */
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { messageOf, OxbowError } from '../../lib/errors.ts';

/** Compressed copies: a bucket does not choose between them. */
const PACKED = new Set(['.br', '.gz']);

/**
 * Copies the files. Their names change with their content, so files that are there already stay, and pages
 * that are open keep theirs.
 *
 * @param webRoot the build
 * @param folder made if it does not exist
 * @returns how many there are
 * @throws OxbowError `folder-unwritable`
 */
export async function copyStaticFiles(webRoot: string, folder: string): Promise<number> {
  const from = join(webRoot, 'ui');
  const to = join(folder, 'ui');
  const names = (await readdir(from)).filter((name) => !PACKED.has(extname(name)));
  try {
    await mkdir(to, { recursive: true });
    for (const name of names) await copyFile(join(from, name), join(to, name));
  } catch (error) {
    throw new OxbowError('folder-unwritable', `The files cannot be copied to ${to} (${messageOf(error)}).`, {
      extra: { hint: 'Name a folder that this user may write.' },
    });
  }
  return names.length;
}
