/**
 * Stores bytes of a request in the file of an upload: in order after the stored bytes, or as one chunk.
 * In: a body, the upload, its lock. Out: bytes on the disk, and then the row that says so; refusals that name
 * the byte to continue with.
 */
import type { Readable } from 'node:stream';
import { sniffFile } from '@oxbow/media/file/sniff';
import { originalLocation } from '../../archive/asset-locations.ts';
import type { KeptBytes, OpenUploadOptions, UploadDigest, UploadStore } from '../../archive/upload-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import { printSize } from '../../lib/size.ts';
import { type Checksum, checksumMismatch, startChecksum } from './checksum.ts';
import { chunkRange } from './chunks.ts';
import { type Received, receiveBody } from './receive-body.ts';
import { resumeAt, storeFailure, tooLarge, type Upload } from './upload.ts';
import { locked, type UploadLock } from './upload-locks.ts';
import type { UploadParts } from './upload-parts.ts';
import type { UploadTable } from './upload-table.ts';

/** Dependencies of a request that stores bytes. */
export interface WriteContext {
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly store: UploadStore;
  readonly table: UploadTable;
  readonly parts: UploadParts;
  readonly digest: UploadDigest;
  /** When the upload expires if nothing more arrives, ms since 1970. */
  readonly expiresMs: () => number;
  /** Bytes were written. */
  readonly count: (bytes: number) => void;
  /** May report the progress: `received` is called if it does. */
  readonly progress: (received: () => number | Promise<number>) => Promise<void>;
  /** Bytes that may still be stored before the disk is too full. */
  readonly room: () => number;
  readonly maxBytes: number | undefined;
  /** Reserves bytes of a file of unknown length, and `reserveStep` more. Rejects with `quota-exceeded`. */
  readonly reserve: (bytes: number) => Promise<void>;
  readonly reserveStep: number;
}

/** The thread of hashes is notified of new bytes in such steps. */
const HASH_BYTES = 4 * 1024 * 1024;

export interface ChunkStored {
  readonly number: number;
  readonly bytes: number;
  /** It was stored before this request. */
  readonly wasStored: boolean;
  /** Bytes from the start of the file without a hole. */
  readonly received: number;
}

/**
 * Stores a body after the bytes that are there.
 *
 * @returns bytes from the start of the file that are on the disk
 */
export async function storeBytes(
  context: WriteContext,
  upload: Upload,
  lock: UploadLock,
  body: Readable,
  { checksum }: { readonly checksum?: Checksum | undefined },
): Promise<number> {
  const { table, digest, signal, maxBytes } = context;
  const { id, received: position, length } = upload;
  const running = checksum && startChecksum(checksum.algorithm);
  let recorded = position;
  let reserved = 0;
  const record = async (received: number, kept?: KeptBytes) => {
    if (length === undefined && received > reserved) {
      await context.reserve(received);
      reserved = received + context.reserveStep;
    }
    const change = { received, expiresMs: context.expiresMs() };
    if (!(await table.change(id, change, lock.fence, kept))) throw locked();
    recorded = received;
    if (context.room() < 0) throw new OxbowError('no-room', 'The disk is nearly full.');
  };
  let counted = position;
  let hashed = position;
  const result = await receiveInto(context, upload, body, {
    position,
    limit: (length ?? maxBytes ?? Number.MAX_SAFE_INTEGER) - position,
    check: position === 0 ? refuseForeign : undefined,
    inspect: running?.update,
    onWritten: (written) => {
      context.count(written - counted);
      counted = written;
      if (running) return;
      if (written - hashed >= HASH_BYTES) {
        hashed = written;
        digest.reach(written);
      }
      void context.progress(() => written).catch(() => undefined); // an event is not waited for
    },
    onSynced: running ? undefined : record,
    signal,
  }).catch((error: unknown) => Promise.reject(refusalOf(error, recorded, maxBytes)));
  const failure = refusalOf(result.failure, recorded, maxBytes);
  if (running) {
    if (failure !== undefined) throw failure;
    if (running.digest() !== checksum!.hex) throw checksumMismatch('The body', recorded);
    await record(result.position, result.kept);
    digest.reach(recorded);
    await context.progress(() => recorded);
  }
  if (failure !== undefined) throw failure;
  return recorded;
}

