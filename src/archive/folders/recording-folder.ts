/**
 * A further folder of recordings, usually on another disk. A marker file in it says that it is the folder that it was: an empty mount point
 * has none, and nothing is written there. docs/decisions/0073.
 * In: a path, the id that the data folder remembers. Out: whether the folder is there, and its free space.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { systemFiles } from '../../lib/files/files.ts';
import { putFile } from '../local-segment-store.ts';
import type { SegmentStore } from '../segment-store.ts';

/** The marker. */
const MARKER = 'oxbow-folder.json';
/** Ids of the folders that a data folder has used. */
const KNOWN = 'recording-folders.json';

/** Space on the disk of a folder. Bytes. */
export interface FolderSpace {
  readonly free: number;
  readonly total: number;
}

/** Options of a folder. */
export interface RecordingFolderOptions {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** The id in its marker. */
  readonly id: string;
  readonly store: SegmentStore;
  /** Free bytes below which nothing is recorded, by the size of the disk. */
  readonly leastFree: (total: number) => number;
}

/** A folder of recordings. */
export class RecordingFolder {
  readonly name: string;
  readonly path: string;
  readonly store: SegmentStore;
  readonly #id: string;
  readonly #leastFree: (total: number) => number;
  #problem: string | undefined = 'it was not looked at yet';
  #space: FolderSpace = { free: 0, total: 0 };

  constructor({ name, path, id, store, leastFree }: RecordingFolderOptions) {
    this.name = name;
    this.path = path;
    this.store = store;
    this.#id = id;
    this.#leastFree = leastFree;
  }

  /** Why the folder cannot be used, by the last look; undefined: it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** By the last look. */
  get space(): FolderSpace {
    return this.#space;
  }

  /** Whether there is room to record, by the last look. */
  get hasRoom(): boolean {
    const { free, total } = this.#space;
    return free > this.#leastFree(total);
  }

  /** Looks at the folder. Never rejects. @returns `problem` */
  async look(): Promise<string | undefined> {
    try {
      const found = await readId(join(this.path, MARKER));
      this.#problem =
        found === this.#id
          ? undefined
          : found === undefined
            ? `${this.path} has no ${MARKER}: its disk is not mounted`
            : `${this.path} is the folder of another data folder, or its disk is another one`;
      if (this.#problem === undefined) {
        const { bavail, blocks, bsize } = await statfs(this.path);
        this.#space = { free: bavail * bsize, total: blocks * bsize };
      }
    } catch (error) {
      this.#problem = `${this.path}: ${messageOf(error)}`;
    }
    return this.#problem;
  }

  /** Throws unless files may be created there. @throws OxbowError `disk-failed` */
  async assertWritable(): Promise<void> {
    if (await this.look()) throw new OxbowError('disk-failed', `The folder ${this.name} is missing: ${this.#problem}`);
    if (!this.hasRoom)
      throw new OxbowError('disk-failed', `The folder ${this.name} has less free space than record.minFree.`);
  }
}

/** The error for media that may be in a folder that is missing now. */
export function folderMissing(folders: readonly RecordingFolder[]): OxbowError {
  const names = folders.map(({ name }) => name).join(', ');
  return new OxbowError('not-ready', `A folder of recordings is missing: ${names}. It comes back with its disk.`, {
    extra: { retryAfterSeconds: 10 },
  });
}

/**
 * The ids of folders by name. A folder that is used for the first time must exist; it gets a marker, and the data folder remembers it.
 *
 * @param folders paths by name
 * @throws OxbowError `bad-setting` if a new folder does not exist, cannot be written, or belongs to another data folder; errors of the
 *   system if the data folder cannot be written
 */
export async function claimFolders(
  dataFolder: string,
  folders: Readonly<Record<string, { readonly path: string }>>,
): Promise<ReadonlyMap<string, string>> {
  const file = join(dataFolder, KNOWN);
  const known = parseIds(await readText(file));
  let hasChanged = false;
  for (const [name, { path }] of Object.entries(folders)) {
    if (known.has(name)) continue;
    known.set(name, await claim(name, path));
    hasChanged = true;
  }
  if (hasChanged) await writeText(file, JSON.stringify(Object.fromEntries(known)));
  return known;
}

async function claim(name: string, path: string): Promise<string> {
  const setting = `storage.folders.${name}`;
  try {
    await readdir(path);
    const marker = join(path, MARKER);
    if ((await readId(marker)) !== undefined) throw new Error(`${path} is in use by another data folder`);
    const id = randomUUID();
    await writeText(marker, JSON.stringify({ id, name }));
    await systemFiles.mkdir(join(path, 'recordings'), { recursive: true, mode: 0o700 });
    return id;
  } catch (error) {
    throw new OxbowError('bad-setting', `${setting}: ${messageOf(error)}`, {
      cause: error,
      extra: { hint: 'The folder must exist, below the place where its disk is mounted, and be empty.' },
    });
  }
}

function writeText(file: string, text: string): Promise<void> {
  return putFile(file, (write) => write(Buffer.from(`${text}\n`)), {});
}

/** The id in a marker; undefined if there is none. */
async function readId(marker: string): Promise<string | undefined> {
  const text = await readText(marker);
  if (text === undefined) return undefined;
  const { id } = JSON.parse(text) as { readonly id?: unknown };
  return typeof id === 'string' ? id : undefined;
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

function parseIds(text: string | undefined): Map<string, string> {
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  return new Map(Object.entries(value as Record<string, string>));
}
