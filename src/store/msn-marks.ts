/**
 * Stores the highest MSN that may have been announced, by stream name, before it is announced: no MSN is used
 * twice.
 * In: names, and MSNs of announced segments. Out: the first MSN of a stream; `msn-marks.json` in the data
 * folder, which survives a lost or older database. docs/media.md 14; docs/decisions/0016.
 */
import path from 'node:path';
import { waitFor } from '../lib/abort.ts';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { giveToFolderOwner } from '../lib/platform.ts';
import { MSN_MARKS_FILE } from './file-names.ts';

/**
 * MSNs reserved at a time: more than two hours of segments of 2 s. The next block is reserved when half of
 * this one is used.
 */
export const MSN_BLOCK = 4096;
/** Added to all marks if the file is lost: 48 days at four segments a second. */
export const LOST_MARKS_MSNS = 2 ** 24;
/** Most names with their own mark; beyond it, unused names with the lowest marks share one. */
const MAX_NAMES = 4096;
/** 2020-01-01, unix seconds: origin of MSNs. */
const EPOCH_S = 1_577_836_800;
const MSN_PER_SECOND = 4;

/**
 * The lowest MSN that a stream may begin with at a time: four for each second since 2020, so that MSNs rise
 * even without a mark.
 *
 * @param ms UTC, ms since 1970
 */
export function leastMsnAt(ms: number): number {
  return MSN_PER_SECOND * Math.floor(ms / 1000 - EPOCH_S);
}

/** Content of the file. */
interface Marks {
  /** Highest MSN that may have been announced, by stream name. */
  readonly marks: Readonly<Record<string, number>>;
  /** The same for every name that is not listed. */
  readonly others: number;
}

/** The MSNs of one running stream. Disposing releases the name; its mark stays. */
export interface MsnClaim extends Disposable {
  /** First MSN of the stream. */
  readonly first: number;
  /** Reports that a segment was announced. Never waits: the next block is reserved well ahead. */
  announced(msn: number): void;
  /** Resolves when the next MSNs are reserved on disk. Rejects with the signal's reason when aborted. */
  ready(options: { signal: AbortSignal }): Promise<void>;
}

interface Name {
  /** Highest MSN announced by this process, or possibly by an earlier one. */
  announced: number;
  /** Requested mark in the file. */
  wanted: number;
  /** Mark in the file. */
  stored: number;
  inUse: boolean;
}

/** Options of `openMsnMarks`. */
export interface MsnMarksOptions {
  /** The data folder. */
  readonly folder: string;
  /**
   * Called if the file is missing or unreadable: the highest known MSN, or undefined in a new data folder.
   */
  readonly lost: () => Promise<number | undefined>;
  /** Reports that marks could not be written: streams continue, and the next segment retries. */
  readonly failed: (error: unknown) => void;
  /** The file layer; default: that of the system. */
  readonly files?: Files;
}

