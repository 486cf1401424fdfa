/**
 * Sealed rows as Parquet files in a folder, each with a copy in an object store if one is set.
 * In: batches of rows. Out: `ID.parquet`. A file that this machine does not have is fetched from the object
 * store.
 */
import { join, resolve } from 'node:path';
import type { ObjectClient } from '../../../archive/objects/object-client.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { type Files, systemFiles } from '../../../lib/files/files.ts';
import { makeFolder } from '../../../lib/files/folder.ts';
import { replaceFile, UNFINISHED } from '../../../lib/files/replace-file.ts';
import type { Order, Printed, Replies } from './orders.ts';
import type { Answer, Question } from './question.ts';
import { RowsChild } from './rows-child.ts';
import type { SealedBatch } from './sealed-batch.ts';
import type { FoundBatch, PlaceOptions, SealedPlace, StoredBatch } from './sealed-place.ts';
import type { SealedRow } from './sealed-row.ts';

const ENDING = '.parquet';
/** Ids are ours: nothing else in the folder is touched. */
const NAME = /^\d{4}-\d\d-\d\dT\d\d-[0-9a-f]{12}\.parquet$/;
/** Bytes that are fetched at a time. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Rows that are read without DuckDB: some seconds. */
const MOST_ROWS = 2_000_000;

export interface ParquetPlaceOptions {
  /** Absolute path; created if it is missing. */
  readonly folder: string;
  /** The object store with copies. */
  readonly copies?:
    | {
        /** Its name in `storage.targets`. */
        readonly target: string;
        /** Start of the keys, without `/` at its end. */
        readonly prefix: string;
        readonly client: () => Promise<ObjectClient>;
      }
    | undefined;
  /** As `ChildSettings`. */
  readonly duckdb: string;
  readonly memoryMb: number;
  readonly threads: number;
  /** Default 2,000,000. */
  readonly mostRows?: number;
  readonly files?: Files;
}

/** The files. */
export class ParquetPlace implements SealedPlace {
  readonly name = 'files';
  readonly #options: ParquetPlaceOptions;
  readonly #files: Files;
  readonly #child: RowsChild;
  /** Ids of files that were seen here: a question about a month has hundreds. */
  readonly #seen = new Set<string>();
  /** Files that are being fetched; each ends with the question that began it. */
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(options: ParquetPlaceOptions) {
    const { folder, duckdb, memoryMb, threads, mostRows = MOST_ROWS, files = systemFiles } = options;
    makeFolder(folder);
    this.#options = options;
    this.#files = files;
    this.#child = new RowsChild({ folder, duckdb: duckdb === '' ? '' : resolve(duckdb), memoryMb, threads, mostRows });
  }

  /** Absolute path. */
  get folder(): string {
    return this.#options.folder;
  }

  get target(): string {
    return this.#options.copies?.target ?? '';
  }

  async insert(id: string, rows: readonly SealedRow[], options: PlaceOptions): Promise<StoredBatch> {
    return await this.#write(id, await this.#run({ order: 'print', rows }, options), options);
  }

