/**
 * Anchors the chains outside: every minute the new blocks of all streams are one hash tree, whose root leaves
 * the server. A place that does not answer gets them with the next tree.
 * In: blocks as they are stored. Out: anchors of the blocks. docs/5-record/evidence.md, "Anchors".
 */
import { printBase64 } from '@oxbow/media/base64';
import { sleep } from '../../lib/abort.ts';
import { hashTree } from './hash-tree.ts';

/** Blocks that wait for a place; the oldest are dropped. A day of seven streams. */
const MAX_WAITING = 10_000;
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
  readonly report: {
    anchored(place: string): void;
    failed(place: string, error: unknown): void;
  };
}

/** The blocks that wait for each place. */
export class Anchors {
  readonly #options: AnchorOptions;
  readonly #waiting: ReadonlyMap<AnchorPlace, AnchoredBlock[]>;

  constructor(options: AnchorOptions) {
    this.#options = options;
    this.#waiting = new Map(options.places.map((place) => [place, []]));
  }

  /** A block was stored. */
  add(block: AnchoredBlock): void {
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

  /** Sends what waits to each place. Never rejects. */
  async anchor({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { report } = this.#options;
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
