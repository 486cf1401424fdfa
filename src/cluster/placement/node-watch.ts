/**
 * Which nodes are alive: those whose leases change. How long one does not, only the clock of this process
 * measures that never steps: the clocks of machines may jump, and a database that does not answer makes no
 * node dead.
 * In: rows of nodes, as they are read. Out: nodes; whether this process may take over from a dead one.
 */
import type { Clock } from '../../lib/clock.ts';
import type { NodeRow } from './node-rows.ts';
import type { NodeView } from './placement.ts';

/** A node is looked at this long after its time has ended, ms. */
const AFTER_END_MS = 10;
/**
 * The things of a dead node are read this often, and for this long: another node may be the one that
 * distributes it, ms.
 */
const DEAD_EVERY_MS = 250;
const DEAD_FOR_MS = 30_000;

/** The last state of a lease. */
interface Seen {
  readonly token: number;
  readonly expiresUs: number;
  /** When it changed last, monotonic ms. */
  changedMs: number;
}

/** The nodes as they were read last. */
export class NodeWatch {
  readonly #node: string;
  readonly #takeoverMs: number;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();
  /** When they were read last, monotonic ms. */
  #readMs: number | undefined;
  /**
   * Since when each reading succeeds and finds the lease of this node, monotonic ms; undefined: the last one
   * did not.
   */
  #soundSinceMs: number | undefined;

  /**
   * @param options.node this node
   * @param options.takeoverMs a node whose lease has not changed for this long is dead
   */
  constructor({
    node,
    takeoverMs,
    clock,
  }: { readonly node: string; readonly takeoverMs: number; readonly clock: Clock }) {
    this.#node = node;
    this.#takeoverMs = takeoverMs;
    this.#clock = clock;
  }

  /** Notes the rows. */
  read(rows: readonly NodeRow[]): readonly NodeView[] {
    const nowMs = this.#clock.monotonicMs();
    // After a pause, give every node time to renew its lease before declaring it dead.
    const hasPaused = this.#readMs !== undefined && nowMs - this.#readMs > this.#takeoverMs / 2;
    if (hasPaused) this.#forgive(this.#readMs!, nowMs);
    if (hasPaused || this.#soundSinceMs === undefined) this.#soundSinceMs = nowMs;
    this.#readMs = nowMs;
    for (const name of this.#seen.keys()) if (!rows.some((row) => row.name === name)) this.#seen.delete(name);
    const nodes = rows.map(({ token, expiresUs, name, url, roles, version }) => {
      const before = this.#seen.get(name);
      if (!before) {
        const isHeld = expiresUs > this.#clock.nowMs() * 1000;
        this.#seen.set(name, { token, expiresUs, changedMs: isHeld ? nowMs : Number.NEGATIVE_INFINITY });
      } else if (before.token !== token || before.expiresUs !== expiresUs) {
        this.#seen.set(name, { token, expiresUs, changedMs: nowMs });
      }
      // A lease that was released has no time.
      const isAlive = expiresUs > 0 && this.#isFresh(this.#seen.get(name)!, nowMs);
      return { name, url, roles, version, isAlive };
    });
    // Without its own lease, the database has not stored its writes, and others could not renew
    // theirs.
    if (!nodes.some(({ name, isAlive }) => name === this.#node && isAlive)) this.#soundSinceMs = undefined;
    return nodes;
  }

  /** The nodes could not be read. Returns whether they could until now. */
  failed(): boolean {
    const wasSound = this.#soundSinceMs !== undefined;
    this.#soundSinceMs = undefined;
    return wasSound;
  }

  /**
   * Whether they were read without a pause, and this node had its lease, long enough that each living node
   * has renewed its own.
   */
  get mayTakeOver(): boolean {
    return this.#soundSinceMs !== undefined && this.#clock.monotonicMs() - this.#soundSinceMs >= this.#takeoverMs;
  }

  /**
   * How long to wait before the nodes are read again, ms: a dead one is noticed when its time ends.
   *
   * @param everyMs while all are alive
   * @param isOpen whether something of a dead node has no living owner yet
   */
  pauseMs(everyMs: number, isOpen: (name: string) => boolean): number {
    const nowMs = this.#clock.monotonicMs();
    let pauseMs = everyMs;
    for (const [name, { changedMs, expiresUs }] of this.#seen) {
      const endMs = expiresUs > 0 ? changedMs + this.#takeoverMs : changedMs;
      if (endMs > nowMs) pauseMs = Math.min(pauseMs, endMs - nowMs + AFTER_END_MS);
      else if (nowMs - endMs < DEAD_FOR_MS && isOpen(name)) pauseMs = Math.min(pauseMs, DEAD_EVERY_MS);
    }
    return pauseMs;
  }

  #forgive(untilMs: number, nowMs: number): void {
    for (const seen of this.#seen.values()) if (this.#isFresh(seen, untilMs)) seen.changedMs = nowMs;
  }

  #isFresh({ changedMs }: Seen, nowMs: number): boolean {
    return nowMs - changedMs < this.#takeoverMs;
  }
}
