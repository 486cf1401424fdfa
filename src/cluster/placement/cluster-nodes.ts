/**
 * The nodes of a cluster for operators: their state and things; the health check and the gauges of
 * them.
 * In: the shared database, the nodes that are alive. Out: JSON, sentences, metrics. docs/9-run/cluster.md.
 */
import type { Kysely } from 'kysely';
import { printRfc3339 } from '../../api/instant.ts';
import type { ClusterNodeView } from '../../api/nodes/node-shapes.ts';
import type { NodesApi } from '../../api/nodes/nodes-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { NODE_LEASE } from '../../store/data-folder-lease.ts';
import type { Tables } from '../../store/schema.ts';
import type { NodeRow, NodeRows } from './node-rows.ts';
import type { OwnedKind, Placement } from './placement.ts';

type Owns = ClusterNodeView['owns'];

/** Names of the numbers, by kind. */
const COUNTS: Readonly<Record<OwnedKind, keyof Owns>> = {
  stream: 'streams',
  room: 'rooms',
  asset: 'assets',
  upload: 'uploads',
};
const KINDS = Object.keys(COUNTS) as readonly OwnedKind[];
/** States of uploads whose bytes are still needed. */
const UNFINISHED = ['open', 'completing'];
const STATES: readonly ClusterNodeView['state'][] = ['alive', 'draining', 'dead'];

/** Its dependencies. */
interface ClusterNodesOptions {
  readonly db: Kysely<Tables>;
  readonly rows: Pick<NodeRows, 'nodes'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Knows which nodes are alive. */
  readonly placement: Pick<Placement, 'node' | 'others'>;
}

/** The nodes of the database. */
export class ClusterNodes implements NodesApi {
  readonly #options: ClusterNodesOptions;

  constructor(options: ClusterNodesOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly ClusterNodeView[]> {
    const { rows, clock, placement } = this.#options;
    const nodes = await rows.nodes();
    const owns = await this.#owns();
    const nowUs = clock.nowMs() * 1000;
    const alive = new Set(placement.others.filter(({ isAlive }) => isAlive).map(({ name }) => name));
    // One that has just started is alive only by its lease.
    const isAlive = ({ name, expiresUs }: NodeRow) => name === placement.node || alive.has(name) || expiresUs > nowUs;
    return nodes.map((node) => {
      const { name, url, version, roles, expiresUs, startedUs, drainingUs, endedUs } = node;
      // While its things are distributed, another node has its lease.
      const state = endedUs !== null || !isAlive(node) ? 'dead' : drainingUs !== null ? 'draining' : 'alive';
      const sinceUs = { alive: startedUs, draining: drainingUs, dead: endedUs ?? expiresUs }[state];
      return {
        name,
        url: url.origin,
        version,
        state,
        roles: [...roles],
        since: sinceUs ? printRfc3339(sinceUs / 1000) : null,
        self: name === placement.node,
        owns: owns.get(name) ?? nothing(),
      };
    });
  }

  async forget(name: string): Promise<void> {
    const node = (await this.list()).find((view) => view.name === name);
    if (!node) throw new OxbowError('node-unknown', `No node of the cluster has the name ${name}.`);
    if (node.state !== 'dead') throw stillAlive(name);
    if (sumOf(node.owns) > 0) throw new OxbowError('node-not-empty', `The node ${name} owns ${printOwns(node.owns)}.`);
    const { db, clock } = this.#options;
    await db.transaction().execute(async (transaction) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('node')
        .where('name', '=', name)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              // It starts again at this moment. The row of its lease stays, so that the token keeps rising.
              selectFrom('lease')
                .select('lease.name')
                .where('lease.name', '=', NODE_LEASE + name)
                .where('expires_us', '>', Math.round(clock.nowMs() * 1000)),
            ),
          ),
        )
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw stillAlive(name);
      // Of ended things: no other node would delete them.
      await transaction.deleteFrom('placement').where('node', '=', name).execute();
    });
  }

  /**
   * For the health check.
   *
   * @returns a sentence
   * @throws OxbowError `not-ready` with one if a dead node owns something, which no node runs or serves then
   */
  async check(): Promise<string> {
    const nodes = await this.list();
    const dead = nodes.filter(({ state }) => state === 'dead');
    const sentence = `${nodes.length - dead.length} of ${nodes.length} nodes are alive`;
    const owners = dead.filter(({ owns }) => sumOf(owns) > 0);
    const idle = dead.filter((node) => !owners.includes(node)).map(({ name }) => name);
    const idleText = idle.length === 0 ? '' : `; dead, without anything: ${idle.join(', ')}`;
    if (owners.length === 0) return `${sentence}${idleText}`;
    const named = owners.map(({ name, owns, since }) => {
      return `${name} is dead${since === null ? '' : ` since ${since}`} and owns ${printOwns(owns)}`;
    });
    throw new OxbowError('not-ready', `${sentence}; ${named.join('; ')}${idleText}.`);
  }

  /** Sets the gauges. */
  async measure({ nodes, nodeOwned }: Pick<Metrics, 'nodes' | 'nodeOwned'>): Promise<void> {
    const list = await this.list();
    for (const state of STATES) {
      const those = list.filter((node) => node.state === state);
      nodes.set({ state }, those.length);
      for (const kind of KINDS) {
        nodeOwned.set(
          { kind, state },
          those.reduce((sum, { owns }) => sum + owns[COUNTS[kind]], 0),
        );
      }
    }
  }

  /** The things of each node, without ended ones: uploads that have ended, assets that were deleted. */
  async #owns(): Promise<ReadonlyMap<string, Owns>> {
    const placed = this.#options.db
      .selectFrom('placement')
      .select(['node', 'kind', (eb) => eb.fn.countAll<number>().as('things')])
      .groupBy(['node', 'kind']);
    const rows = await Promise.all([
      placed.where('kind', 'in', ['stream', 'room']).execute(),
      placed.innerJoin('asset', 'asset.id', 'placement.key').where('kind', '=', 'asset').execute(),
      placed
        .innerJoin('upload', 'upload.id', 'placement.key')
        .where('kind', '=', 'upload')
        .where('upload.state', 'in', UNFINISHED)
        .execute(),
    ]);
    const ownsByNode = new Map<string, Owns>();
    for (const { node, kind, things } of rows.flat()) {
      const owns = ownsByNode.get(node) ?? nothing();
      ownsByNode.set(node, { ...owns, [COUNTS[kind as OwnedKind]]: Number(things) });
    }
    return ownsByNode;
  }
}

const nothing = (): Owns => ({ streams: 0, rooms: 0, assets: 0, uploads: 0 });
const sumOf = (owns: Owns) => KINDS.reduce((sum, kind) => sum + owns[COUNTS[kind]], 0);

/** "2 streams, 1 upload". */
function printOwns(owns: Owns): string {
  const counted = KINDS.map((kind) => ({ kind, count: owns[COUNTS[kind]] })).filter(({ count }) => count > 0);
  return counted.map(({ kind, count }) => `${count} ${kind}${count === 1 ? '' : 's'}`).join(', ');
}

function stillAlive(name: string): OxbowError {
  return new OxbowError('node-alive', `The node ${name} is alive.`);
}
