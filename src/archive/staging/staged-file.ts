/**
 * The file of an upload whose bytes go to a bucket: collects parts in memory, and sends each when it is full.
 * What is too short for a part at the end of a request becomes an object, which the next request reads again.
 * In: bytes in order. Out: parts, and rows that note them. Memory: one part.
 */
import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import type { SegmentLocation } from '../segment-store.ts';
import { type KeptBytes, type OpenUploadOptions, type UploadFile, UploadLostError } from '../upload-store.ts';
import { type BucketRequests, unreachable } from './bucket-requests.ts';
import type { PartMemory } from './part-memory.ts';
import { nextPartBytes, partBytesFor } from './part-sizes.ts';
import type { StagedPart, StagedUpload, StagedUploads } from './staged-uploads.ts';

/** What files of uploads have in common. */
export interface StagingTools {
  readonly rows: StagedUploads;
  readonly requests: BucketRequests;
  readonly memory: PartMemory;
  /** Least bytes of a part; default 8 MiB. */
  readonly partBytes?: number | undefined;
}

/** The hash of a file up to a position. */
export interface HashAt {
  readonly position: number;
  readonly hash: Hash;
}

/** Dependencies of a file. */
export interface StagedFileOptions extends StagingTools {
  readonly location: SegmentLocation;
  readonly open: OpenUploadOptions;
  /** Name of the object store, if the upload has none yet. */
  readonly target: string;
  /** The hash up to the stored bytes, if this process received all of them. */
  readonly hashed: () => HashAt | undefined;
  /** Bytes count now. */
  readonly counted: (hash: HashAt) => void;
}

/** A stretch that the bucket has, and that no row has yet. */
interface SentPart {
  readonly row: StagedPart;
  /** Up to its end; undefined: another process received the beginning. */
  readonly hash: Hash | undefined;
}

/** The last bytes of a request that ends are sent within this time, ms: the next one waits for the lock. */
const END_MS = 5_000;

/** Opens the file after its stored bytes. */
export async function openStagedFile(options: StagedFileOptions): Promise<UploadFile> {
  const { rows, memory, location, target, open, hashed } = options;
  const least = options.partBytes;
  const upload = await rows.begin(location, target, partBytesFor(open.length, least));
  const parts = await rows.parts(location);
  const last = parts.at(-1);
  const tail = last?.number === 0 ? last : undefined;
  const start = tail ? tail.start : last ? last.start + last.length : 0;
  const bytes = Math.max(nextPartBytes(upload.part_bytes, upload.last_number, least), tail?.length ?? 0);
  const taken = memory.take(bytes);
  try {
    const before = hashed() ?? (last ? undefined : { position: 0, hash: createHash('sha256') });
    const hash = before?.position === start + (tail?.length ?? 0) ? before.hash.copy() : undefined;
    const file = new StagedFile(options, upload, { start, bytes, taken, hash });
    if (tail) await file.resume(tail);
    return file;
  } catch (error) {
    taken[Symbol.dispose]();
    throw error;
  }
}

/** Sends the part of an upload that has the bytes from `start` on. @throws UploadLostError */
export async function sendPart(
  { rows, requests }: StagingTools,
  upload: StagedUpload,
  { start, bytes, md5 }: { readonly start: number; readonly bytes: Uint8Array; readonly md5: string },
  options: { readonly signal: AbortSignal; readonly once?: boolean },
): Promise<{ readonly uploadId: string; readonly row: StagedPart }> {
  const { location, target, key } = upload;
  let { upload_id: uploadId } = upload;
  if (uploadId === '') {
    const begun = await requests.send(target, (client, { signal }) => client.parts!.begin(key, { signal }), options);
    uploadId = await rows.began(location, begun);
    if (uploadId !== begun) {
      const abandoned = { uploadId: begun, partBytes: 0, parts: [] };
      await requests.send(target, (client, { signal }) => client.abandon(key, abandoned, { signal }), options);
    }
  }
  const number = await rows.takeNumber(location);
  const etag = await requests.send(
    target,
    (client, { signal }) => client.parts!.send(key, { uploadId, number, md5 }, bytes, { signal }),
    options,
  );
  if (etag === 'lost') throw new UploadLostError(`the bucket of ${target} does not know the upload of ${key}`);
  return { uploadId, row: { location, start, length: bytes.length, number, etag, key: '' } };
}

