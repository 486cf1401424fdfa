/**
 * The secret that signs playback tokens: from the settings, in a cluster derived from its secret, otherwise
 * generated once in the data folder, readable by its owner only.
 * In: settings, a folder. Out: bytes.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { OxbowError } from '../lib/errors.ts';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { clusterKey } from './cluster-key.ts';

/** Name of the file in the data folder. */
export const WATCH_SECRET_FILE = 'watch-secret';
/** Characters. RFC 2104 3 recommends the length of the digest, but a setting may be a phrase. */
const MIN_LENGTH = 16;

/**
 * @param setting servers that share it accept each other's tokens
 * @param clusterSecret of the cluster, in which it is derived from that; empty or undefined: there is none
 * @throws OxbowError `bad-setting` if it is too short
 */
export async function openWatchSecret(
  dataFolder: string,
  setting: string | undefined,
  clusterSecret?: string,
  files: Files = systemFiles,
): Promise<Buffer> {
  const given = await readWatchSecret(dataFolder, setting, clusterSecret, files);
  if (given) return given;
  const made = randomBytes(32).toString('base64url');
  await replaceFile(files, join(dataFolder, WATCH_SECRET_FILE), Buffer.from(`${made}\n`), { mode: 0o600 });
  return Buffer.from(made);
}

/**
 * The secret that a server with these settings has, for commands: they make none, since it would be the file
 * of another user.
 *
 * @param options as those of `openWatchSecret`
 * @returns undefined if the server would make one
 * @throws OxbowError `bad-setting` if it is too short
 */
export async function readWatchSecret(
  dataFolder: string,
  setting: string | undefined,
  clusterSecret?: string,
  files: Files = systemFiles,
): Promise<Buffer | undefined> {
  if (setting) return checked(setting, 'watchSecret');
  if (clusterSecret) return Buffer.from(clusterKey(clusterSecret, 'watch secret'));
  const file = join(dataFolder, WATCH_SECRET_FILE);
  const kept = await read(files, file);
  return kept === undefined ? undefined : checked(kept, file);
}

/**
 * Secrets that the server had before a setting replaced them: that of the data folder, which a server has
 * from its time without `watchSecret` and without a cluster.
 *
 * @param options as those of `openWatchSecret`
 */
export async function readEarlierSecrets(
  dataFolder: string,
  setting: string | undefined,
  clusterSecret?: string,
  files: Files = systemFiles,
): Promise<readonly Buffer[]> {
  if (!setting && !clusterSecret) return [];
  const derived = setting && clusterSecret ? [Buffer.from(clusterKey(clusterSecret, 'watch secret'))] : [];
  const kept = await read(files, join(dataFolder, WATCH_SECRET_FILE));
  return kept !== undefined && kept.length >= MIN_LENGTH ? [...derived, Buffer.from(kept)] : derived;
}

function checked(secret: string, where: string): Buffer {
  if (secret.length >= MIN_LENGTH) return Buffer.from(secret);
  throw new OxbowError('bad-setting', `${where} has ${secret.length} characters; use at least ${MIN_LENGTH}.`, {
    extra: { hint: 'Generate one with `openssl rand -base64 32`, or delete the file to get a new one.' },
  });
}

async function read(files: Files, file: string): Promise<string | undefined> {
  try {
    return (await files.readFile(file)).toString().trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
