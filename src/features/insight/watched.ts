/**
 * What a player says that it watches: a name or an address, found among streams and assets.
 * In: `cid` and `url` of CMCD. Out: the stream or asset, the start of a window of a recording. Bounded.
 */
import { parseInstant } from '../../api/instant.ts';
import { assetOf, parseMediaTarget } from '../../api/media-address.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { Content } from './viewing-row.ts';

/** What was found is used again for this long, ms; also that there is nothing. */
const REMEMBERED_MS = 30_000;
/** Names of each kind: those that exist, and those that do not, which anyone can make up. */
const MAX_REMEMBERED = 10_000;
/** Queries at once: made-up names wait for nothing, they are unknown. */
const MAX_QUERIES = 32;
const ASSET = /^asset[:/]([A-Za-z0-9_-]{1,80})$/;

/** What a text names. */
export interface Named {
  readonly kind: Content['kind'];
  /** Name of the stream, or id of the asset. */
  readonly name: string;
  /** Start of the window, ms since 1970; undefined: it is no window. */
  readonly windowMs: number | undefined;
}

/** Something that is watched, as it is now. */
export interface Watched extends Named {
  readonly content: Content;
}

/**
 * Reads the name of a stream, `asset:ID`, or an address of their media.
 *
 * @returns undefined for other texts
 */
export function readNamed(text: string): Named | undefined {
  if (isStreamName(text)) return { kind: 'stream', name: text, windowMs: undefined };
  const asset = ASSET.exec(text)?.[1];
  if (asset !== undefined) return { kind: 'asset', name: asset, windowMs: undefined };
  const path = URL.parse(text, 'http://here')?.pathname;
  const address = path === undefined ? undefined : parseMediaTarget(path)?.address;
  if (!address) return undefined;
  const id = assetOf(address);
  if (id !== undefined) return { kind: 'asset', name: id, windowMs: undefined };
  const { stream } = address;
  if (stream === undefined || !isStreamName(stream)) return undefined;
  return { kind: 'stream', name: stream, windowMs: 'from' in address ? instantOf(address.from) : undefined };
}

/** Ms since 1970 of a time in a path; undefined for other forms of times. */
function instantOf(text: string): number | undefined {
  try {
    return parseInstant(decodeURIComponent(text));
  } catch {
    return undefined; // a local time, whose zone is in a query
  }
}

interface WatchedFinderOptions {
  readonly nowMs: () => number;
  /** Id of a stream by its name; undefined: there is none. */
  readonly streamId: (name: string) => Promise<string | undefined>;
  readonly hasAsset: (id: string) => Promise<boolean>;
}

/** Bounds the queries for names that do not exist. */
export interface Misses {
  left: number;
}

/** Finds what names mean. */
export class WatchedFinder {
  readonly #options: WatchedFinderOptions;
  /** By kind and name; the oldest first. */
  readonly #found = new Map<string, { readonly content: Content; readonly atMs: number }>();
  /** When names were looked for that do not exist: they never take the place of those that do. */
  readonly #missing = new Map<string, number>();
  #queries = 0;

  constructor(options: WatchedFinderOptions) {
    this.#options = options;
  }

  /**
   * The stream or asset; undefined: there is none.
   *
   * @param misses of the client; with none left, only what is remembered is found
   */
  async find({ kind, name }: Pick<Named, 'kind' | 'name'>, misses: Misses): Promise<Content | undefined> {
    const key = `${kind} ${name}`;
    const before = this.#found.get(key);
    const nowMs = this.#options.nowMs();
    if (nowMs - (before?.atMs ?? this.#missing.get(key) ?? Number.NEGATIVE_INFINITY) < REMEMBERED_MS)
      return before?.content;
    if (misses.left <= 0 || this.#queries >= MAX_QUERIES) return before?.content;
    this.#queries++;
    try {
      const content = await this.#query(kind, name);
      this.#found.delete(key);
      this.#missing.delete(key);
      if (content) this.#found.set(key, { content, atMs: nowMs });
      else {
        misses.left--;
        this.#missing.set(key, nowMs);
      }
      dropOldest(this.#found, MAX_REMEMBERED);
      dropOldest(this.#missing, MAX_REMEMBERED);
      return content;
    } finally {
      this.#queries--;
    }
  }

  async #query(kind: Content['kind'], name: string): Promise<Content | undefined> {
    const { streamId, hasAsset } = this.#options;
    const id = kind === 'stream' ? await streamId(name) : (await hasAsset(name)) ? name : undefined;
    return id === undefined ? undefined : { kind, id };
  }
}