/** Puts a stretch that is too short for a part as an object. */
export async function putStretch(
  { rows, requests }: StagingTools,
  { location, target }: Pick<StagedUpload, 'location' | 'target'>,
  start: number,
  bytes: Uint8Array,
  options: { readonly signal: AbortSignal; readonly once?: boolean },
): Promise<StagedPart> {
  const key = await rows.planObject(target);
  const source = {
    size: bytes.length,
    read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
  };
  await requests.send(target, (client, { signal }) => client.put(key, source, { signal }), options);
  return { location, start, length: bytes.length, number: 0, etag: '', key };
}

/** Reads such an object. @throws UploadLostError */
export async function readStretch(
  { requests }: Pick<StagingTools, 'requests'>,
  target: string,
  { key, length }: StagedPart,
  options: { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const bytes = await requests.send(
    target,
    (client, { signal }) => client.read(key, { offset: 0, length }, { signal }),
    options,
  );
  if (bytes?.length === length) return bytes;
  throw new UploadLostError(`the bucket of ${target} has no complete ${key}`);
}

class StagedFile implements UploadFile {
  readonly #options: StagedFileOptions;
  #upload: StagedUpload;
  /** Offset of the first byte in `#buffer`. */
  #start: number;
  /** Bytes of the part that is collected. */
  #partBytes: number;
  readonly #taken: Disposable[];
  #buffer: Buffer | undefined;
  #filled = 0;
  /** First bytes in `#buffer` that are stored as an object. */
  #stored = 0;
  #md5: Hash = createHash('md5');
  /** Up to the last byte in `#buffer`. */
  #hash: Hash | undefined;
  #sent: SentPart[] = [];
  /** End of what rows have. */
  #noted: number;
  readonly #signal: AbortSignal;

  constructor(
    options: StagedFileOptions,
    upload: StagedUpload,
    at: {
      readonly start: number;
      readonly bytes: number;
      readonly taken: Disposable;
      readonly hash: Hash | undefined;
    },
  ) {
    this.#options = options;
    this.#upload = upload;
    this.#start = at.start;
    this.#noted = at.start;
    this.#partBytes = at.bytes;
    this.#taken = [at.taken];
    this.#hash = at.hash;
    this.#signal = options.open.signal ?? new AbortController().signal;
  }

  /** Reads the bytes after the last part again. */
  async resume(tail: StagedPart): Promise<void> {
    const bytes = await readStretch(this.#options, this.#upload.target, tail, { signal: this.#signal });
    this.#add(bytes);
    this.#stored = this.#filled;
    this.#noted = this.#start + this.#filled;
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    assert.equal(position, this.#start + this.#filled, 'bytes come in order');
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        if (this.#filled === this.#partBytes) await this.#send({ signal: this.#signal });
        const bytes = piece.subarray(at, at + this.#partBytes - this.#filled);
        this.#hash?.update(bytes);
        this.#add(bytes);
        at += bytes.length;
        if (this.#filled === this.#partBytes) await this.#send({ signal: this.#signal });
      }
    }
  }

  async sync(isEnd: boolean): Promise<KeptBytes> {
    const failure = isEnd ? await this.#sendRest() : undefined;
    const sent = [...this.#sent];
    const last = sent.at(-1);
    const position = last ? last.row.start + last.row.length : this.#noted;
    return {
      position,
      failure,
      note: (db: Kysely<Tables>) =>
        this.#options.rows.keep(
          db,
          this.#upload.target,
          sent.map(({ row }) => row),
        ),
      noted: () => {
        this.#sent = this.#sent.filter((part) => !sent.includes(part));
        this.#noted = position;
        if (last?.hash) this.#options.counted({ position, hash: last.hash });
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#buffer = undefined;
    for (const taken of this.#taken) taken[Symbol.dispose]();
  }

  #add(bytes: Uint8Array): void {
    this.#buffer ??= Buffer.allocUnsafeSlow(this.#partBytes);
    this.#buffer.set(bytes, this.#filled);
    this.#md5.update(bytes);
    this.#filled += bytes.length;
  }

  /** Sends what is in memory as a part. If that fails, it stays there. */
  async #send(options: { readonly signal: AbortSignal; readonly once?: boolean }): Promise<void> {
    const bytes = this.#buffer!.subarray(0, this.#filled);
    const part = { start: this.#start, bytes, md5: this.#md5.copy().digest('hex') };
    const { uploadId, row } = await sendPart(this.#options, this.#upload, part, options);
    this.#upload = { ...this.#upload, upload_id: uploadId };
    this.#push(row);
    this.#start += this.#filled;
    this.#filled = 0;
    this.#stored = 0;
    this.#md5 = createHash('md5');
    this.#grow(row.number);
  }

  /** A later part of a file of unknown length is larger. @throws OxbowError `busy` */
  #grow(number: number): void {
    const bytes = nextPartBytes(this.#upload.part_bytes, number, this.#options.partBytes);
    if (bytes <= this.#partBytes) return;
    this.#taken.push(this.#options.memory.take(bytes - this.#partBytes));
    this.#partBytes = bytes;
    this.#buffer = undefined;
  }

  /** Stores what is in memory at the end of a request. Returns why it could not. */
  async #sendRest(): Promise<unknown> {
    if (this.#filled === this.#stored) return undefined;
    // Also after the end of the request: its bytes have arrived, and the rows are guarded by the lock.
    const options = { signal: AbortSignal.timeout(END_MS), once: true };
    const { length } = this.#options.open;
    try {
      if (this.#filled === this.#partBytes || this.#start + this.#filled === length) await this.#send(options);
      else {
        const bytes = this.#buffer!.subarray(0, this.#filled);
        this.#push(await putStretch(this.#options, this.#upload, this.#start, bytes, options));
        this.#stored = this.#filled;
      }
      return undefined;
    } catch (error) {
      return options.signal.aborted ? unreachable(this.#upload.target, error) : error;
    }
  }

  #push(row: StagedPart): void {
    this.#sent.push({ row, hash: this.#hash?.copy() });
  }
}

/** Opens a chunk of a file, which becomes an object when it is complete. */
export function openStagedChunk(
  options: StagedFileOptions,
  upload: StagedUpload,
  chunk: { readonly offset: number; readonly length: number },
): UploadFile {
  const { rows, memory, open } = options;
  const taken = memory.take(chunk.length);
  const bytes = Buffer.allocUnsafeSlow(chunk.length);
  let end = chunk.offset;
  return {
    async write(pieces, position) {
      assert.equal(position, end, 'bytes come in order');
      for (const piece of pieces) {
        bytes.set(piece, end - chunk.offset);
        end += piece.length;
      }
    },
    async sync(isEnd) {
      const none = { position: end, failure: undefined, note: async () => undefined, noted: () => undefined };
      if (!isEnd || end < chunk.offset + chunk.length) return none;
      const signal = open.signal ?? new AbortController().signal;
      const row = await putStretch(options, upload, chunk.offset, bytes, { signal });
      return {
        ...none,
        note: (db: Kysely<Tables>) => rows.keep(db, upload.target, [row]),
      };
    },
    async [Symbol.asyncDispose]() {
      taken[Symbol.dispose]();
    },
  };
}
