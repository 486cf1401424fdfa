/**
 * The files of all nodes as one store: a missing file is read from the node that has it.
 * Everything is written here.
 * In: the store of this node. Out: a SegmentStore. docs/decisions/0055.
 */
import {
  type Abortable,
  isMissing,
  type ListRange,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  type SegmentWriter,
  type WriteContent,
} from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { NodeView, Placement } from '../placement/placement.ts';
import { internalTarget, MAX_RANGE_BYTES } from './internal-requests.ts';
import type { NodeClient } from './node-client.ts';

/** Longest wait for a range of a file, ms. */
const READ_MS = 10_000;
/**
 * How often the queried node is checked, ms: one that is frozen answers nothing until it is declared
 * dead.
 */
const ALIVE_MS = 250;
const DELETE_MS = 30_000;
const MAX_SIZE_BYTES = 64;
/** Most files whose node is remembered. */
const MAX_KNOWN = 20_000;

/** Dependencies of the store. */
interface NodeFilesOptions {
  /** Closed with this store. */
  readonly own: SegmentStore;
  readonly client: NodeClient;
  readonly placement: Pick<Placement, 'others'>;
  /** They are processes on one folder: what is missing here is nowhere. */
  readonly isOneFolder?: boolean;
  /** Called if another node could not delete its files. */
  readonly failed: (node: string, error: unknown) => void;
}

/** A store that reads from other nodes. */
export class NodeFiles implements SegmentStore {
  readonly #local: SegmentStore;
  readonly #options: NodeFilesOptions;
  /** Names of nodes by location. */
  readonly #nodeNames = new Map<string, string>();
  readonly #closing = new AbortController();

  constructor(options: NodeFilesOptions) {
    this.#local = options.own;
    this.#options = options;
  }

  async read(
    location: SegmentLocation,
    range: { readonly offset: number; readonly length: number },
    options: Abortable = {},
  ): Promise<Uint8Array> {
    try {
      return await this.#local.read(location, range, options);
    } catch (error) {
      if (!isMissing(error)) throw error;
      return await this.#readElsewhere(location, range, error, options);
    }
  }

