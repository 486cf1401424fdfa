/**
 * Reads ranges of objects in buckets, by blocks that a cache on the disk keeps. Readers that need the same
 * block share one request.
 * In: rows of stored-objects, ranges. Out: bytes. A bucket that does not answer is left alone for some
 * seconds, so that viewers do not wait.
 */
import { waitFor } from '../../lib/abort.ts';
import type { Breaker, BreakerOptions } from '../../lib/breaker/breaker.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type Abortable, missingObject } from '../segment-store.ts';
import type { BlockFiles } from './block-files.ts';
import { LoggedReader } from './logged/logged-reader.ts';
import { type ObjectClient, REQUEST_MS } from './object-client.ts';
import type { StoredObject } from './stored-objects.ts';

/** Bytes of one request, and of one block in the cache. */
const OBJECT_BLOCK_BYTES: number = 1024 * 1024;
/** Blocks of one range that are requested at a time. */
const AT_ONCE = 4;
/** After this many failed requests in a row a bucket is left alone for a while. */
const FAILURES = 3;
const MAX_PAUSE_MS = 10_000;
/** Longest duration of a request: a client has its own limits, and this is longer. */
const TIMEOUT_MS = REQUEST_MS + 5_000;

export interface ObjectReaderOptions {
  /** The client of a target; rejects if the settings do not have it. */
  readonly clientOf: (target: string) => Promise<ObjectClient>;
  readonly blocks: BlockFiles;
  /** Whether blocks of a target are kept; by default those of all are. */
  readonly keeps?: (target: string) => boolean;
  /** Called with the bytes that a bucket sent. */
  readonly fetched?: (target: string, bytes: number) => void;
  /** Called when a request failed. */
  readonly failed?: (target: string, error: unknown) => void;
  /** Opens the breaker of a target, which the reader disposes; by default one without a report. */
  readonly openBreaker?: (target: string, settings: BreakerSettings) => Promise<Breaker>;
}

/** Settings of the breaker of a target. */
type BreakerSettings = Omit<BreakerOptions, 'service' | 'onChange'>;

export type ObjectPlace = Pick<StoredObject, 'target' | 'key' | 'size'>;

/** Reads objects. Disposing aborts requests. */
export class ObjectReader implements Disposable {
  readonly #options: ObjectReaderOptions;
  /** Requests by the name of their block. */
  readonly #fetches = new Map<string, Promise<Uint8Array>>();
  readonly #breakers = new Map<string, Promise<Breaker>>();
  readonly #logged = new LoggedReader();
  readonly #opened = new DisposableStack();
  readonly #closing = new AbortController();

  constructor(options: ObjectReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads a range: fewer bytes at the end of the object, none after it.
   *
   * @throws OxbowError `gone` if the bucket has no such object, `storage-failed` if it does not answer
   */
  async read(
    place: ObjectPlace,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: Abortable = {},
  ): Promise<Uint8Array> {
    const end = Math.min(offset + length, place.size);
    const bytes = new Uint8Array(Math.max(0, end - offset));
    const first = Math.floor(offset / OBJECT_BLOCK_BYTES);
    const count = bytes.length === 0 ? 0 : Math.floor((end - 1) / OBJECT_BLOCK_BYTES) - first + 1;
    for (let done = 0; done < count; done += AT_ONCE) {
      const wanted = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, i) => first + done + i);
      const work = Promise.all(wanted.map((index) => this.#block(place, index)));
      const blocks = await (signal ? waitFor(work, { signal }) : work);
      for (const [i, block] of blocks.entries()) {
        const start = wanted[i]! * OBJECT_BLOCK_BYTES;
        const piece = block.subarray(Math.max(0, offset - start), Math.max(0, end - start));
        bytes.set(piece, Math.max(0, start - offset));
      }
    }
    return bytes;
  }

  /** Drops the blocks of objects that are deleted. */
  async forget(places: readonly Pick<ObjectPlace, 'target' | 'key'>[]): Promise<void> {
    this.#logged.forget(places);
    const gone = new Set(places.map(({ target, key }) => `${target} ${key}`));
    if (gone.size > 0) await this.#options.blocks.forget((name) => gone.has(name.slice(0, name.lastIndexOf('#'))));
  }

  [Symbol.dispose](): void {
    this.#closing.abort(new RangeError('the store is closed'));
    this.#opened.dispose();
  }

  #block(place: ObjectPlace, index: number): Promise<Uint8Array> {
    const name = `${place.target} ${place.key}#${index}`;
    const fetching = this.#fetches.get(name);
    if (fetching) return fetching;
    const work = this.#find(place, index, name).finally(() => this.#fetches.delete(name));
    this.#fetches.set(name, work);
    return work;
  }

  async #find(place: ObjectPlace, index: number, name: string): Promise<Uint8Array> {
    this.#closing.signal.throwIfAborted();
    const { blocks, keeps = () => true } = this.#options;
    const isKept = keeps(place.target);
    const kept = isKept ? await blocks.get(name) : undefined;
    if (kept) return kept;
    const offset = index * OBJECT_BLOCK_BYTES;
    const length = Math.min(OBJECT_BLOCK_BYTES, place.size - offset);
    const bytes = await this.#fetch(place, offset, length);
    if (bytes.length < length) throw missingObject(new RangeError(`${place.key} ends before ${offset + length}`));
    // The caller need not wait for the disk.
    if (isKept) void blocks.put(name, bytes);
    return bytes;
  }

  async #fetch({ target, key }: ObjectPlace, offset: number, length: number): Promise<Uint8Array> {
    const { clientOf, fetched, failed } = this.#options;
    const { signal } = this.#closing;
    let bytes: Uint8Array | undefined;
    try {
      const client = await clientOf(target);
      const breaker = await this.#breakerOf(target, client);
      bytes = await breaker.call((options) => this.#logged.read(client, { target, key }, { offset, length }, options), {
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof OxbowError) throw error.code === 'service-unavailable' ? unreachable(target, error) : error;
      failed?.(target, error);
      throw unreachable(target, error);
    }
    if (!bytes) throw missingObject(new Error(`the bucket of ${target} has no ${key}`));
    fetched?.(target, bytes.length);
    return bytes;
  }

  #breakerOf(target: string, client: ObjectClient): Promise<Breaker> {
    const cached = this.#breakers.get(target);
    if (cached) return cached;
    const { openBreaker = openSilentBreaker } = this.#options;
    const opening = openBreaker(target, {
      timeoutMs: TIMEOUT_MS,
      failures: FAILURES,
      maxPauseMs: MAX_PAUSE_MS,
      isFailure: (error) => !(error instanceof OxbowError), // that is about the request
      probe: (options) => client.check(options),
    }).then((breaker) => this.#opened.use(breaker));
    this.#breakers.set(target, opening);
    return opening;
  }
}

async function openSilentBreaker(target: string, settings: BreakerSettings): Promise<Breaker> {
  const { Breaker } = await import('../../lib/breaker/breaker.ts');
  return new Breaker({ ...settings, service: target, onChange() {} });
}

function unreachable(target: string, cause?: unknown): OxbowError {
  return new OxbowError('storage-failed', `The object store ${target} does not answer.`, { cause });
}