/** The marks of a data folder. Only one process may have them open. Disposing waits for the last write. */
export class MsnMarks implements AsyncDisposable {
  readonly #options: MsnMarksOptions;
  readonly #names = new Map<string, Name>();
  #others: number;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  private constructor(options: MsnMarksOptions, { marks, others }: Marks) {
    this.#options = options;
    this.#others = others;
    for (const [name, mark] of Object.entries(marks)) {
      this.#names.set(name, { announced: mark, wanted: mark, stored: mark, inUse: false });
    }
  }

  /** Reads the file; if it is missing or damaged, raises every mark by `LOST_MARKS_MSNS`. */
  static async open(options: MsnMarksOptions): Promise<MsnMarks> {
    const marks = await readMarks(options.files ?? systemFiles, options.folder);
    if (marks) return new MsnMarks(options, marks);
    const lost = await options.lost();
    return new MsnMarks(options, { marks: {}, others: lost === undefined ? 0 : lost + LOST_MARKS_MSNS });
  }

  /**
   * Opens the MSNs of a name and reserves its first block. Resolves even if the write fails, so that live
   * streams continue.
   *
   * @param atLeast lower bound of the first MSN
   */
  async claim(name: string, atLeast: number): Promise<MsnClaim> {
    const previous = this.#names.get(name);
    const first = Math.max(atLeast, (previous?.announced ?? this.#others) + 1);
    const state: Name = previous ?? { announced: first - 1, wanted: 0, stored: 0, inUse: true };
    state.announced = first - 1;
    state.inUse = true;
    this.#names.set(name, state);
    await this.#reserve(state);
    return {
      first,
      announced: (msn) => {
        state.announced = Math.max(state.announced, msn);
        void this.#reserve(state);
      },
      ready: async ({ signal }) => {
        signal.throwIfAborted();
        if (state.stored - state.announced >= MSN_BLOCK / 4) return;
        await waitFor(this.#reserve(state), { signal });
      },
      [Symbol.dispose]: () => {
        state.inUse = false;
      },
    };
  }

  /**
   * Another node had the name: leaves out the MSNs that it may have announced.
   *
   * @param indexed its last MSN in the index; later ones may have been announced, a block at most
   */
  async raise(name: string, indexed: number): Promise<void> {
    const previous = this.#names.get(name);
    const announced = indexed + MSN_BLOCK;
    if (previous?.inUse || (previous?.announced ?? this.#others) >= announced) return;
    const state: Name = previous ?? { announced, wanted: 0, stored: 0, inUse: false };
    state.announced = announced;
    this.#names.set(name, state);
    await this.#reserve(state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing) await (this.#next ?? this.#writing);
  }

  /** Reserves a block if less than half of one is left. Never rejects. */
  async #reserve(state: Name): Promise<void> {
    if (state.stored - state.announced >= MSN_BLOCK / 2) return;
    if (state.wanted - state.announced < MSN_BLOCK / 2) state.wanted = state.announced + MSN_BLOCK;
    await this.#save();
  }

  /** Writes the file; requests during a write share the next one. Never rejects. */
  #save(): Promise<void> {
    if (!this.#writing) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
      return this.#writing;
    }
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      return this.#save();
    });
    return this.#next;
  }

  async #write(): Promise<void> {
    this.#join();
    const written = new Map([...this.#names].map(([name, state]) => [name, state.wanted]));
    try {
      const { files = systemFiles, folder } = this.#options;
      await writeMarks(files, folder, { marks: Object.fromEntries(written), others: this.#others });
    } catch (error) {
      this.#options.failed(error);
      return;
    }
    for (const [name, mark] of written) this.#names.get(name)!.stored = mark;
  }

  /** Merges marks beyond the limit of names. */
  #join(): void {
    const excess = this.#names.size - MAX_NAMES;
    if (excess <= 0) return;
    const idle = [...this.#names].filter(([, { inUse }]) => !inUse).sort(([, a], [, b]) => a.wanted - b.wanted);
    for (const [name, { wanted }] of idle.slice(0, excess)) {
      this.#others = Math.max(this.#others, wanted);
      this.#names.delete(name);
    }
  }
}

/**
 * Merges the marks of a backup into a data folder: the larger mark wins. If the folder has none, segments may
 * have been announced after the backup, so all marks are raised by `LOST_MARKS_MSNS`.
 *
 * @param backup content of the file in the backup; undefined if it has none
 * @param highestMsn highest MSN of the restored index, or `leastMsnAt` now, whichever is larger
 */
export async function restoreMarks(
  folder: string,
  backup: Uint8Array | undefined,
  highestMsn: number,
  files: Files = systemFiles,
): Promise<void> {
  const there = await readMarks(files, folder);
  const saved = backup && parseMarks(backup);
  const highest = Math.max(highestMsn, saved?.others ?? 0, ...Object.values(saved?.marks ?? {}));
  const old = there ?? { marks: {}, others: highest + LOST_MARKS_MSNS };
  const marks = new Map(Object.entries(old.marks));
  for (const [name, mark] of Object.entries(saved?.marks ?? {})) {
    marks.set(name, Math.max(mark, marks.get(name) ?? old.others));
  }
  await writeMarks(files, folder, {
    marks: Object.fromEntries(marks),
    others: Math.max(old.others, saved?.others ?? 0),
  });
}

/**
 * Writes the highest mark of each name in some folders to all that should have them, before a process opens
 * one: streams may be with other processes from now on. Without any marks nothing is written, so that those
 * that are missing count as lost.
 *
 * @param from folders with marks; those without any are left out
 * @param options.isNew there was no stream yet: no mark is missing
 */
export async function mergeMsnMarks(
  from: readonly string[],
  to: readonly string[],
  { isNew, files = systemFiles }: { readonly isNew: boolean; readonly files?: Files },
): Promise<void> {
  const merged = (await readMerged(from, files)) ?? (isNew ? { marks: {}, others: 0 } : undefined);
  if (merged) for (const folder of to) await writeMarks(files, folder, merged);
}

/** The content of a file with the highest mark of each name in some folders; undefined: none has marks. */
export async function readMergedMsnMarks(
  from: readonly string[],
  files: Files = systemFiles,
): Promise<Uint8Array | undefined> {
  const merged = await readMerged(from, files);
  return merged && printMarks(merged);
}

async function readMerged(from: readonly string[], files: Files): Promise<Marks | undefined> {
  const read = await Promise.all(from.map((folder) => readMarks(files, folder)));
  const all = read.filter((marks) => marks !== undefined);
  if (all.length === 0) return undefined;
  const merged = new Map<string, number>();
  const others = Math.max(...all.map((each) => each.others));
  for (const { marks } of all)
    for (const [name, mark] of Object.entries(marks)) merged.set(name, Math.max(mark, merged.get(name) ?? 0));
  // A name that another folder does not list may be at most as high there as all that it does not list.
  return { marks: Object.fromEntries(Array.from(merged, ([name, mark]) => [name, Math.max(mark, others)])), others };
}

/** Undefined if there is no file or it is malformed. */
async function readMarks(files: Files, folder: string): Promise<Marks | undefined> {
  try {
    return parseMarks(await files.readFile(path.join(folder, MSN_MARKS_FILE)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseMarks(bytes: Uint8Array): Marks | undefined {
  let value: Partial<Marks>;
  try {
    value = JSON.parse(Buffer.from(bytes).toString()) as Partial<Marks>;
  } catch {
    return undefined; // damaged, treated as missing
  }
  const { marks, others } = value ?? {};
  const isMark = (mark: unknown) => Number.isSafeInteger(mark);
  if (typeof marks !== 'object' || marks === null || !Object.values(marks).every(isMark) || !isMark(others)) {
    return undefined;
  }
  return { marks, others: others! };
}

/** Replaces the file atomically and durably. */
async function writeMarks(files: Files, folder: string, marks: Marks): Promise<void> {
  const content = printMarks(marks);
  await replaceFile(files, path.join(folder, MSN_MARKS_FILE), content, { mode: 0o600, ready: giveToFolderOwner });
}

function printMarks(marks: Marks): Buffer {
  return Buffer.from(`${JSON.stringify(marks)}\n`);
}
