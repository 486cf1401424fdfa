/**
 * Uploads one file of the segment store to a bucket, verifies the object, and makes it visible.
 * In: a location whose file does not change any more. Out: an object with a row in the index. Interrupted at
 * any point, by an error or the end of the process, the next call for the location continues.
 */
import { pageMemory } from '../../lib/memory/page-memory.ts';
import { placeholderOffset } from '../chunk-file.ts';
import { isMissing, type SegmentLocation, type SegmentStore, ShortReadError } from '../segment-store.ts';
import { type FilePiece, loggedKey, objectsOf, printLogged, withoutLogged } from './logged/logged-file.ts';
import {
  hashOf,
  type ObjectClient,
  ObjectError,
  type PartialUpload,
  type PutSums,
  partBytesOf,
  tagOfParts,
} from './object-client.ts';
import type { ObjectUpload, ObjectUploads } from './object-uploads.ts';
import type { StoredObjects } from './stored-objects.ts';

/** Memory for parts, used again by the next upload: new memory costs more than to read the file. */
const rooms: Buffer[] = [];
/** Parts that were sent in this time may be sent again after a crash, ms: a fast place needs one row. */
const SAVE_EVERY_MS = 2_000;
/** Rooms that are kept; further uploads at a time have their own. */
const MAX_ROOMS = 2;

export interface UploadOptions {
  /** The store of files. */
  readonly local: SegmentStore;
  readonly uploads: ObjectUploads;
  /** Where the object becomes visible. */
  readonly objects: Pick<StoredObjects, 'commit'>;
  readonly client: ObjectClient;
  /** Name of the target. */
  readonly target: string;
  /** Start of all keys, without `/` at its end; may be empty. */
  readonly prefix: string;
  /** Called with the bytes that were sent. */
  readonly sent?: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Uploads.
 *
 * @returns `gone` if the file was deleted before or meanwhile
 * @throws ObjectError if the bucket fails, or has other bytes; OxbowError `data-in-use` if another process
 *   has taken the data folder
 */
export async function uploadObject(location: SegmentLocation, options: UploadOptions): Promise<'stored' | 'gone'> {
  const { local, uploads, objects, client, target, prefix, sent, signal } = options;
  const upload = await uploads.begin(location, target, keyOf(prefix, uploads.token, location));
  const { key } = upload;
  try {
    // After the intent: a deletion that runs now sees one of both.
    const size = await local.size(location, { signal });
    const sums = await withRoom(partBytesOf(size), async (room) => {
      const read = async (offset: number, length: number) => {
        const bytes = await local.read(location, { offset, length }, { signal, into: room });
        if (bytes.length < length) throw new ShortReadError(location, offset + length);
        return bytes;
      };
      const saver = new PartSaver((parts) => uploads.save(location, parts));
      const saved = (parts: PartialUpload) => saver.saved(parts);
      try {
        return await client.put(
          key,
          { size, read },
          { signal, resume: readParts(upload), saved, ...(sent && { sent }) },
        );
      } catch (error) {
        await saver.end().catch(() => undefined); // then these parts are sent again
        throw error;
      }
    });
    await verify(client, { key, size }, sums, signal);
    const isVisible = await objects.commit({ location, target, key, size, checksum: sums.tag });
    return isVisible ? 'stored' : 'gone';
  } catch (error) {
    if (!isMissing(error)) throw error;
    await uploads.giveUp(location);
    return 'gone';
  }
}

/** The bytes at the start of a file that sealing changes. */
const HEAD_BYTES = placeholderOffset + 16;

/**
 * Stores the description of a recorded file whose media is in objects of the same place.
 *
 * @param piecesOf where its bytes are, in order, from its start up to the end of its last segment; called
 *   when a deletion would be noticed. Undefined: not all are there
 * @returns `gone` as `uploadObject`; `unknown` if there are no pieces: it is sent as a whole
 */
export async function uploadLogged(
  location: SegmentLocation,
  piecesOf: () => readonly FilePiece[] | undefined,
  options: UploadOptions,
): Promise<'stored' | 'gone' | 'unknown'> {
  const { local, uploads, objects, client, target, prefix, sent, signal } = options;
  const { key } = await uploads.begin(location, target, loggedKey(keyOf(prefix, uploads.token, location)));
  try {
    const size = await local.size(location, { signal });
    const pieces = piecesOf();
    const last = pieces?.at(-1);
    if (!pieces || !last) {
      await uploads.giveUp(location);
      return 'unknown';
    }
    const plain = async (offset: number, end: number) => {
      const bytes = await local.read(location, { offset, length: end - offset }, { signal });
      if (bytes.length < end - offset) throw new ShortReadError(location, end);
      return { offset, length: bytes.length, bytes };
    };
    const mediaEnd = last.offset + last.length;
    const all = [await plain(0, HEAD_BYTES), ...withoutHead(pieces), await plain(mediaEnd, size)];
    const bytes = printLogged(all);
    const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
    const sums = await client.put(key, { size: bytes.length, read }, { signal });
    await verify(client, { key, size: bytes.length }, sums, signal);
    sent?.(bytes.length);
    const keys = objectsOf(pieces);
    const logged = { log_first: keys[0]!, log_last: keys.at(-1)! };
    const isVisible = await objects.commit({ location, target, key, size, checksum: '', ...logged });
    return isVisible ? 'stored' : 'gone';
  } catch (error) {
    if (!isMissing(error)) throw error;
    await uploads.giveUp(location);
    return 'gone';
  }
}

/** The pieces after the head of the file. */
function withoutHead(pieces: readonly FilePiece[]): FilePiece[] {
  return pieces.flatMap((piece) => {
    const skip = Math.max(0, HEAD_BYTES - piece.offset);
    if (skip >= piece.length) return [];
    return [{ key: piece.key, offset: piece.offset + skip, at: piece.at + skip, length: piece.length - skip }];
  });
}

/** Saves which parts the server has: at once when an upload begins, then not after each one. */
class PartSaver {
  readonly #save: (parts: PartialUpload) => Promise<void>;
  #unsaved: PartialUpload | undefined;
  #savedMs = 0;

