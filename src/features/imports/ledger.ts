/**
 * Which files were imported into a stream, so that an import can be repeated and continued: `imported/STREAM
 * ID.jsonl` in the data folder, one line before a file is written and one when all of it is on the disk.
 * In: names and times of files. Out: their results. A lost ledger makes an import leave out what it
 * cannot tell from recorded media.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemFiles } from '../../lib/files/files.ts';
import { makeFolder } from '../../lib/files/folder.ts';
import { giveToFolderOwner } from '../../lib/platform.ts';

/** Folder of the ledgers in a data folder. */
const FOLDER = 'imported';

/** A file that an import has begun. */
export interface LedgerEntry {
  /** Name relative to the imported folder. */
  readonly name: string;
  /** Bytes that it had. */
  readonly size: number;
  /** Where its clock has 0, µs since 1970. */
  readonly offsetUs: number;
  /** End of its media on its clock, µs; absent until all of it is on the disk. */
  readonly endUs?: number;
}

/** The ledger of one stream. One call at a time. */
export class Ledger implements AsyncDisposable {
  readonly #file: string;
  readonly #entries: Map<string, LedgerEntry>;
  #handle: FileHandle | undefined;

  private constructor(file: string, entries: Map<string, LedgerEntry>) {
    this.#file = file;
    this.#entries = entries;
  }

  /** Reads the ledger of a stream; nothing is written yet. */
  static async open(dataFolder: string, streamId: string): Promise<Ledger> {
    const file = path.join(dataFolder, FOLDER, `${streamId}.jsonl`);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const entries = new Map<string, LedgerEntry>();
    for (const line of text.split('\n')) {
      const entry = parse(line);
      if (entry) entries.set(entry.name, entry);
    }
    return new Ledger(file, entries);
  }

  /** The state of a file. */
  find(name: string): LedgerEntry | undefined {
    return this.#entries.get(name);
  }

  /** Whether all of a file was imported, as it is now. */
  isDone({ name, size }: { readonly name: string; readonly size: number }): boolean {
    const entry = this.find(name);
    return entry?.endUs !== undefined && entry.size === size;
  }

  /** Writes an entry; it survives a crash of the system when this resolves. */
  async write(entry: LedgerEntry): Promise<void> {
    if (!this.#handle) {
      const folder = path.dirname(this.#file);
      makeFolder(folder);
      this.#handle = await open(this.#file, 'a', 0o600);
      giveToFolderOwner(this.#file);
      // A crash may have left half a line: the next begins on a new one.
      await this.#handle.write('\n');
      await systemFiles.syncFolder(folder);
    }
    await this.#handle.write(`${JSON.stringify(entry)}\n`);
    await this.#handle.datasync();
    this.#entries.set(entry.name, entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}

/** Undefined for an empty or truncated line. */
function parse(line: string): LedgerEntry | undefined {
  if (line === '') return undefined;
  try {
    const { name, size, offsetUs, endUs } = JSON.parse(line) as Partial<LedgerEntry>;
    if (typeof name !== 'string' || typeof size !== 'number' || typeof offsetUs !== 'number') return undefined;
    return { name, size, offsetUs, ...(typeof endUs === 'number' && { endUs }) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // torn by a crash
    throw error;
  }
}
