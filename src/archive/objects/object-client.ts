/**
 * The contract of a bucket: whole objects are put, read by range, listed and deleted. No object changes after
 * it was put.
 * In: keys, bytes. Out: the same bytes. Engines: s3-client (S3 and what speaks it), azure-client,
 * folder-client. docs/decisions/0050.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * Part of a multipart upload, bytes: what a server demands at least is 5 MiB; a part is in memory while it is
 * sent.
 */
const PART_BYTES = 8 * 1024 * 1024;
/** No server takes more parts of one object than 10,000. */
const MAX_PARTS = 9_500;
/** A request that is not answered for this long has failed, ms. */
export const IDLE_MS = 30_000;
/** A connection that is not there after this long has failed, ms. */
export const CONNECT_MS = 10_000;
/** No request that sends a part takes longer, ms: 8 MiB at 0.25 Mbit/s. */
export const SEND_MS = 300_000;
/** No other request takes longer, ms: a block of 1 MiB. */
export const REQUEST_MS = 60_000;

/** Options of every operation: an abort rejects with the reason of the signal. */
export interface ClientOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What is put: bytes that can be read again, because a part may be sent twice. */
export interface ObjectSource {
  /** Bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes. They may be in the memory of the bytes of the call before. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What a server compares with the bytes that it got. `none`: bytes are compared themselves, in a folder. */
export type PartHash = 'md5' | 'sha256' | 'crc32' | 'none';

/** An upload in parts that has begun; JSON, to continue it in another process. */
export interface PartialUpload {
  /** Of the server; empty if it has none. */
  readonly uploadId: string;
  /** Of each part but the last. */
  readonly partBytes: number;
  /** What its server compares: it refuses parts with another hash. Absent: MD5. */
  readonly hash?: PartHash;
  /** The parts that the server has, in order: their hash as hex, and the entity tag that the server gave. */
  readonly parts: readonly { readonly sum: string; readonly etag: string }[];
}

/** Options of `put`. */
export interface PutOptions extends ClientOptions {
  /** Continues this upload of the same bytes; if the server has forgotten it, the upload begins again. */
  readonly resume?: PartialUpload | undefined;
  /** Awaited when an upload in parts has begun, and after each part. */
  readonly saved?: (upload: PartialUpload) => Promise<void>;
  /** Called with the bytes that were sent. */
  readonly sent?: (bytes: number) => void;
  /**
   * The object has a checksum of its bytes, and is put with one request whatever its size: no sums are
   * computed, and those of the answer are empty.
   */
  readonly hasChecksum?: boolean;
}

/** What was put without sums. */
export const NO_SUMS: PutSums = { hash: 'none', tag: '', isChecked: true };

/** What was put. The bytes are hashed once, with what the server compares. */
export interface PutSums {
  readonly hash: PartHash;
  /**
   * Hex hash of the bytes; of several parts, that of their hashes, `-`, and their number; empty without a
   * hash. `head` has the same of an object with these bytes, if the server computes it as most do.
   */
  readonly tag: string;
  /** The place compared every byte before it answered, or is a folder of this machine: the size is enough. */
  readonly isChecked: boolean;
}

/** What the server says of an object. */
export interface ObjectHead {
  /** Bytes. */
  readonly size: number;
  /**
   * Hex hash of the object, or of the hashes of its parts followed by their number; other servers and
   * encryption give other text, folders none.
   */
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** Which objects are listed. */
export interface ListOptions extends ClientOptions {
  /** Only keys after this one. */
  readonly after?: string | undefined;
}

/** An upload in parts that is not complete. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  /** When it began, ms since 1970, by the clock of the server. */
  readonly startedMs: number;
}

/** Where a list of open uploads continues. */
export interface OpenUploadsOptions extends ClientOptions {
  readonly after?: Pick<OpenUpload, 'key' | 'uploadId'> | undefined;
}

/** How long an address is valid, and how the bucket answers it. */
export interface PresignOptions extends ClientOptions {
  /** Seconds from `signedAtMs` on. */
  readonly expiresS: number;
  /** ms since 1970; default: now. Addresses that are signed for the same time are equal. */
  readonly signedAtMs?: number;
  readonly contentType: string;
  /** Value of Content-Disposition. */
  readonly disposition?: string;
  /** Value of Cache-Control. */
  readonly cacheControl?: string;
}

/**
 * The parts of an object, sent in any order by anyone who knows its upload. A number may be sent again: the
 * last one counts.
 */
export interface ObjectParts {
  /** Begins an upload in parts; returns its id. */
  begin(key: string, options?: ClientOptions): Promise<string>;
  /**
   * Sends a part. All but the one with the highest number have 5 MiB or more.
   *
   * @param at.number 1 to 10,000: parts are joined in the order of their numbers, which may have holes
   * @param at.md5 of the bytes, hex
   * @returns the entity tag of the server; `lost` if it does not know the upload
   */
  send(
    key: string,
    at: { readonly uploadId: string; readonly number: number; readonly md5: string },
    bytes: Uint8Array,
    options?: ClientOptions,
  ): Promise<string | 'lost'>;
  /** Makes the object of some parts, by their numbers; the others are dropped. `lost` as above. */
  complete(
    key: string,
    uploadId: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
    options?: ClientOptions,
  ): Promise<'done' | 'lost'>;
}

/** A bucket. Every operation but `list` is one request, `put` several; none is repeated. */
export interface ObjectClient extends AsyncDisposable {
  /** Resolves if the bucket is there and may be used. Rejects with ObjectError. */
  check(options?: ClientOptions): Promise<void>;
  /**
   * Stores an object, or replaces it. It is there when this resolves, complete; if it rejects, there is none
   * or the one before.
   */
  put(key: string, source: ObjectSource, options?: PutOptions): Promise<PutSums>;
  /** Reads a range: fewer bytes at the end of the object. Undefined if there is no such object. */
  read(
    key: string,
    range: { readonly offset: number; readonly length: number },
    options?: ClientOptions,
  ): Promise<Uint8Array | undefined>;
  /** Undefined if there is no such object. */
  head(key: string, options?: ClientOptions): Promise<ObjectHead | undefined>;
  /** Deletes an object; no error if there is none. */
  delete(key: string, options?: ClientOptions): Promise<void>;
  /** Discards an upload in parts that is not complete; no error if there is none. */
  abandon(key: string, upload: PartialUpload, options?: ClientOptions): Promise<void>;
  /** Undefined: parts of one object cannot be sent apart from each other. */
  readonly parts: ObjectParts | undefined;
  /** Objects whose keys have a prefix, in order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListedObject>;
  /**
   * Uploads in parts of keys with a prefix that are not complete, in order of keys; those behind `after`.
   * Undefined: none stays in such a place.
   */
  openUploads?(prefix: string, options?: OpenUploadsOptions): AsyncIterable<OpenUpload>;
  /** An address where anyone can read an object for some time. */
  presign(key: string, options: PresignOptions): Promise<string>;
}

/** A request to a bucket failed. The message has no secret. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
}

/** Bytes of each part but the last, for an object of `size` bytes. One part: it is put with one request. */
export function partBytesOf(size: number): number {
  return Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
}

/** Number of parts of an object; at least 1. */
export function partsOf(size: number, partBytes: number): number {
  return Math.max(1, Math.ceil(size / partBytes));
}

/** Whether a key comes after another one in lists: in order of their bytes. */
export function isAfter(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;
}

/** Hex hash, empty for `none`. MD5 is what most servers call an entity tag. */
export function hashOf(hash: PartHash, bytes: Uint8Array): string {
  if (hash === 'none') return '';
  if (hash === 'crc32') return crc32(bytes).toString(16).padStart(8, '0');
  return createHash(hash).update(bytes).digest('hex');
}

/**
 * The entity tag that most servers give to an object of several parts; with SHA-256, the checksum that S3
 * has.
 *
 * @param sums of the parts, hex
 */
export function tagOfParts(sums: readonly string[], hash: PartHash = 'md5'): string {
  if (hash === 'none') return '';
  return `${hashOf(hash, Buffer.from(sums.join(''), 'hex'))}-${sums.length}`;
}

/** One request of an engine. */
interface ObjectRequest<T> {
  /** What it does, for its error: `could not …`. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** @param signal fires with that of the caller, or when the request takes longer than `limitMs` */
  send(signal: AbortSignal): Promise<T>;
  readonly limitMs?: number | undefined;
  /** Describes an error of the engine's library. */
  describe(error: unknown): string;
}

/** Sends a request. @throws ObjectError; the reason of the caller's signal */
export async function sendRequest<T>({ what, signal, send, limitMs, describe }: ObjectRequest<T>): Promise<T> {
  signal?.throwIfAborted();
  const limit = AbortSignal.timeout(limitMs ?? REQUEST_MS);
  try {
    return await send(signal ? AbortSignal.any([signal, limit]) : limit);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ObjectError) throw error;
    throw new ObjectError(`could not ${what}: ${describe(error)}`, { cause: error });
  }
}

