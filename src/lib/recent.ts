/**
 * A cache by name, bounded in bytes: the value that was requested longest ago goes first, and each that nobody requests goes after two
 * minutes at the latest. It may grow beyond its usual size while values that it dropped for want of room are requested again, so that a
 * crowd is served from memory and a single viewer takes little of it.
 * In: values and how many bytes each takes. Out: the value of a name, while it is kept.
 */

/** What nobody asked for in this time is let go, ms; at the earliest after half of it. */
const KEPT_MS = 120_000;

interface Kept<V> {
  readonly value: V;
  readonly bytes: number;
  /** Sweeps before it was last asked for. */
  sweeps: number;
}

/** Bounds of a cache. */
export interface RecentOptions {
  /** Its usual size. */
  readonly maxBytes: number;
  /** It may grow to `mostBytes` while values that it dropped for want of room are requested again within `againMs`; default: never. */
  readonly grows?: { readonly mostBytes: number; readonly againMs: number } | undefined;
  /** Is told when the sum of bytes has changed. */
  readonly changed?: ((bytes: number) => void) | undefined;
}

/** A bounded cache. Its timer runs while there is something to let go, and keeps no process alive. */
export class Recent<V> implements Disposable {
  readonly #options: RecentOptions;
  /** In the order of use. */
  readonly #kept = new Map<string, Kept<V>>();
  /** When each value was dropped for want of room since the last sweep, monotonic ms, oldest first. */
  readonly #dropped = new Map<string, number>();
  #limit: number;
  #bytes = 0;
  #sweeps = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RecentOptions) {
    this.#options = options;
    this.#limit = options.maxBytes;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All that is kept, with its name, longest unasked first. */
  entries(): [name: string, value: V][] {
    return Array.from(this.#kept, ([name, { value }]) => [name, value]);
  }

  /** The value of that name; counts as asking for it. */
  get(name: string): V | undefined {
    const kept = this.#kept.get(name);
    if (!kept) return undefined;
    kept.sweeps = this.#sweeps;
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept.value;
  }

  /** The same without counting. */
  peek(name: string): V | undefined {
    return this.#kept.get(name)?.value;
  }

  /** Keeps a value, instead of what had the name; others make room for it. */
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

  /** Lets go of a name. */
  delete(name: string): void {
    this.#remove(name);
    this.#settle();
  }

  /** Lets go of what was not asked for since the last sweep but one; called by itself. */
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

  /** Lets go of everything. */
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

  /** Whether the value of that name was dropped in the last `withinMs`; forgets this, and what was dropped before. */
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
