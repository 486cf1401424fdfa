/**
 * The secret that signs rights to watch: of the settings, else made once in the data folder, readable by its owner only.
 * In: a setting, a folder. Out: bytes.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OxbowError } from '../lib/errors.ts';

/** Its name in the data folder. */
export const WATCH_SECRET_FILE = 'watch-secret';
/** RFC 2104, 3: no shorter than the digest would be good; a setting may be a phrase. */
const MIN_LENGTH = 16;

/**
 * @param setting several oxbows that share it take each other's tokens
 * @throws OxbowError `bad-setting` where it is too short to be one
 */
export async function openWatchSecret(dataFolder: string, setting: string | undefined): Promise<Buffer> {
  if (setting) return checked(setting, 'watchSecret');
  const file = join(dataFolder, WATCH_SECRET_FILE);
  const kept = await read(file);
  if (kept !== undefined) return checked(kept, file);
  const made = randomBytes(32).toString('base64url');
  await writeFile(file, `${made}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return Buffer.from(made);
}

function checked(secret: string, where: string): Buffer {
  if (secret.length >= MIN_LENGTH) return Buffer.from(secret);
  throw new OxbowError('bad-setting', `${where} has ${secret.length} characters; it needs ${MIN_LENGTH} at least.`, {
    extra: { hint: 'Make one with `openssl rand -base64 32`, or delete the file for a new one.' },
  });
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
