/**
 * The connections of the client of pulls, by origin, within bounds.
 * In: requests for a connection. Out: a kept one, a new one, or the next one that is free.
 */
import type { Duplex } from 'node:stream';
import type { Patience } from '../patience.ts';
import { Connection, type Reading } from './connection.ts';

/** Most time for which a connection waits for a request, ms. */
const IDLE_MS = 90_000;
/** Connections that wait for longer are closed once in this time, ms. */
const SWEEP_MS = 15_000;
/** A connection is closed this long before its server would close it, ms; as node:http. */
const CLOSES_BEFORE_MS = 1000;

/** How many connections there may be. */
export interface PoolBounds {
  /** Most connections to one origin; further requests wait. */
  readonly maxPerOrigin: number;
  readonly maxIdlePerOrigin: number;
  /** Whether one more connection may be kept. */
  readonly mayKeep: () => boolean;
}

/** Options of a connection. */
export interface TakeOptions {
  readonly connect: (reading: Reading) => Duplex;
  /** Only a new connection. */
  readonly fresh: boolean;
  /** Ends the wait; the caller replaces its listener. */
  readonly patience: Patience;
}

/** Takes a connection that has become free; undefined: there is room for a new one. */
type Waiting = (connection: Connection | undefined) => void;

/** Connections of one origin. */
interface Origin {
  readonly open: Set<Connection>;
  /** The last one was used last. */
  readonly idle: Connection[];
  readonly waiting: Waiting[];
}

/** All connections of one `Net`. */
export class Pool {
  readonly #bounds: PoolBounds;
  readonly #origins = new Map<string, Origin>();
  #sweep: NodeJS.Timeout | undefined;
  #idle = 0;
  #closedBy: { readonly error: unknown } | undefined;

  constructor(bounds: PoolBounds) {
    this.#bounds = bounds;
  }

  /** Connections that wait for a request. */
  get idle(): number {
    return this.#idle;
  }

  /**
   * A connection without a request.
   *
   * @param key of the origin; trusted and other requests have different ones
   * @throws the reason of `patience`
   */
  async take(key: string, options: TakeOptions): Promise<Connection> {
    for (;;) {
      const now = this.takeNow(key, options);
      if (now) return now;
      const freed = await this.#wait(this.#origins.get(key)!, options.patience);
      if (!freed) continue;
      // It may have been closed, or the request aborted, before this line.
      if (!freed.isClosed && !options.fresh) return freed;
      freed.destroy();
    }
  }

  /** The same; undefined if the request has to wait. */
  takeNow(key: string, { connect, fresh }: TakeOptions): Connection | undefined {
    if (this.#closedBy) throw this.#closedBy.error;
    const origin = this.#originOf(key);
    const kept = fresh ? undefined : this.#takeIdle(origin);
    if (kept) return kept;
    if (origin.open.size >= this.#bounds.maxPerOrigin) {
      // A fresh connection may need the room of one that waits.
      const [oldest] = origin.idle;
      if (!oldest) return undefined;
      oldest.destroy();
    }
    const connection = new Connection(connect, {
      onIdle: (idle) => this.#keep(origin, idle),
      onClosed: (closed) => this.#drop(key, origin, closed),
    });
    if (!connection.isClosed) {
      origin.open.add(connection);
      this.#origins.set(key, origin); // closing the last one has removed it
    }
    return connection;
  }

  #originOf(key: string): Origin {
    let origin = this.#origins.get(key);
    if (!origin) {
      origin = { open: new Set(), idle: [], waiting: [] };
      this.#origins.set(key, origin);
    }
    return origin;
  }

  #takeIdle({ idle }: Origin): Connection | undefined {
    const nowMs = performance.now();
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      this.#idle -= 1;
      if (connection.keptUntilMs > nowMs) {
        connection.hold(true);
        return connection;
      }
      connection.destroy();
    }
    return undefined;
  }

  #keep(origin: Origin, connection: Connection): void {
    const { maxIdlePerOrigin, mayKeep } = this.#bounds;
    const { keepsForS } = connection;
    const keptMs = keepsForS === undefined ? IDLE_MS : Math.min(IDLE_MS, 1000 * keepsForS - CLOSES_BEFORE_MS);
    const next = keptMs > 0 ? origin.waiting.shift() : undefined;
    if (next) next(connection);
    else if (keptMs > 0 && origin.idle.length < maxIdlePerOrigin && mayKeep()) {
      connection.keptUntilMs = performance.now() + keptMs;
      origin.idle.push(connection);
      this.#idle += 1;
      connection.hold(false);
      this.#sweep ??= setTimeout(() => this.#closeIdle(), SWEEP_MS).unref();
    } else connection.destroy();
  }

  #drop(key: string, origin: Origin, connection: Connection): void {
    origin.open.delete(connection);
    const at = origin.idle.indexOf(connection);
    if (at >= 0) {
      origin.idle.splice(at, 1);
      this.#idle -= 1;
    }
    origin.waiting.shift()?.(undefined);
    if (origin.open.size === 0 && origin.waiting.length === 0) this.#origins.delete(key);
  }

  #wait({ waiting }: Origin, patience: Patience): Promise<Connection | undefined> {
    return new Promise((resolve, reject) => {
      if (patience.isAborted) return reject(patience.reason); // while it was woken, and another one was faster
      waiting.push(resolve);
      patience.onAbort((reason) => {
        const at = waiting.indexOf(resolve);
        if (at >= 0) waiting.splice(at, 1);
        reject(reason);
      });
    });
  }

  #closeIdle(): void {
    this.#sweep = undefined;
    const nowMs = performance.now();
    for (const { idle } of [...this.#origins.values()]) {
      for (const connection of [...idle]) if (connection.keptUntilMs <= nowMs) connection.destroy();
    }
    if (this.#idle > 0) this.#sweep = setTimeout(() => this.#closeIdle(), SWEEP_MS).unref();
  }

  /** Closes every connection; their requests, and those that wait, fail with `error`. */
  close(error: unknown): void {
    this.#closedBy ??= { error };
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    for (const { open, waiting } of [...this.#origins.values()]) {
      for (const connection of [...open]) connection.destroy(error);
      for (const wake of waiting.splice(0)) wake(undefined);
    }
  }
}