  async remove({ id, target }: Pick<SealedBatch, 'id' | 'target'>, { signal }: PlaceOptions): Promise<void> {
    const path = this.#path(id);
    this.#seen.delete(id);
    for (const file of [path, `${path}${UNFINISHED}`]) await this.#files.rm(file, { force: true });
    await this.#files.syncFolder(this.#options.folder);
    if (target !== '') await (await this.#clientOf(target)).delete(this.#key(id), { signal });
  }

  async without(
    batch: SealedBatch,
    contents: readonly string[],
    id: string,
    options: PlaceOptions,
  ): Promise<StoredBatch | undefined> {
    await this.#fetch(batch, options);
    const printed = await this.#run({ order: 'without', file: this.#path(batch.id), contents }, options);
    if (!printed.isChanged) return undefined;
    return printed.rows === 0 ? { rows: 0, bytes: 0 } : await this.#write(id, printed, options);
  }

  async ask(question: Question, batches: readonly SealedBatch[], options: PlaceOptions): Promise<Answer> {
    if (batches.length === 0) return [];
    for (const batch of batches) await this.#fetch(batch, options);
    const files = batches.map(({ id }) => this.#path(id));
    try {
      return await this.#run({ order: 'ask', question, files }, options);
    } catch (error) {
      this.#seen.clear(); // a file may have been taken away
      throw error;
    }
  }

  async *find(known: ReadonlySet<string>, options: PlaceOptions): AsyncGenerator<FoundBatch> {
    const { copies } = this.#options;
    const names: string[] = [];
    if (copies) {
      const client = await copies.client();
      for await (const { key } of client.list(this.#keys, options)) {
        names.push(key.slice(key.lastIndexOf('/') + 1));
      }
    } else {
      names.push(...(await this.#names()));
    }
    const { target } = this;
    for (const name of names) {
      const id = name.slice(0, -ENDING.length);
      if (!NAME.test(name) || known.has(id)) continue;
      await this.#fetch({ id, target }, options);
      const file = this.#path(id);
      const { rows, firstMinute, lastMinute, contents } = await this.#run({ order: 'describe', file }, options);
      const { size } = await this.#files.stat(file);
      yield { id, target, rows, bytes: size, first_minute: firstMinute, last_minute: lastMinute, contents };
    }
  }

  async tidy(known: ReadonlySet<string>): Promise<void> {
    if (!this.#options.copies) return;
    for (const name of await this.#names()) {
      const id = name.slice(0, -ENDING.length);
      if (known.has(id)) continue;
      this.#seen.delete(id);
      await this.#files.rm(this.#path(id), { force: true });
    }
  }

  async check(options: PlaceOptions): Promise<string> {
    const { duckdb, reason } = await this.#run({ order: 'engine' }, options);
    const { mostRows = MOST_ROWS } = this.#options;
    return duckdb === null
      ? `questions about more than ${mostRows} sealed rows are refused: DuckDB is not there (${reason})`
      : `DuckDB ${duckdb} answers`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  #run<O extends Order>(order: O, options: PlaceOptions): Promise<Replies[O['order']]> {
    return this.#child.run(order, options);
  }

  /** The files of this folder. */
  async #names(): Promise<readonly string[]> {
    const entries = await this.#files.readdir(this.#options.folder);
    return entries.map(({ name }) => name).filter((name) => NAME.test(name));
  }

  #path(id: string): string {
    return join(this.#options.folder, `${id}${ENDING}`);
  }

  #key(id: string): string {
    return `${this.#keys}${id}${ENDING}`;
  }

  /** Start of all keys. */
  get #keys(): string {
    const { prefix = '' } = this.#options.copies ?? {};
    return `${prefix === '' ? '' : `${prefix}/`}insight/`;
  }

  #clientOf(target: string): Promise<ObjectClient> {
    const { copies } = this.#options;
    if (copies?.target !== target) {
      throw new OxbowError(
        'storage-failed',
        `Sealed hours are in "${target}", and insight.target is "${this.target}".`,
      );
    }
    return copies.client();
  }

  /** The file, then its copy. */
  async #write(id: string, { rows, bytes }: Printed, { signal }: PlaceOptions): Promise<StoredBatch> {
    const content = Buffer.from(bytes, 'base64');
    await replaceFile(this.#files, this.#path(id), content, { mode: 0o600 });
    if (this.#options.copies) {
      const client = await this.#options.copies.client();
      const read = async (offset: number, length: number) => content.subarray(offset, offset + length);
      await client.put(this.#key(id), { size: content.length, read }, { signal });
    }
    return { rows, bytes: content.length };
  }

  /** Brings a file here, for one question after the other. @throws OxbowError `storage-failed` */
  async #fetch(batch: Pick<SealedBatch, 'id' | 'target'>, options: PlaceOptions): Promise<void> {
    const { id } = batch;
    if (this.#seen.has(id)) return;
    const before = this.#fetching.get(id);
    // If the one before has failed, this one tries.
    const fetching = before
      ? before.then(undefined, () => this.#fetchNow(batch, options))
      : this.#fetchNow(batch, options);
    this.#fetching.set(id, fetching);
    try {
      await fetching;
    } finally {
      if (this.#fetching.get(id) === fetching) this.#fetching.delete(id);
    }
  }

  async #fetchNow({ id, target }: Pick<SealedBatch, 'id' | 'target'>, { signal }: PlaceOptions): Promise<void> {
    signal.throwIfAborted();
    const path = this.#path(id);
    if (await this.#files.stat(path).catch(() => undefined)) {
      this.#seen.add(id);
      return;
    }
    if (target === '') throw missing(path);
    const client = await this.#clientOf(target);
    await replaceFile(
      this.#files,
      path,
      async (write) => {
        for (let offset = 0; ; offset += PIECE_BYTES) {
          const piece = await client.read(this.#key(id), { offset, length: PIECE_BYTES }, { signal });
          if (!piece) throw missing(this.#key(id));
          await write(piece);
          if (piece.length < PIECE_BYTES) return;
        }
      },
      { mode: 0o600 },
    );
  }
}

function missing(where: string): OxbowError {
  return new OxbowError('storage-failed', `The sealed hour ${where} is missing.`, {
    extra: { hint: 'Restore it from a copy of the data folder, or wait until `insight.keep` has passed.' },
  });
}