  async #readElsewhere(
    location: SegmentLocation,
    { offset, length }: { readonly offset: number; readonly length: number },
    missing: unknown,
    options: Abortable,
  ): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < length; at += MAX_RANGE_BYTES) {
      const maxBytes = Math.min(length - at, MAX_RANGE_BYTES);
      const target = internalTarget.range(location, offset + at, maxBytes);
      const piece = await this.#ask(location, { target, maxBytes }, missing, options);
      pieces.push(piece);
      if (piece.length < maxBytes) break; // the end of the file
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  async size(location: SegmentLocation, options: Abortable = {}): Promise<number> {
    try {
      return await this.#local.size(location, options);
    } catch (error) {
      if (!isMissing(error)) throw error;
      const request = { target: internalTarget.size(location), maxBytes: MAX_SIZE_BYTES };
      return Number(Buffer.from(await this.#ask(location, request, error, options)).toString());
    }
  }

  list(prefix: SegmentPrefix, range?: ListRange): AsyncIterable<SegmentLocation> {
    return this.#local.list(prefix, range);
  }

  folders(prefix: SegmentPrefix, options?: Abortable): Promise<string[]> {
    return this.#local.folders(prefix, options);
  }

  put(location: SegmentLocation, content: Uint8Array | WriteContent, options?: Abortable): Promise<void> {
    return this.#local.put(location, content, options);
  }

  create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    options: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter> {
    return this.#local.create(location, head, options);
  }

  reopen(location: SegmentLocation, options?: Abortable): Promise<SegmentWriter> {
    return this.#local.reopen(location, options);
  }

  async delete(prefix: SegmentPrefix, options: Abortable = {}): Promise<void> {
    await this.#deleteAt(this.#options.placement.others, prefix, options);
  }

  /**
   * As `delete`, without waiting for nodes that do not run.
   *
   * @returns names of the nodes that may still have such files
   */
  async deleteAtLiving(prefix: SegmentPrefix, options: Abortable = {}): Promise<readonly string[]> {
    const { others } = this.#options.placement;
    const living = others.filter(({ isAlive }) => isAlive);
    const missed = await this.#deleteAt(living, prefix, options);
    return [...others.filter((node) => !living.includes(node)), ...missed].map(({ name }) => name);
  }

  /** Deletes at all other nodes. @returns names of those that may still have such files */
  async deleteElsewhere(prefix: SegmentPrefix, options: Abortable = {}): Promise<readonly string[]> {
    const missed = await this.#deleteElsewhere(this.#options.placement.others, prefix, options);
    return missed.map(({ name }) => name);
  }

  /** Returns the nodes that could not delete theirs. */
  async #deleteAt(nodes: readonly NodeView[], prefix: SegmentPrefix, options: Abortable): Promise<NodeView[]> {
    await this.#local.delete(prefix, options);
    return this.#deleteElsewhere(nodes, prefix, options);
  }

  async #deleteElsewhere(nodes: readonly NodeView[], prefix: SegmentPrefix, options: Abortable): Promise<NodeView[]> {
    const { client, failed } = this.#options;
    const missed: NodeView[] = [];
    const request = { method: 'DELETE', target: internalTarget.files(prefix), maxBytes: MAX_SIZE_BYTES } as const;
    await Promise.all(
      nodes.map(async (node) => {
        try {
          using response = await client.send(node, {
            ...request,
            deadlineMs: DELETE_MS,
            signal: this.#signal(options),
          });
          if (response.status !== 204) throw new Error(`HTTP ${response.status}`);
        } catch (error) {
          options.signal?.throwIfAborted();
          missed.push(node);
          failed(node.name, error);
        }
      }),
    );
    for (const location of this.#nodeNames.keys()) if (location.startsWith(prefix)) this.#nodeNames.delete(location);
    return missed;
  }

  sweep(prefix: SegmentPrefix, options?: Abortable): Promise<void> {
    return this.#local.sweep(prefix, options);
  }

  release(prefix: SegmentPrefix): void {
    this.#local.release(prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new RangeError('the store is closed'));
    await this.#local[Symbol.asyncDispose]();
  }

  /**
   * The reply of the node that has a file. Throws `missing` if none has it, and the node's failure if that
   * one cannot be reached.
   */
  async #ask(
    location: SegmentLocation,
    request: { readonly target: string; readonly maxBytes: number },
    missing: unknown,
    options: Abortable,
  ): Promise<Uint8Array> {
    if (this.#options.isOneFolder) throw missing;
    const lastNode = this.#nodeNames.get(location);
    const { others } = this.#options.placement;
    const living = others.filter(({ isAlive }) => isAlive);
    // The node that had it last is tried first.
    const nodes = living.sort((a, b) => Number(b.name === lastNode) - Number(a.name === lastNode));
    let failure: unknown = missing;
    for (const node of nodes) {
      try {
        const bytes = await this.#askNode(node, request, options);
        if (!bytes) continue;
        if (this.#nodeNames.size >= MAX_KNOWN) this.#nodeNames.clear();
        this.#nodeNames.set(location, node.name);
        return bytes;
      } catch (error) {
        options.signal?.throwIfAborted();
        failure = error;
      }
    }
    if (failure !== missing || living.length === others.length) throw failure;
    throw new OxbowError('not-ready', 'The recording is on a node that does not run.', { cause: missing });
  }

  async #askNode(
    node: NodeView,
    request: { readonly target: string; readonly maxBytes: number },
    options: Abortable,
  ): Promise<Uint8Array | undefined> {
    using alive = this.#whileAlive(node);
    using response = await this.#options.client.send(node, {
      method: 'GET',
      ...request,
      deadlineMs: READ_MS,
      signal: AbortSignal.any([this.#signal(options), alive.signal]),
    });
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw new Error(`the node ${node.name} answered ${response.status}`);
    return await response.body(); // it is disposed afterwards
  }

  /** Aborts when a node is declared dead. */
  #whileAlive({ name }: NodeView): Disposable & { readonly signal: AbortSignal } {
    const { placement } = this.#options;
    const dead = new AbortController();
    const timer = setInterval(() => {
      if (placement.others.some((node) => node.name === name && node.isAlive)) return;
      dead.abort(new OxbowError('not-ready', `The node ${name} does not run.`, { extra: { retryAfterSeconds: 1 } }));
    }, ALIVE_MS).unref();
    return { signal: dead.signal, [Symbol.dispose]: () => clearInterval(timer) };
  }

  #signal({ signal }: Abortable): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
  }
}
