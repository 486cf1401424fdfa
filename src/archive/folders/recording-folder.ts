/**
 * A further folder of recordings, usually on another disk. A marker file in it says that it is the folder
 * that it was: an empty mount point has none, and nothing is written there. docs/decisions/0073.
 * In: a path, the id that the data folder remembers. Out: whether the folder is there, and its free space.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { OxbowError, reasonOf, sentenceOf } from '../../lib/errors.ts';
import { type Files, systemFiles } from '../../lib/files/files.ts';
import { putFile } from '../local-segment-store.ts';
import type { SegmentStore } from '../segment-store.ts';

const MARKER = 'oxbow-folder.json';
/** The folders that a data folder has used. */
const KNOWN = 'recording-folders.json';

/** Space on the disk of a folder. Bytes. */
interface FolderSpace {
  readonly free: number;
  readonly total: number;
}

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

  /** Why the folder was unusable at the last check; undefined if usable. */
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
      const id = await readId(join(this.path, MARKER));
      this.#problem =
        id === this.#id
          ? undefined
          : id === undefined
            ? `${this.path} has no ${MARKER}: its disk is not mounted`
            : `${this.path} is the folder of another data folder, or its disk is another one`;
      if (this.#problem === undefined) {
        const { bavail, blocks, bsize } = await statfs(this.path);
        this.#space = { free: bavail * bsize, total: blocks * bsize };
      }
    } catch (error) {
      this.#problem = `${this.path}: ${reasonOf(error)}`;
    }
    return this.#problem;
  }

  /** Throws unless files may be created there. @throws OxbowError `disk-failed` */
  async assertWritable(): Promise<void> {
    if (await this.look()) throw new OxbowError('disk-failed', `The folder ${this.name} is missing: ${this.#problem}.`);
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

/** A folder that the data folder remembers. */
interface KnownFolder {
  readonly id: string;
  /** Its marker was written. Until then a folder without one is not a disk that is missing. */
  readonly isMarked: boolean;
}

/**
 * The ids of folders by name. A folder that is used for the first time must exist; the data folder remembers
 * its id before the folder gets its marker, so that a crash between the two leaves no marker that no one
 * knows.
 *
 * @param folders paths by name
 * @throws OxbowError `bad-setting` if a new folder does not exist, cannot be written, or belongs to another
 *   data folder; errors of the system if the data folder cannot be written
 */
export async function claimFolders(
  dataFolder: string,
  folders: Readonly<Record<string, { readonly path: string }>>,
  files: Files = systemFiles,
): Promise<ReadonlyMap<string, string>> {
  const file = join(dataFolder, KNOWN);
  const before = parseKnown(await readText(file));
  const isNew = Object.entries(folders).filter(([name]) => !before.get(name)?.isMarked);
  if (isNew.length > 0) {
    for (const [name, { path }] of isNew) {
      const id = before.get(name)?.id ?? randomUUID();
      await inSetting(name, () => assertFree(path, id));
      before.set(name, { id, isMarked: false });
    }
    await writeText(file, printKnown(before), files);
    for (const [name, { path }] of isNew) {
      const { id } = before.get(name)!;
      await inSetting(name, () => mark(path, { id, name }, files));
      before.set(name, { id, isMarked: true });
    }
    await writeText(file, printKnown(before), files);
  }
  return new Map(Array.from(before, ([name, { id }]) => [name, id]));
}

/** Throws if the folder does not exist, or has the marker of another data folder. */
async function assertFree(path: string, id: string): Promise<void> {
  await readdir(path);
  const marker = await readId(join(path, MARKER));
  if (marker !== undefined && marker !== id) throw new Error(`${path} is in use by another data folder`);
}

async function mark(path: string, marker: { readonly id: string; readonly name: string }, files: Files): Promise<void> {
  await writeText(join(path, MARKER), JSON.stringify(marker), files);
  await files.mkdir(join(path, 'recordings'), { recursive: true, mode: 0o700 });
}

async function inSetting(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new OxbowError('bad-setting', `storage.folders.${name}: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'The folder must exist, below the place where its disk is mounted, and be empty.' },
    });
  }
}

function writeText(file: string, text: string, files: Files): Promise<void> {
  return putFile(file, (write) => write(Buffer.from(`${text}\n`)), { files });
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

/** A folder with a marker is printed as its id only. */
function printKnown(folders: ReadonlyMap<string, KnownFolder>): string {
  const entries = Array.from(folders, ([name, { id, isMarked }]) => [name, isMarked ? id : { id }]);
  return JSON.stringify(Object.fromEntries(entries));
}

function parseKnown(text: string | undefined): Map<string, KnownFolder> {
  const value = (text === undefined ? {} : JSON.parse(text)) as Readonly<Record<string, string | { id: string }>>;
  const folderOf = (entry: string | { id: string }): KnownFolder =>
    typeof entry === 'string' ? { id: entry, isMarked: true } : { id: entry.id, isMarked: false };
  return new Map(Object.entries(value).map(([name, entry]) => [name, folderOf(entry)]));
}
