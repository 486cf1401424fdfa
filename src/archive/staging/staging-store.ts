/**
 * Uploads in a bucket: an UploadStore without a disk. Any process continues an upload after the last bytes
 * that the database counts.
 * In: the object stores of the settings, the database. Out: UploadStore; objects of the segment store.
 * docs/decisions/0100.
 */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Fence } from '../../store/lease-table.ts';
import type { Tables } from '../../store/schema.ts';
import { type ObjectClient, tagOfParts } from '../objects/object-client.ts';
import type { ObjectDeletions } from '../objects/object-deletions.ts';
import type { StoredObjects } from '../objects/stored-objects.ts';
import { missingObject, type SegmentLocation } from '../segment-store.ts';
import { UploadLostError, type UploadStore } from '../upload-store.ts';
import { BucketRequests } from './bucket-requests.ts';
import { PartMemory } from './part-memory.ts';
import { nextPartBytes, partBytesFor } from './part-sizes.ts';
import {
  type HashAt,
  openStagedChunk,
  openStagedFile,
  readStretch,
  type StagingTools,
  sendPart,
} from './staged-file.ts';
import { type StagedPart, type StagedUpload, StagedUploads } from './staged-uploads.ts';

/** Uploads whose hash is remembered. */
const MAX_HASHES = 256;
/** Bytes of one request when an object is read back. */
const READ_BYTES = 8 * 1024 * 1024;
/** Uploads without a row that one sweep discards. */
const SWEPT = 100;

export interface StagingStoreOptions {
  readonly db: Kysely<Tables>;
  readonly deletions: ObjectDeletions;
  readonly objects: Pick<StoredObjects, 'find'>;
  readonly clientOf: (target: string) => Promise<ObjectClient>;
  readonly prefixOf: (target: string) => string;
  readonly fence: () => Fence;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  /** Most bytes of parts in memory. */
  readonly maxMemory: () => number;
  /** Least bytes of a part; default 8 MiB. A test has smaller ones. */
  readonly partBytes?: number;
  /** How long a request to a bucket that fails is repeated, ms. */
  readonly repeatedMs?: number;
  /** Called with each request that failed. */
  readonly failed?: (target: string, error: unknown) => void;
}

/** An UploadStore over buckets. Disposing ends its requests. */
export interface StagingStore extends UploadStore {
  /** Bytes of parts in memory. */
  readonly memoryBytes: number;
  /** Discards what no upload has a row for. */
  sweep(): Promise<void>;
}

export function openStagingStore(options: StagingStoreOptions): StagingStore {
  return new BucketStore(options);
}