/** How an engine sends the parts of an object. */
interface PartSender {
  /** What the server compares with the bytes of a part. */
  readonly hash: PartHash;
  /** See PutSums. */
  readonly isChecked: boolean;
  /**
   * Whether part `index` has these bytes, of an upload that continues; default: whether their hashes are
   * equal.
   */
  isSame?(uploadId: string, index: number, bytes: Uint8Array): Promise<boolean>;
  /** Begins an upload. */
  begin(): Promise<string>;
  /**
   * Sends part `index` (from 0); returns the server's entity tag, or `lost` if it does not know the upload.
   */
  send(uploadId: string, index: number, bytes: Uint8Array, sum: string): Promise<string | 'lost'>;
  /** Makes the object of its parts; `lost` as above. */
  complete(uploadId: string, parts: PartialUpload['parts']): Promise<'done' | 'lost'>;
  /** Discards an upload that is not continued; its failure does not matter. */
  abandon(upload: PartialUpload): Promise<void>;
}

/**
 * Puts an object in parts, one after another, and continues an upload that was interrupted. Parts that the
 * server has are read again from the source for the sums, and sent again if their bytes are others.
 */
export async function putInParts(source: ObjectSource, sender: PartSender, options: PutOptions): Promise<PutSums> {
  const { resume, saved, sent } = options;
  const { hash, isChecked } = sender;
  const wanted = partBytesOf(source.size);
  const isUsable = resume?.partBytes === wanted && (resume.hash ?? 'md5') === hash;
  if (resume && !isUsable) {
    await sender.abandon(resume).catch(() => undefined); // an open upload of a day ago is looked for
    options.signal?.throwIfAborted();
  }
  // Twice: the server may have forgotten the first upload.
  for (let partial = isUsable ? resume : undefined, tries = 0; tries < 2; tries++, partial = undefined) {
    const uploadId = partial?.uploadId ?? (await sender.begin());
    const count = partsOf(source.size, wanted);
    const parts: { sum: string; etag: string }[] = [];
    const keep = () => saved?.({ uploadId, partBytes: wanted, hash, parts });
    if (!partial) await keep();
    let isLost = false;
    for (let index = 0; index < count && !isLost; index++) {
      options.signal?.throwIfAborted();
      const bytes = await source.read(index * wanted, Math.min(wanted, source.size - index * wanted));
      const sum = hashOf(hash, bytes);
      const stored = partial?.parts[index];
      const isSame = stored?.sum === sum && ((await sender.isSame?.(uploadId, index, bytes)) ?? true);
      if (isSame) {
        parts.push(stored);
        continue;
      }
      const etag = await sender.send(uploadId, index, bytes, sum);
      isLost = etag === 'lost';
      parts.push({ sum, etag });
      if (isLost) break;
      sent?.(bytes.length);
      await keep();
    }
    if (!isLost) isLost = (await sender.complete(uploadId, parts)) === 'lost';
    const sums = parts.map(({ sum }) => sum);
    if (!isLost) return { hash, tag: tagOfParts(sums, hash), isChecked };
  }
  throw new ObjectError('the server forgot the upload twice');
}
