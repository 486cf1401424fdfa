/**
 * The owners of a cluster over a shared database: what has changed is read every second, and the things of dead nodes are taken over.
 * In: the rows, the lease of this node. Out: Placement. docs/decisions/0055.
 */
import type { Leases } from '../cluster/lease.ts';
import type { NodeRole } from '../config/sections/cluster-section.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/events.ts';
import type { Log } from '../observe/log.ts';
import { NODE_LEASE } from '../store/data-folder-lease.ts';
import type { NodeRow, NodeRows } from './node-rows.ts';
import { type Moved, type NodeView, type OwnedKind, type Owner, type Placement, roleFor } from './placement.ts';

/** Interval of reading, ms. */
const EVERY_MS = 1000;
/** The clocks of nodes differ, and transactions end later than their times say: so much is read again, µs. */
const AGAIN_US = 10_000_000;
/** A thing without a living owner is looked up at most this often, ms. */
const UNKNOWN_MS = 500;
/** Most things of which that is remembered. */
const MAX_UNKNOWN = 10_000;

/** What the placement works with. */
export interface SharedPlacementOptions {
  readonly rows: NodeRows;
  /** Of the database. */
  readonly leases: Leases;
  readonly node: string;
  readonly roles: readonly NodeRole[];
  /** Time to live of the lease of a node, ms. */
  readonly takeoverMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when this node has taken over what a dead one had. */
  readonly tookOver: (node: string, things: number) => void;
}

/** The owners as this node knows them. `run` keeps them current. */
export class SharedPlacement implements Placement {
  readonly node: string;
  readonly moved: Emitter<Moved> = new Emitter();
  readonly #options: SharedPlacementOptions;
  readonly #owners = new Map<string, string>();
  readonly #unknown = new Map<string, number>();
  #nodes: readonly NodeRow[] = [];
  #readUs = 0;
  /** Since when every reading has succeeded, monotonic ms; undefined: the last one failed. */
  #soundSinceMs: number | undefined;

  private constructor(options: SharedPlacementOptions) {
    this.#options = options;
    this.node = options.node;
  }

  /** Reads all owners. @throws what the database throws */
  static async open(options: SharedPlacementOptions): Promise<SharedPlacement> {
    const placement = new SharedPlacement(options);
    await placement.#read();
    return placement;
  }

  get others(): readonly NodeView[] {
    return this.#nodes.filter(({ name }) => name !== this.node);
  }

  takes(kind: OwnedKind): boolean {
    return this.#options.roles.includes(roleFor[kind]);
  }

  find(kind: OwnedKind, key: string): Owner {
    return this.#ownerNamed(this.#owners.get(idOf(kind, key)));
  }

