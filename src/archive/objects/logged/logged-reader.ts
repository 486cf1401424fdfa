/**
 * Reads stored files whose bytes are ranges of other objects.
 * In: keys of descriptions, ranges of files. Out: their bytes. Descriptions are kept in memory, bounded.
 * docs/decisions/0130.
 */
import { FormatError } from '@oxbow/media/errors';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { type ClientOptions, type ObjectClient, ObjectError } from '../object-client.ts';
import { type FilePiece, isLoggedKey, type LoggedFile, MAX_DESCRIPTION, parseLogged } from './logged-file.ts';

/** Bytes of a description that the first request has: nearly all are shorter. */
const FIRST_READ = 256 * 1024;
/** Descriptions in memory, each of about 100 KB. */
const MAX_FILES = 100;
/** Ranges of one object with at most so many bytes between them are read with one request. */
const MAX_HOLE = 256 * 1024;
/** Requests at a time. */
const AT_ONCE = 4;

interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** One request: pieces of one object. */
interface Span {
  readonly key: string;
  readonly at: number;
  end: number;
  readonly pieces: FilePiece[];
}

/** Reads descriptions, and files by them. */
export class LoggedReader {
  /** By target and key. */
  readonly #files = new Map<string, Promise<LoggedFile | undefined>>();

  /**
   * Reads a range of a stored object as `client.read` does, whether it is a file or the description of one.
   *
   * @returns undefined if the description, or an object that it names, is gone
   * @throws ObjectError
   */
  async read(
    client: ObjectClient,
    { target, key }: { readonly target: string; readonly key: string },
    range: FileRange,
    options: ClientOptions,
  ): Promise<Uint8Array | undefined> {
    if (!isLoggedKey(key)) return client.read(key, range, options);
    const file = await this.#find(client, target, key, options);
    return file && readRange(client, file, range, options);
  }

  /** Descriptions that are deleted. */
  forget(places: readonly { readonly target: string; readonly key: string }[]): void {
    for (const { target, key } of places) this.#files.delete(`${target} ${key}`);
  }

  #find(client: ObjectClient, target: string, key: string, options: ClientOptions): Promise<LoggedFile | undefined> {
    const name = `${target} ${key}`;
    const before = this.#files.get(name);
    if (before) return before;
    const reading = readLogged(client, key, options);
    this.#files.set(name, reading);
    dropOldest(this.#files, MAX_FILES);
    const drop = () => {
      if (this.#files.get(name) === reading) this.#files.delete(name);
    };
    // What failed, or is gone, is not kept.
    reading.then((file) => file === undefined && drop(), drop);
    return reading;
  }
}

/** Reads a description; undefined: there is none. @throws ObjectError, also if it is malformed */
export async function readLogged(
  client: Pick<ObjectClient, 'read'>,
  key: string,
  options: ClientOptions,
): Promise<LoggedFile | undefined> {
  let bytes = await client.read(key, { offset: 0, length: FIRST_READ }, options);
  if (bytes?.length === FIRST_READ) bytes = await client.read(key, { offset: 0, length: MAX_DESCRIPTION }, options);
  if (!bytes) return undefined;
  try {
    return parseLogged(bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ObjectError(`${key}: ${error.message}`, { cause: error });
  }
}

async function readRange(
  client: ObjectClient,
  { size, pieces }: LoggedFile,
  { offset, length }: FileRange,
  options: ClientOptions,
): Promise<Uint8Array | undefined> {
  const end = Math.min(size, offset + length);
  const bytes = new Uint8Array(Math.max(0, end - offset));
  const inBucket: FilePiece[] = [];
  for (const piece of pieces) {
    const from = Math.max(offset, piece.offset);
    const to = Math.min(end, piece.offset + piece.length);
    if (from >= to) continue;
    const skip = from - piece.offset;
    if ('bytes' in piece) bytes.set(piece.bytes.subarray(skip, skip + to - from), from - offset);
    else inBucket.push({ key: piece.key, at: piece.at + skip, offset: from - offset, length: to - from });
  }
  const spans = spansOf(inBucket);
  let isComplete = true;
  const next = async (): Promise<void> => {
    for (let span = spans.pop(); span && isComplete; span = spans.pop()) {
      const { key, at } = span;
      const read = await client.read(key, { offset: at, length: span.end - at }, options);
      if (read?.length !== span.end - at) isComplete = false;
      else
        for (const piece of span.pieces)
          bytes.set(read.subarray(piece.at - at, piece.at - at + piece.length), piece.offset);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, spans.length) }, next));
  return isComplete ? bytes : undefined;
}

/** Joins pieces that are near each other in one object. */
function spansOf(pieces: readonly FilePiece[]): Span[] {
  const sorted = [...pieces].sort((a, b) => (a.key === b.key ? a.at - b.at : a.key < b.key ? -1 : 1));
  const spans: Span[] = [];
  for (const piece of sorted) {
    const { key, at, length } = piece;
    const last = spans.at(-1);
    if (last?.key === key && at - last.end <= MAX_HOLE) {
      last.end = Math.max(last.end, at + length);
      last.pieces.push(piece);
    } else {
      spans.push({ key, at, end: at + length, pieces: [piece] });
    }
  }
  return spans;
}
