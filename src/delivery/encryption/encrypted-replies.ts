/**
 * Media as AES-128 in CBC mode with PKCS7 padding: a resource is encrypted as a whole, once for all clients;
 * or with common encryption, sample by sample.
 * In: clear replies, content keys. Out: replies with the encrypted bytes. Those of some seconds are kept,
 * bounded in bytes. RFC 8216bis 4.4.4.4; RFC 5652 6.3.
 */
import { createCipheriv } from 'node:crypto';
import type { Track } from '@oxbow/media/frame';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Recent, type RecentOptions } from '../../lib/recent.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { joinViews, lengthOf, MAX_INTERLEAVED_BYTES } from '../body-parts.ts';
import type { BodyPart, Reply } from '../reply.ts';
import { caching } from '../text-reply.ts';
import { commonFragments, isCommonKey } from './common-media.ts';
import type { ContentKey } from './content-keys.ts';
import { secretKeyOf } from './secret-key.ts';

/** Bytes of a block of AES. */
const BLOCK = 16;
/** Longest piece of a long segment that is read at once, bytes. */
const PIECE_BYTES = 1024 * 1024;
/** Longest segment with common encryption, bytes: it is in memory as a whole. */
const MAX_COMMON_BYTES = 64 * 1024 * 1024;
/** Segments that several clients request; more of them while they are requested again. */
const BOUNDS: RecentOptions = { maxBytes: 8 * 1024 * 1024, grows: { mostBytes: 128 * 1024 * 1024, againMs: 10_000 } };

/** The bytes of a resource, in pieces that follow each other. */
type Encrypted = readonly Uint8Array[];

/** Dependencies of the replies. */
interface EncryptedRepliesOptions {
  readonly reader: Pick<RangeReader, 'read'>;
  readonly metrics?: Pick<Metrics, 'encryptedSegments' | 'encryptedBytes' | 'encryptedCacheBytes'> | undefined;
  readonly bounds?: RecentOptions;
}

export class EncryptedReplies implements Disposable {
  readonly #options: EncryptedRepliesOptions;
  /** By key and validator: a key is of one stream, and a validator of one resource in it. */
  readonly #kept: Recent<Encrypted>;
  readonly #making = new Map<string, Promise<Encrypted>>();

  constructor(options: EncryptedRepliesOptions) {
    const { metrics, bounds = BOUNDS } = options;
    this.#options = options;
    this.#kept = new Recent({ ...bounds, changed: (bytes) => metrics?.encryptedCacheBytes.set(bytes) });
  }

  /** Bytes of the cache. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /**
   * The encrypted reply, without waiting; undefined unless its bytes are in memory.
   *
   * @param tracks in the media; undefined: not known at once, but common encryption needs them
   */
  atOnce(clear: Reply, key: ContentKey, tracks?: readonly Track[]): Reply | undefined {
    const id = idOf(clear, key);
    const kept = this.#kept.get(id);
    if (kept) return this.#counted('kept', replyOf(clear, key, kept));
    if (clear.length > MAX_INTERLEAVED_BYTES || !isInMemory(clear.body)) return undefined;
    if (isCommonKey(key) && !tracks) return undefined;
    return this.#counted('made', replyOf(clear, key, this.#encrypt(id, clear.body, { key, tracks })));
  }

