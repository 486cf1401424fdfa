/**
 * Writes beside a stream's files who they belong to, so that a lost database can be made again with its names.
 * In: the stream's id, name and creation. Out: `<data>/recordings/<id>/stream.json`, written atomically.
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';

/** Whose recordings a folder holds. */
export interface Identity {
  readonly id: string;
  readonly name: string;
  /** µs since 1970. */
  readonly createdUs: number;
}

const FILE = 'stream.json';

/** Writes the identity into the stream's folder unless it stands there: a new file, synced, then renamed over the old one. */
export async function writeIdentity(dataFolder: string, identity: Identity): Promise<void> {
  const folder = path.join(dataFolder, 'recordings', identity.id);
  const text = `${JSON.stringify(identity, undefined, 2)}\n`;
  const there = await readFile(path.join(folder, FILE), 'utf8').catch(() => ''); // what cannot be read is written anew
  if (there === text) return;
  await mkdir(folder, { recursive: true });
  const temporary = path.join(folder, `${FILE}.${process.pid}.new`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path.join(folder, FILE));
}

/** The identities of all streams that have a folder; folders without a readable one are named in `unknown`. */
export async function readIdentities(dataFolder: string): Promise<{ known: Identity[]; unknown: string[] }> {
  const root = path.join(dataFolder, 'recordings');
  const known: Identity[] = [];
  const unknown: string[] = [];
  let entries: string[];
  try {
    entries = await readdir(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known, unknown };
    throw error;
  }
  for (const entry of entries.sort()) {
    try {
      const parsed: unknown = JSON.parse(await readFile(path.join(root, entry, FILE), 'utf8'));
      if (isIdentity(parsed) && parsed.id === entry) known.push(parsed);
      else unknown.push(entry);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!(error instanceof SyntaxError) && code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
      unknown.push(entry);
    }
  }
  return { known, unknown };
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, createdUs } = value as Partial<Identity>;
  return typeof id === 'string' && typeof name === 'string' && Number.isSafeInteger(createdUs);
}