  async lookUp(kind: OwnedKind, key: string): Promise<Owner> {
    const known = this.find(kind, key);
    // What a dead node had may have been taken over, or deleted, a moment ago.
    if (known === 'own' || known?.isAlive) return known;
    const id = idOf(kind, key);
    const nowMs = this.#options.clock.monotonicMs();
    const askedMs = this.#unknown.get(id);
    if (askedMs !== undefined && nowMs - askedMs < UNKNOWN_MS) return known;
    const node = await this.#options.rows.nodeOf(kind, key);
    if (this.#unknown.size >= MAX_UNKNOWN) this.#unknown.clear();
    this.#unknown.set(id, nowMs);
    if (node === undefined) {
      this.#owners.delete(id);
      return undefined;
    }
    this.#set(kind, key, node);
    return this.#ownerNamed(node);
  }

  async claim(kind: OwnedKind, key: string): Promise<Exclude<Owner, undefined>> {
    const node = await this.#options.rows.claim(kind, key, this.node);
    this.#set(kind, key, node);
    return this.#ownerNamed(node)!;
  }

  async give(kind: OwnedKind, key: string, to: string): Promise<boolean> {
    const isGiven = await this.#options.rows.give(kind, key, { from: this.node, to });
    if (isGiven) this.#set(kind, key, to);
    return isGiven;
  }

  async forget(kind: OwnedKind, key: string): Promise<void> {
    await this.#options.rows.forget(kind, key, this.node);
    this.#owners.delete(idOf(kind, key));
  }

  /** Reads what has changed. @throws what the database throws */
  refresh(): Promise<void> {
    return this.#read();
  }

  /** Keeps the owners current until `signal` fires. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      await sleep(EVERY_MS, { signal }).catch(() => undefined); // aborted
      if (!signal.aborted) await this.step({ signal });
    }
  }

  /** Reads what has changed, and takes over what dead nodes have. Never rejects. */
  async step({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    try {
      await this.#read();
      await this.#takeOverDead(signal);
    } catch (error) {
      if (this.#soundSinceMs !== undefined) {
        this.#options.log.warn({ err: error }, 'the owners of the cluster cannot be read');
      }
      this.#soundSinceMs = undefined;
    }
  }

  async #read(): Promise<void> {
    const { rows, clock } = this.#options;
    this.#nodes = await rows.nodes();
    const changed = await rows.placements(Math.max(0, this.#readUs - AGAIN_US));
    for (const row of changed) {
      this.#readUs = Math.max(this.#readUs, row.changed_us);
      this.#set(row.kind as OwnedKind, row.key, row.node);
    }
    this.#soundSinceMs ??= clock.monotonicMs();
  }

  /** Takes the leases of dead nodes that have streams or rooms, and distributes these. */
  async #takeOverDead(signal: AbortSignal): Promise<void> {
    const { rows, leases, takeoverMs, clock, roles } = this.#options;
    // After an outage of the database each node has the time to renew its lease before another takes it.
    if (clock.monotonicMs() - (this.#soundSinceMs ?? Number.POSITIVE_INFINITY) < takeoverMs) return;
    if (!roles.includes('ingest') && !roles.includes('rooms')) return;
    const living = this.#nodes.filter(({ isAlive }) => isAlive);
    if (!living.some(({ name }) => name === this.node)) return;
    const dead = this.#nodes.filter(({ name, isAlive }) => !isAlive && name !== this.node && this.#hasThings(name));
    for (const { name } of dead) {
      const holder = JSON.stringify({ host: this.node, takesOver: name });
      const { lease } = await leases.acquire(NODE_LEASE + name, { holder, ttlMs: takeoverMs, signal });
      if (!lease) continue; // it is back, or another node takes over
      await using _lease = lease;
      await rows.end(name);
      const loads = new Map(await rows.loads());
      const choose = (kind: OwnedKind): string | undefined => {
        const able = living.filter((node) => node.roles.includes(roleFor[kind]));
        const [first] = able.sort((a, b) => (loads.get(a.name) ?? 0) - (loads.get(b.name) ?? 0));
        if (first) loads.set(first.name, (loads.get(first.name) ?? 0) + 1);
        return first?.name;
      };
      const moved = await rows.distribute(name, choose);
      const things = [...moved.values()].reduce((sum, count) => sum + count, 0);
      if (things > 0) this.#options.tookOver(name, things);
      await this.#read();
    }
  }

  #hasThings(node: string): boolean {
    for (const [id, owner] of this.#owners) if (owner === node && /^(?:stream|room)\//.test(id)) return true;
    return false;
  }

  #set(kind: OwnedKind, key: string, node: string): void {
    const id = idOf(kind, key);
    const before = this.#owners.get(id);
    this.#owners.set(id, node);
    const concerns = before === this.node || node === this.node;
    if (before !== undefined && before !== node && concerns) {
      this.moved.emit({ kind, key, owner: this.#ownerNamed(node) });
    }
  }

  #ownerNamed(node: string | undefined): Owner {
    if (node === undefined) return undefined;
    if (node === this.node) return 'own';
    // A node that was never registered was removed by hand.
    return this.#nodes.find(({ name }) => name === node) ?? unknownNode(node);
  }
}

const idOf = (kind: OwnedKind, key: string) => `${kind}/${key}`;

function unknownNode(name: string): NodeView {
  return { name, url: new URL('http://invalid.invalid'), roles: [], version: '', isAlive: false };
}
