/**
 * The owners of a cluster over a shared database: changes are read every second, and the things of
 * dead nodes are taken over.
 * In: the rows, the lease of this node. Out: Placement. docs/decisions/0055.
 */
import type { NodeRole } from '../../config/sections/cluster-section.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { Emitter } from '../../lib/events.ts';
import type { Log } from '../../observe/log.ts';
import { NODE_LEASE } from '../../store/data-folder-lease.ts';
import type { Leases } from '../lease/lease.ts';
import type { NodeRows } from './node-rows.ts';
import { NodeWatch } from './node-watch.ts';
import { type Moved, type NodeView, type OwnedKind, type Owner, type Placement, roleFor } from './placement.ts';

/** Interval of reading while all nodes are alive, ms. */
const EVERY_MS = 1000;
/**
 * The clocks of nodes differ, and transactions end later than their times say: this much is read again, µs.
 */
const AGAIN_US = 10_000_000;
/** All owners are read this often, ms: a deleted thing has no row that changes. */
const ALL_EVERY_MS = 10 * 60_000;
/** A thing without a living owner is looked up at most this often, ms. */
const UNKNOWN_MS = 500;
/** Kinds that move when their node dies. An upload stays if its bytes are on the disk of that node. */
const MOVING: readonly OwnedKind[] = ['stream', 'room', 'asset', 'upload'];
/** Most things of which that is remembered. */
const MAX_UNKNOWN = 10_000;

/** Dependencies of the placement. */
interface SharedPlacementOptions {
  readonly rows: NodeRows;
  /** Of the database. */
  readonly leases: Leases;
  readonly node: string;
  readonly roles: readonly NodeRole[];
  /** Time to live of the lease of a node, ms. */
  readonly takeoverMs: number;
  /**
   * Names of the processes of one server, over which things are spread; undefined: nodes have what they made.
   */
  readonly spreadOver?: readonly string[] | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when this node has taken over things of a dead one. */
  readonly tookOver: (node: string, things: number) => void;
}

/** The owners as this node knows them. `run` keeps them current. */
export class SharedPlacement implements Placement {
  readonly node: string;
  readonly moved: Emitter<Moved> = new Emitter();
  readonly #options: SharedPlacementOptions;
  readonly #owners = new Map<string, string>();
  readonly #unknown = new Map<string, number>();
  readonly #watch: NodeWatch;
  #nodes: readonly NodeView[] = [];
  #readUs = 0;
  /** Monotonic ms. */
  #readAllMs = Number.NEGATIVE_INFINITY;
  /** Changes of this node since the last reading began, which may have seen the time before that. */
  readonly #changed = new Set<string>();
  /** The last reading; they are one after the other. */
  #reading: Promise<void> = Promise.resolve();
  /** The reading that has not begun yet. */
  #nextReading: Promise<void> | undefined;

  private constructor(options: SharedPlacementOptions) {
    this.#options = options;
    this.node = options.node;
    this.#watch = new NodeWatch(options);
  }

