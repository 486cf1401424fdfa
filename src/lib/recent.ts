/**
 * A cache by name, bounded in bytes: evicts the least recently requested value first, and each value two
 * minutes after its last request at the latest. It may grow beyond its usual size while evicted values are
 * requested again, so that many viewers are served from memory and a single viewer takes little of it.
 * In: values with their bytes. Out: the value of a name, while it is cached.
 */

/** A value not requested for this time is evicted, ms; at the earliest after half of it. */
const KEPT_MS = 120_000;

interface Kept<V> {
  readonly value: V;
  readonly bytes: number;
  /** Number of the sweep before its last request. */
  sweeps: number;
}

/** Bounds of a cache. */
export interface RecentOptions {
  /** Its usual size. */
  readonly maxBytes: number;
  /** It may grow to `mostBytes` while evicted values are requested again within `againMs`; default: never. */
  readonly grows?: { readonly mostBytes: number; readonly againMs: number } | undefined;
  /** Called when the sum of bytes has changed. */
  readonly changed?: ((bytes: number) => void) | undefined;
}

/** A bounded cache. Its timer runs only while it has values, and does not keep the process alive. */
export class Recent<V> implements Disposable {
  readonly #options: RecentOptions;
  /** In order of use. */
  readonly #kept = new Map<string, Kept<V>>();
  /** Time of each eviction for lack of room since the last sweep, monotonic ms, oldest first. */
  readonly #dropped = new Map<string, number>();
  #limit: number;
  #bytes = 0;
  #sweeps = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RecentOptions) {
    this.#options = options;
    this.#limit = options.maxBytes;
  }

  /** Bytes of all values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All values with their names, least recently requested first. */
  entries(): [name: string, value: V][] {
    return Array.from(this.#kept, ([name, { value }]) => [name, value]);
  }

  /** The value of a name; counts as a request. */
  get(name: string): V | undefined {
    const kept = this.#kept.get(name);
    if (!kept) return undefined;
    kept.sweeps = this.#sweeps;
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept.value;
  }

  /** Like `get`, without counting as a request. */
  peek(name: string): V | undefined {
    return this.#kept.get(name)?.value;
  }

  /** Adds or replaces a value, and evicts others for it. */
  set(name: string, value: V, bytes: number): void {
    const { grows } = this.#options;
    this.#remove(name);
    if (grows && this.#wasDropped(name, grows.againMs)) this.#limit = Math.min(this.#limit + bytes, grows.mostBytes);
    this.#kept.set(name, { value, bytes, sweeps: this.#sweeps });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#remove(oldest);
      if (grows) this.#dropped.set(oldest, performance.now());
    }
    this.#settle();
  }

  /** Removes a value. */
  delete(name: string): void {
    this.#remove(name);
    this.#settle();
  }

  /** Evicts values not requested since the sweep before the last; a timer calls it too. */
  sweep(): void {
    this.#sweeps++;
    for (const [name, { sweeps }] of this.#kept) {
      if (sweeps > this.#sweeps - 2) break;
      this.#remove(name);
    }
    this.#dropped.clear();
    this.#limit = Math.max(this.#options.maxBytes, this.#bytes);
    this.#settle();
  }

  /** Removes all values. */
  [Symbol.dispose](): void {
    this.#kept.clear();
    this.#dropped.clear();
    this.#bytes = 0;
    this.#settle();
  }

  #remove(name: string): void {
    const kept = this.#kept.get(name);
    if (!kept) return;
    this.#kept.delete(name);
    this.#bytes -= kept.bytes;
  }

  /** Whether a value was evicted in the last `withinMs`; removes this entry and older ones. */
  #wasDropped(name: string, withinMs: number): boolean {
    const sinceMs = performance.now() - withinMs;
    for (const [oldest, atMs] of this.#dropped) {
      if (atMs >= sinceMs) break;
      this.#dropped.delete(oldest);
    }
    return this.#dropped.delete(name);
  }

  #settle(): void {
    this.#options.changed?.(this.#bytes);
    if (this.#kept.size > 0) {
      this.#timer ??= setInterval(() => this.sweep(), KEPT_MS / 2).unref();
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