  constructor(save: (parts: PartialUpload) => Promise<void>) {
    this.#save = save;
  }

  async saved(upload: PartialUpload): Promise<void> {
    const nowMs = performance.now();
    this.#unsaved = upload;
    if (upload.parts.length > 0 && nowMs - this.#savedMs < SAVE_EVERY_MS) return;
    this.#savedMs = nowMs;
    await this.end();
  }

  /** Saves what is not saved yet. */
  async end(): Promise<void> {
    const upload = this.#unsaved;
    this.#unsaved = undefined;
    if (upload) await this.#save(upload);
  }
}

/**
 * Calls `send` with memory for a part. A request that failed may still read it: then it is not used again.
 */
async function withRoom<T>(bytes: number, send: (room: Uint8Array) => Promise<T>): Promise<T> {
  const at = rooms.findIndex(({ length }) => length === bytes);
  const room = at < 0 ? pageMemory.take(bytes) : rooms.splice(at, 1)[0]!;
  let isFree = false;
  try {
    const result = await send(room);
    isFree = rooms.length < MAX_ROOMS;
    return result;
  } finally {
    if (isFree) rooms.push(room);
    else pageMemory.drop(room);
  }
}

/** The key of a location: it has the fencing token of the process that uploads it. */
function keyOf(prefix: string, token: number, location: SegmentLocation): string {
  return `${prefix === '' ? '' : `${prefix}/`}${token}/${location}`;
}

/**
 * The token and the location of a key, of a file or of its description; undefined for the key of another
 * program. What follows `~` makes keys of one location unique.
 */
export function parseKey(
  prefix: string,
  key: string,
): { readonly token: number; readonly location: string } | undefined {
  const start = prefix === '' ? '' : `${prefix}/`;
  const match = key.startsWith(start)
    ? /^(\d{1,15})\/([^~]+)(?:~\w+)?$/.exec(withoutLogged(key.slice(start.length)))
    : null;
  return match ? { token: Number(match[1]), location: match[2]! } : undefined;
}

/** The parts of an upload that the server has. */
export function readParts({ parts }: Pick<ObjectUpload, 'parts'>): PartialUpload | undefined {
  return parts === '' ? undefined : (JSON.parse(parts) as PartialUpload);
}

/**
 * Compares size and entity tag; where the server computes the tag in another way, reads all bytes back.
 */
async function verify(
  client: ObjectClient,
  { key, size }: { readonly key: string; readonly size: number },
  { hash, tag, isChecked }: PutSums,
  signal: AbortSignal,
): Promise<void> {
  const head = await client.head(key, { signal });
  if (!head) throw new ObjectError(`the bucket does not have ${key} after its upload`);
  if (head.size !== size) throw new ObjectError(`${key} has ${head.size} bytes in the bucket instead of ${size}`);
  if (isChecked || head.etag === tag) return;
  const partBytes = partBytesOf(size);
  const sums: string[] = [];
  for (let offset = 0; offset === 0 || offset < size; offset += partBytes) {
    const length = Math.min(partBytes, size - offset);
    const bytes = await client.read(key, { offset, length }, { signal });
    if (bytes?.length !== length) throw new ObjectError(`${key} cannot be read back`);
    sums.push(hashOf(hash, bytes));
  }
  const stored = size > partBytes ? tagOfParts(sums, hash) : sums[0];
  if (stored !== tag) throw new ObjectError(`${key} has other bytes in the bucket`);
}