/** Stores a chunk, or compares it with the one that is stored. */
export async function storeChunk(
  context: WriteContext,
  upload: Upload & { readonly length: number; readonly chunkBytes: number },
  number: number,
  body: Readable,
  { checksum, lock }: { readonly checksum: Checksum | undefined; readonly lock: UploadLock },
): Promise<ChunkStored> {
  const { table, parts, digest, signal } = context;
  const { id } = upload;
  const { offset, length } = chunkRange(upload, number);
  const before = await parts.find(id, offset);
  const crc = startChecksum('crc32');
  const other = checksum && startChecksum(checksum.algorithm);
  const result = await receiveInto(context, upload, body, {
    position: offset,
    limit: length,
    check: offset === 0 ? refuseForeign : undefined,
    inspect(bytes) {
      crc.update(bytes);
      other?.update(bytes);
    },
    onWritten: () => undefined,
    signal,
    compareOnly: before !== undefined,
    chunk: { offset, length },
  });
  const { received } = (await table.find(id)) ?? upload;
  const failure = refusalOf(result.failure, received, undefined);
  if (failure !== undefined) throw failure;
  const bytes = result.position - offset;
  if (bytes !== length) {
    throw new OxbowError('upload-incomplete', `Chunk ${number} has ${length} bytes, and ${bytes} arrived.`, {
      extra: resumeAt(received),
    });
  }
  if (other && other.digest() !== checksum.hex) throw checksumMismatch(`Chunk ${number}`, received);
  const sum = `crc32:${crc.digest()}`;
  if (before) {
    if (before.checksum === sum) return { number, bytes, wasStored: true, received };
    throw new OxbowError('chunk-differs', `Chunk ${number} is stored with another content.`, {
      extra: resumeAt(received),
    });
  }
  if (lock.taken.aborted) throw locked();
  context.count(bytes);
  const part = { offset, length, checksum: sum };
  if (!result.kept) await parts.add(id, part);
  else if (!(await parts.addKept(id, part, result.kept, lock.fence))) throw locked();
  await table.change(id, { expiresMs: context.expiresMs() }, undefined);
  const end = await parts.advance(id, received);
  digest.reach(end);
  if (end > received) await context.store.advance?.(originalLocation(upload.assetId));
  await context.progress(() => parts.bytes(id));
  return { number, bytes, wasStored: false, received: end };
}

async function receiveInto(
  { store }: WriteContext,
  { assetId, length, target }: Upload,
  body: Readable,
  options: Omit<Parameters<typeof receiveBody>[1], 'file'> &
    Pick<OpenUploadOptions, 'chunk'> & { readonly compareOnly?: boolean },
): Promise<Received> {
  if (options.compareOnly) {
    const nowhere = {
      write: async () => undefined,
      sync: async () => undefined,
      [Symbol.asyncDispose]: async () => {},
    };
    return receiveBody(body, { ...options, file: nowhere });
  }
  const { chunk, signal } = options;
  await using file = await store.open(originalLocation(assetId), { length, chunk, target, signal });
  return await receiveBody(body, { ...options, file });
}

/** Throws `unsupported-media` for a file that is certainly no media. */
function refuseForeign(first: Uint8Array): void {
  const format = sniffFile(first);
  if (format?.kind !== 'other') return;
  throw new OxbowError('unsupported-media', `The file is ${format.name}.`, {
    extra: { hint: 'Upload a video or an audio file.' },
  });
}

/** The refusal of a body that ended early, with the byte to continue with. */
function refusalOf(failure: unknown, received: number, maxBytes: number | undefined): unknown {
  const error = storeFailure(failure, received);
  if (!(error instanceof OxbowError) || 'resumeOffset' in error.extra) return error;
  if (error.code === 'upload-too-large' && maxBytes !== undefined && received >= maxBytes) {
    return tooLarge(`An upload may have ${printSize(maxBytes)}.`, received);
  }
  return new OxbowError(error.code, error.message, { cause: error, extra: { ...error.extra, ...resumeAt(received) } });
}