  /** Reads all owners. @throws errors of the database */
  static async open(options: SharedPlacementOptions): Promise<SharedPlacement> {
    const placement = new SharedPlacement(options);
    await placement.refresh();
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
    const owner = this.find(kind, key);
    // A thing of a dead node may have been taken over, or deleted, a moment ago.
    if (owner === 'own' || owner?.isAlive) return owner;
    const id = idOf(kind, key);
    const before = this.#owners.get(id);
    const { clock, spreadOver } = this.#options;
    const nowMs = clock.monotonicMs();
    // The processes of a server read their own disk: a thing that another one has just made is found at once.
    const askedMs = this.#unknown.get(id);
    if (!spreadOver && askedMs !== undefined && nowMs - askedMs < UNKNOWN_MS) return owner;
    const node = await this.#options.rows.nodeOf(kind, key);
    if (this.#unknown.size >= MAX_UNKNOWN) this.#unknown.clear();
    this.#unknown.set(id, nowMs);
    // Unless something newer was read meanwhile.
    if (this.#owners.get(id) === before) this.#change(kind, key, node);
    return this.find(kind, key);
  }

  async claim(
    kind: OwnedKind,
    key: string,
    { anywhere }: { readonly anywhere: boolean } = { anywhere: false },
  ): Promise<Exclude<Owner, undefined>> {
    const { rows, spreadOver } = this.#options;
    const wanted = anywhere && spreadOver ? leastOf(spreadOver, await rows.loads('running')) : this.node;
    const node = await rows.claim(kind, key, wanted);
    this.#change(kind, key, node);
    return this.#ownerNamed(node)!;
  }

  lessLoaded(kind: OwnedKind): Promise<NodeView | undefined> | undefined {
    const { rows, spreadOver } = this.#options;
    // The bytes of an upload come with the request.
    if (!spreadOver || kind === 'upload') return undefined;
    const able = this.others.filter(({ isAlive, roles }) => isAlive && roles.includes(roleFor[kind]));
    return rows.loads('running').then((loads) => {
      const name = leastOf([this.node, ...able.map((node) => node.name)], loads);
      return able.find((node) => node.name === name);
    });
  }

  async give(kind: OwnedKind, key: string, to: string): Promise<boolean> {
    const isGiven = await this.#options.rows.give(kind, key, { from: this.node, to });
    if (isGiven) this.#change(kind, key, to);
    return isGiven;
  }

  async forget(kind: OwnedKind, key: string): Promise<void> {
    await this.#options.rows.forget(kind, key, this.node);
    this.#change(kind, key, undefined);
  }

  /** Reads the changes until now. @throws errors of the database */
  refresh(): Promise<void> {
    // Of two at once, the answer to the older one could come last.
    this.#nextReading ??= this.#reading.then(() => {
      this.#nextReading = undefined;
      return this.#read();
    });
    const reading = this.#nextReading;
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** Keeps the owners current until `signal` fires. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.pauseMs, { signal }).catch(() => undefined); // aborted
      if (!signal.aborted) await this.step({ signal });
    }
  }

  /** How long `run` waits before the next step, ms. */
  get pauseMs(): number {
    return this.#watch.pauseMs(EVERY_MS, (name) => name !== this.node && this.#hasAny(name, MOVING));
  }

  /** Reads the changes, and takes over the things of dead nodes. Never rejects. */
  async step({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    try {
      await this.refresh();
      await this.#takeOverDead(signal);
    } catch (error) {
      if (this.#watch.failed() && !signal.aborted) {
        this.#options.log.warn({ err: error }, 'the owners of the cluster cannot be read');
      }
    }
  }

  async #read(): Promise<void> {
    const { rows, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const isAll = nowMs - this.#readAllMs >= ALL_EVERY_MS;
    this.#changed.clear();
    // At once: a query that waits for another one wakes two threads more.
    const since = isAll ? 0 : Math.max(0, this.#readUs - AGAIN_US);
    const [nodes, read] = await Promise.all([rows.nodes(), rows.placements(since)]);
    this.#nodes = this.#watch.read(nodes);
    for (const { kind, key, node, changed_us } of read) {
      this.#readUs = Math.max(this.#readUs, changed_us);
      if (!this.#changed.has(idOf(kind, key))) this.#set(kind as OwnedKind, key, node);
    }
    if (!isAll) return;
    this.#readAllMs = nowMs;
    const ids = new Set(read.map(({ kind, key }) => idOf(kind, key)));
    for (const id of this.#owners.keys()) if (!ids.has(id) && !this.#changed.has(id)) this.#owners.delete(id);
  }

  /** Takes the leases of dead nodes whose things living ones can take, and distributes these. */
  async #takeOverDead(signal: AbortSignal): Promise<void> {
    const { roles } = this.#options;
    if (!this.#watch.mayTakeOver) return;
    if (!MOVING.some((kind) => roles.includes(roleFor[kind]))) return;
    const living = this.#nodes.filter(({ isAlive }) => isAlive);
    if (!living.some(({ name }) => name === this.node)) return;
    const kinds = MOVING.filter((kind) => living.some((node) => node.roles.includes(roleFor[kind])));
    for (const { name, isAlive } of this.#nodes) {
      if (isAlive || name === this.node || !this.#hasAny(name, kinds)) continue;
      if (await this.#options.rows.hasMoving(name, kinds)) await this.#takeOver(name, living, signal);
    }
  }

  async #takeOver(dead: string, living: readonly NodeView[], signal: AbortSignal): Promise<void> {
    const { rows, leases, takeoverMs, tookOver } = this.#options;
    const holder = JSON.stringify({ host: this.node, takesOver: dead });
    const { lease } = await leases.acquire(NODE_LEASE + dead, { holder, ttlMs: takeoverMs, signal });
    if (!lease) return; // it is back, or another node takes over
    await using _lease = lease;
    await rows.end(dead);
    // Apart: a node with many assets can run as many streams as another one.
    const [running, assets] = [new Map(await rows.loads('running')), new Map(await rows.loads('assets'))];
    const choose = (kind: OwnedKind): string | undefined => {
      const loads = kind === 'asset' || kind === 'upload' ? assets : running;
      const able = living.filter((node) => node.roles.includes(roleFor[kind]));
      const [first] = able.sort((a, b) => (loads.get(a.name) ?? 0) - (loads.get(b.name) ?? 0));
      if (first) loads.set(first.name, (loads.get(first.name) ?? 0) + 1);
      return first?.name;
    };
    const things = await rows.distribute(dead, lease, choose);
    if (things > 0) tookOver(dead, things);
    await this.refresh();
  }

  #hasAny(node: string, kinds: readonly OwnedKind[]): boolean {
    for (const [id, owner] of this.#owners) {
      if (owner === node && kinds.some((kind) => id.startsWith(`${kind}/`))) return true;
    }
    return false;
  }

  /** Notes the owner that a statement of this node has left. */
  #change(kind: OwnedKind, key: string, node: string | undefined): void {
    this.#changed.add(idOf(kind, key));
    if (node === undefined) this.#owners.delete(idOf(kind, key));
    else this.#set(kind, key, node);
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

/** The first of the nodes with the fewest things. */
function leastOf(names: readonly string[], loads: ReadonlyMap<string, number>): string {
  const loadOf = (name: string) => loads.get(name) ?? 0;
  return names.reduce((least, name) => (loadOf(name) < loadOf(least) ? name : least));
}

const idOf = (kind: string, key: string) => `${kind}/${key}`;

function unknownNode(name: string): NodeView {
  return { name, url: new URL('http://invalid.invalid'), roles: [], version: '', isAlive: false };
}