  /**
   * The encrypted reply. Rejects as reading its bytes does. Longer ones than 16 MiB are encrypted while they
   * are sent, and are not kept; with common encryption those up to 64 MiB are encrypted at once.
   *
   * @param findTracks finds the tracks in the media, for common encryption
   * @throws OxbowError `unsupported-media` if common encryption cannot be used
   */
  async encrypt(clear: Reply, key: ContentKey, findTracks?: FindTracks): Promise<Reply> {
    const tracks = isCommonKey(key) ? await findTracks?.() : undefined;
    const ready = this.atOnce(clear, key, tracks);
    if (ready) return ready;
    const { reader } = this.#options;
    if (isCommonKey(key) && clear.length > MAX_COMMON_BYTES) {
      throw new OxbowError(
        'unsupported-media',
        `A segment of ${clear.length} bytes is too long for common encryption.`,
      );
    }
    if (!isCommonKey(key) && clear.length > MAX_INTERLEAVED_BYTES)
      return this.#counted('made', streamed(clear, key, reader));
    const id = idOf(clear, key);
    const making = this.#making.get(id);
    const bytes = await (making ?? this.#make(id, clear, { key, tracks }));
    return this.#counted(making ? 'joined' : 'made', replyOf(clear, key, bytes));
  }

  [Symbol.dispose](): void {
    this.#kept[Symbol.dispose]();
  }

  #make(id: string, clear: Reply, by: Encryptor): Promise<Encrypted> {
    const made = wholeOf(clear.body, this.#options.reader)
      .then((bytes) => this.#encrypt(id, [bytes], by))
      .finally(() => this.#making.delete(id));
    this.#making.set(id, made);
    return made;
  }

  #encrypt(id: string, clear: readonly Uint8Array[], by: Encryptor): Encrypted {
    const pieces = encryptPieces(clear, by);
    const length = lengthOf(pieces);
    this.#kept.set(id, pieces, length);
    this.#options.metrics?.encryptedBytes.inc({}, length);
    return pieces;
  }

  #counted(result: 'kept' | 'joined' | 'made', reply: Reply): Reply {
    this.#options.metrics?.encryptedSegments.inc({ result });
    return reply;
  }
}

/** Finds the tracks of a segment. */
export type FindTracks = () => Promise<readonly Track[]>;

/** What encrypts a resource. */
interface Encryptor {
  readonly key: ContentKey;
  /** Only with a key of common encryption. */
  readonly tracks: readonly Track[] | undefined;
}

function encryptPieces(clear: readonly Uint8Array[], { key, tracks = [] }: Encryptor): Encrypted {
  if (isCommonKey(key)) return [commonFragments(joinViews(clear), tracks, key)];
  const cipher = createCipheriv('aes-128-cbc', secretKeyOf(key.key), key.iv);
  // Not joined: a copy costs about as much as the cipher.
  return [...clear.map((piece) => cipher.update(piece)), cipher.final()];
}

/** Bytes of a resource once it is encrypted: the padding is 1 to 16 bytes. */
export function encryptedLength(length: number): number {
  return length + BLOCK - (length % BLOCK);
}

/** A key as a reply, for the clients that may watch. No cache keeps it. */
export function keyReply({ key }: ContentKey): Reply {
  return { contentType: 'application/octet-stream', cacheControl: caching.none, length: key.length, body: [key] };
}

function idOf({ etag, length }: Reply, { name }: ContentKey): string {
  return `${name}/${etag}/${length}`;
}

function isInMemory(body: Reply['body']): body is readonly Uint8Array[] {
  return body.every((part) => part instanceof Uint8Array);
}

function headOf({ contentType, cacheControl, etag }: Reply, { name }: ContentKey) {
  return { contentType, cacheControl, ...(etag !== undefined && { etag: `${etag}-${name}` }) };
}

function replyOf(clear: Reply, key: ContentKey, pieces: Encrypted): Reply {
  return { ...headOf(clear, key), length: lengthOf(pieces), body: pieces };
}

/**
 * CBC has no way to begin in the middle: a range is encrypted from the start, and what precedes it is
 * dropped.
 */
function streamed(clear: Reply, key: ContentKey, reader: Pick<RangeReader, 'read'>): Reply {
  const length = encryptedLength(clear.length);
  const blocks = async function* (start: number, end: number) {
    const cipher = createCipheriv('aes-128-cbc', secretKeyOf(key.key), key.iv);
    let at = 0;
    const cut = (bytes: Uint8Array) => {
      const [from, to] = [Math.max(0, start - at), Math.min(bytes.length, end - at)];
      at += bytes.length;
      return from < to ? bytes.subarray(from, to) : undefined;
    };
    for await (const piece of piecesOf(clear.body, reader)) {
      const bytes = cut(cipher.update(piece));
      if (bytes) yield bytes;
      if (at >= end) return;
    }
    const last = cut(cipher.final());
    if (last) yield last;
  };
  return { ...headOf(clear, key), length, body: [{ length, blocks }] };
}

async function wholeOf(body: readonly BodyPart[], reader: Pick<RangeReader, 'read'>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(body, reader)) pieces.push(piece);
  return joinViews(pieces);
}

async function* piecesOf(body: readonly BodyPart[], reader: Pick<RangeReader, 'read'>): AsyncGenerator<Uint8Array> {
  for (const part of body) {
    if (part instanceof Uint8Array) yield part;
    else if ('read' in part) yield await part.read();
    else if ('blocks' in part) yield* part.blocks(0, part.length);
    else {
      const { location, offset, length } = part;
      for (let at = 0; at < length; at += PIECE_BYTES)
        yield await reader.read(location, offset + at, Math.min(PIECE_BYTES, length - at));
    }
  }
}
