/**
 * Builds the interface with a defect, beside the interface of the tree.
 * In: a change below web/src. Out: a folder for the server, and the change that makes it serve that folder.
 */
import { execFile } from 'node:child_process';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { Change } from './defect.ts';

const root = join(import.meta.dirname, '..', '..');
/** What the build reads. */
const read = ['package.json', 'scripts', 'src', 'tsconfig.json', 'web'];

/**
 * Copies what the build reads, changes it and builds.
 *
 * @param folder empty; it has the copy
 * @throws if the text to replace is not there once, or the build fails
 */
export async function buildInterface({ file, find, replace }: Change, folder: string): Promise<Change> {
  const isBuilt = (path: string) => path.startsWith(join(root, 'web', 'dist'));
  for (const name of read) {
    await cp(join(root, name), join(folder, name), { recursive: true, filter: (path) => !isBuilt(path) });
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const source = await readFile(join(folder, file), 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file} does not have «${find}» once`);
  await writeFile(
    join(folder, file),
    source.replace(find, () => replace),
  );
  await promisify(execFile)(process.execPath, [join(folder, 'scripts', 'build-web.mjs')], { cwd: folder });
  return {
    file: 'src/app/http.ts',
    find: "webRoot: fileURLToPath(packageFile('web/dist')),",
    replace: `webRoot: ${JSON.stringify(join(folder, 'web', 'dist') + sep)},`,
  };
}
