/**
 * A bounded index that evicts by S3-FIFO: an object that was requested once leaves through a small queue, one
 * that was requested again stays in the main one.
 * In: keys, values and their sizes. Out: values; evictions. Pure. Yang et al., "FIFO queues are all you need
 * for cache eviction", SOSP 2023.
 */

/** Share of the bytes that objects have before they are requested again. */
const SMALL_SHARE = 0.1;
/** Uses that are counted. */
const MAX_USES = 3;

/** Options of the index. */
interface S3FifoOptions<V> {
  /** Most bytes of all values. A larger value is not taken. */
  readonly maxBytes: number;
  /** Called for a value that had to leave, not for one that was deleted or replaced. */
  readonly evicted?: (key: string, value: V) => void;
}

interface Node<V> {
  value: V;
  bytes: number;
  uses: number;
  isMain: boolean;
}

/** The index. */
export class S3Fifo<V> {
  readonly #options: S3FifoOptions<V>;
  readonly #nodes = new Map<string, Node<V>>();
  /** Oldest first. */
  readonly #small = new Set<string>();
  readonly #main = new Set<string>();
  /**
   * Keys that left the small queue: one that comes back goes to the main queue. As many as the main queue
   * has.
   */
  readonly #ghosts = new Set<string>();
  #smallBytes = 0;
  #mainBytes = 0;

  constructor(options: S3FifoOptions<V>) {
    this.#options = options;
  }

  /** Bytes of all values. */
  get bytes(): number {
    return this.#smallBytes + this.#mainBytes;
  }

  /** Number of values. */
  get size(): number {
    return this.#nodes.size;
  }

  /** A value; counts as a use. */
  get(key: string): V | undefined {
    const node = this.#nodes.get(key);
    if (!node) return undefined;
    if (node.uses < MAX_USES) node.uses++;
    return node.value;
  }

  /** A value, without a use. */
  peek(key: string): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** All keys and values, in no order. */
  *entries(): IterableIterator<[string, V]> {
    for (const [key, { value }] of this.#nodes) yield [key, value];
  }

  /**
   * Adds or replaces a value.
   *
   * @returns false if it is too large
   */
  set(key: string, value: V, bytes: number): boolean {
    const oldNode = this.#nodes.get(key);
    if (bytes > this.#options.maxBytes * (1 - SMALL_SHARE)) {
      this.delete(key);
      return false;
    }
    if (oldNode) {
      this.#count(oldNode, bytes - oldNode.bytes);
      oldNode.value = value;
      oldNode.bytes = bytes;
    } else {
      const isMain = this.#ghosts.delete(key);
      const node: Node<V> = { value, bytes, uses: 0, isMain };
      this.#nodes.set(key, node);
      (isMain ? this.#main : this.#small).add(key);
      this.#count(node, bytes);
    }
    while (this.bytes > this.#options.maxBytes) this.#evict();
    return true;
  }

  /** Removes a value. */
  delete(key: string): boolean {
    const node = this.#nodes.get(key);
    if (!node) return false;
    this.#remove(key, node);
    return true;
  }

  #count(node: Node<V>, bytes: number): void {
    if (node.isMain) this.#mainBytes += bytes;
    else this.#smallBytes += bytes;
  }

  #remove(key: string, node: Node<V>): void {
    this.#nodes.delete(key);
    (node.isMain ? this.#main : this.#small).delete(key);
    this.#count(node, -node.bytes);
  }

  /** Makes one step: a value moves, or leaves. */
  #evict(): void {
    if (this.#main.size === 0 || this.#smallBytes > SMALL_SHARE * this.#options.maxBytes) this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall(): void {
    const [key] = this.#small;
    const node = key === undefined ? undefined : this.#nodes.get(key);
    if (key === undefined || !node) return;
    this.#remove(key, node);
    if (node.uses > 1) {
      node.uses = 0;
      node.isMain = true;
      this.#nodes.set(key, node);
      this.#main.add(key);
      this.#count(node, node.bytes);
      return;
    }
    this.#ghosts.add(key);
    for (const ghost of this.#ghosts) {
      if (this.#ghosts.size <= Math.max(16, this.#main.size)) break;
      this.#ghosts.delete(ghost);
    }
    this.#options.evicted?.(key, node.value);
  }

  #evictMain(): void {
    const [key] = this.#main;
    const node = key === undefined ? undefined : this.#nodes.get(key);
    if (key === undefined || !node) return;
    if (node.uses > 0) {
      node.uses--;
      this.#main.delete(key);
      this.#main.add(key);
      return;
    }
    this.#remove(key, node);
    this.#options.evicted?.(key, node.value);
  }
}
