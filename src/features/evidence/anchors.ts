/**
 * Anchors the chains outside: every minute the new blocks of all streams are one hash tree, whose root leaves
 * the server. A place that does not answer gets them with the next tree. What waits is not lost with the
 * process: the stored blocks say which places they lack.
 * In: blocks as they are stored. Out: anchors of the blocks. docs/5-record/evidence.md, "Anchors".
 */
import { printBase64 } from '@oxbow/media/base64';
import { sleep } from '../../lib/abort.ts';
import { hashTree } from './hash-tree.ts';

/** Blocks that wait for a place; the oldest are dropped. A day of seven streams. */
const MAX_WAITING = 10_000;
/** Streams whose stored blocks are looked through in one pass. */
const STREAMS_EACH = 100;
/** Blocks of a tree. */
const MAX_LEAVES = 4096;

/** A block that was stored. */
export interface AnchoredBlock {
  readonly streamId: string;
  readonly seq: number;
  /** base64url. */
  readonly hash: string;
}

/** What is sent to a place, as JSON. */
export interface AnchorDocument {
  readonly v: 1;
  /** µs since 1970. */
  readonly at: number;
  /** Name of the node, or empty. */
  readonly node: string;
  /** Of the tree, base64url. */
  readonly root: string;
  /** Id of the key, and its signature over the root. */
  readonly key: string;
  readonly signature: string;
  /** The leaves, in order. */
  readonly blocks: readonly { readonly stream: string; readonly seq: number; readonly hash: string }[];
}

/** A place outside of the server. */
export interface AnchorPlace {
  readonly name: 'webhook' | 'bucket' | 'witness' | 'rfc3161';
  /** @returns a token that travels with the block. Rejects if the place did not take it */
  send(document: AnchorDocument, options: { readonly signal: AbortSignal }): Promise<Uint8Array | undefined>;
}

/** What anchoring needs. */
interface AnchorOptions {
  readonly places: readonly AnchorPlace[];
  readonly node: string;
  readonly nowUs: () => number;
  readonly everyMs: () => number;
  readonly sign: (root: Uint8Array) => { readonly key: string; readonly signature: string };
  /** Stores an anchor of a block. */
  readonly store: (
    block: AnchoredBlock,
    anchor: {
      readonly place: string;
      readonly at: number;
      readonly root: string;
      readonly path: readonly string[];
      readonly token?: string;
    },
  ) => Promise<void>;
  /** Ids of the streams of this process, when it starts to anchor. */
  readonly streams: () => readonly string[];
  /** The newest blocks of a stream, and the places that have them; the oldest first. */
  readonly stored: (streamId: string) => Promise<readonly (AnchoredBlock & { readonly places: readonly string[] })[]>;
  readonly report: {
    anchored(place: string): void;
    failed(place: string, error: unknown): void;
  };
}

/** The blocks that wait for each place. */
export class Anchors {
  readonly #options: AnchorOptions;
  readonly #waiting: ReadonlyMap<AnchorPlace, AnchoredBlock[]>;

  /** Streams whose blocks of earlier processes were looked for, and those for which this is due. */
  readonly #seen = new Set<string>();
  readonly #due = new Set<string>();
  #isStarted = false;

  constructor(options: AnchorOptions) {
    this.#options = options;
    this.#waiting = new Map(options.places.map((place) => [place, []]));
  }

  /** A block was stored. */
  add(block: AnchoredBlock): void {
    this.#lookAt(block.streamId);
    for (const waiting of this.#waiting.values()) {
      waiting.push(block);
      if (waiting.length > MAX_WAITING) waiting.shift();
    }
  }

  /** Anchors until `signal` aborts, then once more. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      try {
        await sleep(this.#options.everyMs(), { signal });
      } catch {
        return;
      }
      await this.anchor({ signal });
    }
  }

  /** A process before this one may have left blocks of a stream. */
  #lookAt(streamId: string): void {
    if (this.#waiting.size === 0 || this.#seen.has(streamId)) return;
    this.#seen.add(streamId);
    this.#due.add(streamId);
  }

  /** Adds the stored blocks that a place lacks, in front of those of this process. */
  async #addStored(): Promise<void> {
    if (!this.#isStarted) for (const id of this.#options.streams()) this.#lookAt(id);
    this.#isStarted = true;
    for (const streamId of [...this.#due].slice(0, STREAMS_EACH)) {
      const blocks = await this.#options.stored(streamId);
      this.#due.delete(streamId);
      for (const [place, waiting] of this.#waiting) {
        const known = new Set(waiting.flatMap((block) => (block.streamId === streamId ? block.seq : [])));
        const lacking = blocks.filter(({ seq, places }) => !known.has(seq) && !places.includes(place.name));
        waiting.unshift(...lacking);
        if (waiting.length > MAX_WAITING) waiting.splice(0, waiting.length - MAX_WAITING);
      }
    }
  }

  /** Sends what waits to each place. Never rejects. */
  async anchor({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { report } = this.#options;
    // A database that does not respond: the next pass looks again.
    await this.#addStored().catch((error: unknown) => report.failed('', error));
    await Promise.all(
      Array.from(this.#waiting, async ([place, waiting]) => {
        const blocks = waiting.slice(0, MAX_LEAVES);
        if (blocks.length === 0) return;
        try {
          await this.#send(place, blocks, signal);
          const sent = new Set(blocks);
          waiting.splice(0, waiting.length, ...waiting.filter((block) => !sent.has(block)));
          report.anchored(place.name);
        } catch (error) {
          if (!signal.aborted) report.failed(place.name, error);
        }
      }),
    );
  }

  async #send(place: AnchorPlace, blocks: readonly AnchoredBlock[], signal: AbortSignal): Promise<void> {
    const { node, nowUs, sign, store } = this.#options;
    const tree = hashTree(blocks.map(({ hash }) => Buffer.from(hash, 'base64url')));
    const root = Buffer.from(tree.root).toString('base64url');
    const at = nowUs();
    const leaves = blocks.map(({ streamId: stream, seq, hash }) => ({ stream, seq, hash }));
    const { key, signature } = sign(tree.root);
    const token = await place.send({ v: 1, at, node, root, key, signature, blocks: leaves }, { signal });
    for (const [i, block] of blocks.entries()) {
      const anchor = { place: place.name, at, root, path: tree.paths[i]! };
      await store(block, token ? Object.assign(anchor, { token: printBase64(token) }) : anchor);
    }
  }
}
