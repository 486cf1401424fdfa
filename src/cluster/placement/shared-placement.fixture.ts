/**
 * Nodes that share a database, for tests: their leases are renewed and their owners read by hand.
 * In: a database, clocks. Out: the SharedPlacement of each node.
 */
import assert from 'node:assert/strict';
import { type NodeRole, nodeRoles } from '../../config/sections/cluster-section.ts';
import { createManualClock, type ManualClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { NODE_LEASE } from '../../store/data-folder-lease.ts';
import { openLeaseTable } from '../../store/lease-table.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { Leases } from '../lease/lease.ts';
import { NodeRows, type PlacementRow } from './node-rows.ts';
import type { Moved } from './placement.ts';
import { SharedPlacement } from './shared-placement.ts';

/** Time to live of the leases, ms. */
export const TAKEOVER_MS = 6000;

type Database = Awaited<ReturnType<OpenDatabase>>;
type Wait = () => Promise<void>;

/** Rows whose answers arrive late. */
export class LateRows extends NodeRows {
  /** Awaited after the query of owners. */
  afterPlacements: Wait | undefined;
  /** Awaited before the query of loads, which precedes the distribution of a dead node's things. */
  beforeLoads: Wait | undefined;

  override async placements(sinceUs: number): Promise<PlacementRow[]> {
    const rows = await super.placements(sinceUs);
    await this.afterPlacements?.();
    return rows;
  }

  override async loads(of: 'running' | 'assets'): Promise<ReadonlyMap<string, number>> {
    await this.beforeLoads?.();
    return super.loads(of);
  }
}

export interface TestNode {
  readonly placement: SharedPlacement;
  readonly rows: LateRows;
  readonly moved: Moved[];
  /** Names of nodes whose things it has distributed. */
  readonly tookOver: string[];
  step(): Promise<void>;
  renew(): Promise<boolean>;
  /** It ends in order. */
  release(): Promise<void>;
}

/** Starts a node. */
export async function join(
  { db }: Database,
  clock: ManualClock,
  name: string,
  { roles = nodeRoles }: { readonly roles?: readonly NodeRole[] } = {},
): Promise<TestNode> {
  const rows = new LateRows(db, clock);
  await rows.register({ name, url: `http://${name}.example:8080`, roles, version: '1' });
  const store = openLeaseTable(db, clock);
  const { token } = await store.take(NODE_LEASE + name, { holder: name, ttlMs: TAKEOVER_MS });
  const tookOver: string[] = [];
  const placement = await SharedPlacement.open({
    rows,
    node: name,
    roles,
    takeoverMs: TAKEOVER_MS,
    clock,
    log: createSilentLog(),
    leases: new Leases({ store, clock, failed: (error) => assert.fail(String(error)) }),
    tookOver: (dead) => tookOver.push(dead),
  });
  const moved: Moved[] = [];
  placement.moved.subscribe((event) => moved.push(event));
  const { signal } = new AbortController();
  return {
    placement,
    rows,
    moved,
    tookOver,
    step: () => placement.step({ signal }),
    renew: () => store.renew(NODE_LEASE + name, token, TAKEOVER_MS),
    release: () => store.release(NODE_LEASE + name, token),
  };
}

/** Two nodes with one clock. */
export async function openPair(
  database: Database,
): Promise<{ readonly clock: ManualClock; readonly a: TestNode; readonly b: TestNode }> {
  const clock = createManualClock();
  return { clock, a: await join(database, clock, 'a'), b: await join(database, clock, 'b') };
}

/** A second of all of these nodes. */
export async function second(clock: ManualClock, nodes: readonly TestNode[]): Promise<void> {
  clock.advance(1000);
  for (const node of nodes) await node.renew();
  for (const node of nodes) await node.step();
}

/** An owner in one word. */
export const nameOf = (owner: ReturnType<SharedPlacement['find']>): string | undefined =>
  typeof owner === 'string' ? owner : owner?.name;