class BucketStore implements StagingStore {
  readonly #options: StagingStoreOptions;
  readonly #tools: StagingTools & { readonly memory: PartMemory };
  readonly #hashes = new Map<string, HashAt>();
  /** SHA-256 of objects that are complete and not visible yet. */
  readonly #sums = new Map<string, string>();
  /** The last work of each upload whose stretches are joined. */
  readonly #joining = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: StagingStoreOptions) {
    this.#options = options;
    const { clock } = options;
    this.#tools = {
      rows: new StagedUploads({ ...options, nowMs: () => clock.nowMs() }),
      requests: new BucketRequests(options),
      memory: new PartMemory(options.maxMemory),
      partBytes: options.partBytes,
    };
  }

  get memoryBytes(): number {
    return this.#tools.memory.used;
  }

  async open(location: SegmentLocation, open: Parameters<UploadStore['open']>[1] = {}) {
    const { target } = open;
    if (target === undefined) throw new RangeError('the upload has no object store');
    const options = {
      ...this.#tools,
      location,
      open,
      target,
      hashed: () => this.#hashes.get(location),
      counted: (hash: HashAt) => remember(this.#hashes, location, hash),
    };
    if (!open.chunk) return openStagedFile(options);
    const upload =
      (await this.#tools.rows.find(location)) ??
      (await this.#tools.rows.begin(location, target, partBytesFor(open.length, this.#options.partBytes)));
    return openStagedChunk(options, upload, open.chunk);
  }

  async advance(location: SegmentLocation): Promise<void> {
    if (this.#joining.has(location)) return; // it looks again
    try {
      await this.#join(location, false);
    } catch (error) {
      // The end of the upload tries it again.
      if (!(error instanceof OxbowError) && !(error instanceof UploadLostError)) throw error;
    }
  }

  digest(location: SegmentLocation) {
    return {
      reach: () => undefined, // each part is hashed as it comes
      result: (bytes: number) => this.#sum(location, bytes),
      [Symbol.dispose]: () => {
        this.#hashes.delete(location);
      },
    };
  }

  async finish(location: SegmentLocation, length: number): Promise<void> {
    const { rows } = this.#tools;
    const upload = await rows.find(location);
    if (upload) {
      await this.#complete(upload, length);
      await rows.finish(upload, length, this.#sums.get(location) ?? '');
      this.#sums.delete(location);
      return;
    }
    const object = await this.#options.objects.find(location);
    if (object?.size !== length) throw missingObject();
  }

  async discard(location: SegmentLocation): Promise<void> {
    this.#hashes.delete(location);
    this.#sums.delete(location);
    await this.#tools.rows.discard(location);
  }

  async sweep(): Promise<void> {
    for (const location of await this.#tools.rows.orphans(SWEPT)) await this.discard(location);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new RangeError('the store of uploads is closed'));
  }

  /**
   * The hash that ran along, or that of the object, read back: another process received its beginning, or its
   * entity tag does not prove its bytes.
   */
  async #sum(location: SegmentLocation, bytes: number): Promise<string> {
    const upload = await this.#tools.rows.find(location);
    const isVerified = upload !== undefined && (await this.#complete(upload, bytes));
    const running = this.#hashes.get(location);
    const place = upload ?? (await this.#options.objects.find(location));
    if (!place) throw missingObject();
    const isRunning = isVerified && running?.position === bytes;
    const sum = isRunning ? running.hash.copy().digest('hex') : await this.#readBack(place, bytes);
    remember(this.#sums, location, sum);
    return sum;
  }

  async #readBack({ target, key }: { readonly target: string; readonly key: string }, length: number): Promise<string> {
    const hash = createHash('sha256');
    for (let offset = 0; offset < length; offset += READ_BYTES) {
      const range = { offset, length: Math.min(READ_BYTES, length - offset) };
      const bytes = await this.#tools.requests.send(
        target,
        (client, { signal }) => client.read(key, range, { signal }),
        { signal: this.#closing.signal },
      );
      if (bytes?.length !== range.length) throw incomplete(target, `${key} ends before ${offset + range.length}`);
      hash.update(bytes);
    }
    return hash.digest('hex');
  }

  /**
   * Makes the object of its parts. May be repeated.
   *
   * @returns whether its entity tag is that of the parts, each of which was sent with its MD5
   * @throws UploadLostError
   */
  async #complete(upload: StagedUpload, length: number): Promise<boolean> {
    const { rows, requests } = this.#tools;
    const { location, target, key } = upload;
    const { signal } = this.#closing;
    const head = () =>
      requests.send(target, (client, request) => client.head(key, request), {
        signal,
      });
    const before = await head();
    if (before?.size === length) return before.etag === tagOf(await rows.parts(location));
    await this.#join(location, true);
    const parts = await rows.parts(location);
    const end = parts.reduce((position, part) => (part.start === position ? position + part.length : Number.NaN), 0);
    if (end !== length) throw new UploadLostError(`${end} of ${length} bytes of ${location} are in the bucket`);
    const { upload_id: uploadId = '' } = (await rows.find(location)) ?? {};
    const done = await requests.send(
      target,
      (client, request) => client.parts!.complete(key, uploadId, parts, request),
      { signal },
    );
    const object = await head();
    if (object?.size === length) return object.etag === tagOf(parts);
    if (done === 'lost') throw new UploadLostError(`the bucket of ${target} does not know the upload of ${key}`);
    throw incomplete(target, `${key} has ${object?.size ?? 'no'} bytes instead of ${length}`);
  }

  /** As `#joinNext` until nothing is left to join. One at a time for each upload: others wait for it. */
  async #join(location: SegmentLocation, isEnd: boolean): Promise<void> {
    const before = this.#joining.get(location);
    const work = (before ?? Promise.resolve())
      .catch(() => undefined) // its caller has the error
      .then(async () => {
        while (await this.#joinNext(location, isEnd));
      });
    this.#joining.set(location, work);
    try {
      await work;
    } finally {
      if (this.#joining.get(location) === work) this.#joining.delete(location);
    }
  }

  /**
   * Joins stretches that are objects to a part: those after the last part, so many that the part is large
   * enough.
   *
   * @param isEnd the last part may be smaller
   * @returns false if there are too few
   */
  async #joinNext(location: SegmentLocation, isEnd: boolean): Promise<boolean> {
    const { rows } = this.#tools;
    const upload = await rows.find(location);
    const stretches = await rows.parts(location);
    if (!upload) return false;
    const wanted = nextPartBytes(upload.part_bytes, upload.last_number, this.#options.partBytes);
    const group: StagedPart[] = [];
    let [end, bytes] = [0, 0];
    for (const stretch of stretches) {
      if (stretch.start !== end || bytes >= wanted) break;
      end += stretch.length;
      if (stretch.number > 0) continue;
      group.push(stretch);
      bytes += stretch.length;
    }
    if (bytes === 0 || (bytes < wanted && !isEnd)) return false;
    await this.#sendJoined(upload, group, bytes);
    return true;
  }

  async #sendJoined(upload: StagedUpload, group: readonly StagedPart[], bytes: number): Promise<void> {
    const { rows, memory } = this.#tools;
    const { location, target } = upload;
    const options = { signal: this.#closing.signal };
    const { start } = group[0]!;
    using _memory = memory.take(bytes);
    const joined = Buffer.allocUnsafeSlow(bytes);
    const md5 = createHash('md5');
    const before = start === 0 ? { position: 0, hash: createHash('sha256') } : this.#hashes.get(location);
    const hash = before?.position === start ? before.hash.copy() : undefined;
    let filled = 0;
    for (const stretch of group) {
      const read = await readStretch(this.#tools, target, stretch, options);
      joined.set(read, filled);
      md5.update(read);
      hash?.update(read);
      filled += read.length;
    }
    const part = { start, bytes: joined, md5: md5.digest('hex') };
    const { row } = await sendPart(this.#tools, upload, part, options);
    // Another process may have joined them meanwhile: then its part counts.
    if ((await rows.join(upload, row, group)) && hash) {
      remember(this.#hashes, location, { position: start + bytes, hash });
    }
  }
}

/** The usual entity tag of an object of these parts; undefined if those of the parts are others. */
function tagOf(parts: readonly StagedPart[]): string | undefined {
  const md5s = parts.map(({ etag }) => /^"?([0-9a-f]{32})"?$/i.exec(etag)?.[1]);
  return md5s.every((md5) => md5 !== undefined) ? tagOfParts(md5s) : undefined;
}

function incomplete(target: string, detail: string): OxbowError {
  return new OxbowError('storage-failed', `The object store ${target} is not complete: ${detail}.`);
}

function remember<T>(values: Map<string, T>, location: string, value: T): void {
  values.delete(location);
  values.set(location, value);
  dropOldest(values, MAX_HASHES);
}
