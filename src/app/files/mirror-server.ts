/**
 * The name of this server for the places that it mirrors to: in a cluster that of the cluster, otherwise
 * generated once in the data folder.
 * In: a folder, the secret of the cluster. Out: text.
 */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { clusterKey } from '../../accounts/cluster-key.ts';
import { sleep } from '../../lib/abort.ts';
import { type Files, systemFiles } from '../../lib/files/files.ts';
import { replaceFile } from '../../lib/files/replace-file.ts';
import { writeAll } from '../../lib/files/write-all.ts';
import { MIRROR_SERVER_FILE } from '../../store/file-names.ts';

const NAME = /^[\w-]{22}$/;
/** The process that makes the file has written it by then; times and their distance, ms. */
const LOOKS = 100;
const LOOK_MS = 20;

/**
 * The same for all processes and nodes of one server or cluster: 22 characters, base64url.
 *
 * @param clusterSecret undefined: there is no cluster
 * @throws errors of the system; the reason of the signal
 */
export async function openMirrorServer(
  dataFolder: string,
  clusterSecret: string | undefined,
  { signal, files = systemFiles }: { readonly signal: AbortSignal; readonly files?: Files },
): Promise<string> {
  if (clusterSecret !== undefined) {
    const key = clusterKey(clusterSecret, 'mirror server');
    return createHash('sha256').update(key).digest('base64url').slice(0, 22);
  }
  const path = join(dataFolder, MIRROR_SERVER_FILE);
  const made = randomBytes(16).toString('base64url');
  // Of several processes that start, the first one makes it.
  const file = await files.open(path, 'wx').catch(unlessPresent);
  if (file) {
    await using opened = file;
    await writeAll(opened, [Buffer.from(made)], 0);
    await opened.sync();
    return made;
  }
  for (let look = 0; look < LOOKS; look++) {
    const kept = (await files.readFile(path)).toString();
    if (NAME.test(kept)) return kept;
    await sleep(LOOK_MS, { signal });
  }
  // A crash left it empty.
  await replaceFile(files, path, Buffer.from(made));
  return made;
}

function unlessPresent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EEXIST') throw error;
}
