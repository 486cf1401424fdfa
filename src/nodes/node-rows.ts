/**
 * The rows of a cluster: its nodes with their leases, and the owners of things.
 * In: the shared database. Out: nodes, placements, and the changes of them, each one statement or transaction.
 */
import type { Kysely, Selectable } from 'kysely';
import type { NodeRole } from '../config/sections/cluster-section.ts';
import type { Clock } from '../lib/clock.ts';
import { NODE_LEASE } from '../store/data-folder-lease.ts';
import type { PlacementTable } from '../store/node-tables.ts';
import type { Tables } from '../store/schema.ts';
import type { NodeView, OwnedKind } from './placement.ts';

/** What moves when its node dies: no file of the dead node is needed to continue it. */
const MOVING: readonly OwnedKind[] = ['stream', 'room'];

/** A row of the table of owners. */
export type PlacementRow = Selectable<PlacementTable>;

/** A node and the state of its lease. */
export interface NodeRow extends NodeView {
  /** Token of its lease; 0 if it never had one. */
  readonly token: number;
}

/** Reads and writes the rows. */
export class NodeRows {
  readonly #db: Kysely<Tables>;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(db: Kysely<Tables>, clock: Pick<Clock, 'nowMs'>) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Adds a node, or replaces what is known of it. */
  async register(node: {
    readonly name: string;
    readonly url: string;
    readonly roles: readonly NodeRole[];
    readonly version: string;
  }): Promise<void> {
    const values = {
      url: node.url,
      roles: JSON.stringify(node.roles),
      version: node.version,
      started_us: this.#nowUs(),
      draining_us: null,
      ended_us: null,
    };
    await this.#db
      .insertInto('node')
      .values({ name: node.name, ...values })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      .execute();
  }

  /** Notes that a node is being stopped. */
  async drain(name: string): Promise<void> {
    await this.#db.updateTable('node').set({ draining_us: this.#nowUs() }).where('name', '=', name).execute();
  }

  /** Notes that a node has ended, unless that is noted already. */
  async end(name: string): Promise<void> {
    await this.#db
      .updateTable('node')
      .set({ ended_us: this.#nowUs() })
      .where('name', '=', name)
      .where('ended_us', 'is', null)
      .execute();
  }

  /** Every node, by name. */
  async nodes(): Promise<NodeRow[]> {
    const rows = await this.#db.selectFrom('node').selectAll().orderBy('name').execute();
    const leases = await this.#db
      .selectFrom('lease')
      .select(['name', 'token', 'expires_us'])
      .where('name', 'in', [...rows.map(({ name }) => NODE_LEASE + name), NODE_LEASE])
      .execute();
    const leaseOf = new Map(leases.map((lease) => [lease.name, lease]));
    return rows.map(({ name, url, roles, version }) => {
      const lease = leaseOf.get(NODE_LEASE + name);
      const isAlive = lease !== undefined && lease.expires_us > this.#nowUs();
      return {
        name,
        url: new URL(url),
        roles: JSON.parse(roles) as NodeRole[],
        version,
        isAlive,
        token: lease?.token ?? 0,
      };
    });
  }

  /** The rows that were changed since a time, µs since 1970; 0: all. */
  placements(sinceUs: number): Promise<PlacementRow[]> {
    return this.#db.selectFrom('placement').selectAll().where('changed_us', '>=', sinceUs).execute();
  }

  /** The node of a thing; undefined if it has none. */
  async nodeOf(kind: OwnedKind, key: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('placement')
      .select('node')
      .where('kind', '=', kind)
      .where('key', '=', key)
      .executeTakeFirst();
    return row?.node;
  }

  /** Gives a thing without an owner to a node. Returns its owner. */
  async claim(kind: OwnedKind, key: string, node: string): Promise<string> {
    const claimed = await this.#db
      .insertInto('placement')
      .values({ kind, key, node, changed_us: this.#nowUs() })
      .onConflict((conflict) => conflict.columns(['kind', 'key']).doNothing())
      .returning('node')
      .executeTakeFirst();
    if (claimed) return claimed.node;
    // Deleted in between: the next attempt finds it free.
    return (await this.nodeOf(kind, key)) ?? this.claim(kind, key, node);
  }

  /** Moves a thing from one node to another. False: that node does not have it. */
  async give(
    kind: OwnedKind,
    key: string,
    { from, to }: { readonly from: string; readonly to: string },
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('placement')
      .set({ node: to, changed_us: this.#nowUs() })
      .where('kind', '=', kind)
      .where('key', '=', key)
      .where('node', '=', from)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** The thing of a node exists no more. */
  async forget(kind: OwnedKind, key: string, node: string): Promise<void> {
    await this.#db
      .deleteFrom('placement')
      .where('kind', '=', kind)
      .where('key', '=', key)
      .where('node', '=', node)
      .execute();
  }

  /** Number of streams and rooms of each node that has any. */
  async loads(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('placement')
      .select(['node', (eb) => eb.fn.countAll<number>().as('things')])
      .where('kind', 'in', MOVING)
      .groupBy('node')
      .execute();
    return new Map(rows.map(({ node, things }) => [node, Number(things)]));
  }

  /**
   * Distributes the streams and rooms of a dead node, whose lease the caller has taken.
   *
   * @param choose the new owner of a thing; undefined: no living node can take it
   * @returns number of things by new owner
   */
  distribute(dead: string, choose: (kind: OwnedKind) => string | undefined): Promise<ReadonlyMap<string, number>> {
    return this.#db.transaction().execute(async (db) => {
      const moved = new Map<string, number>();
      const rows = await db
        .selectFrom('placement')
        .select(['kind', 'key'])
        .where('node', '=', dead)
        .where('kind', 'in', MOVING)
        .execute();
      for (const { kind, key } of rows) {
        const node = choose(kind as OwnedKind);
        if (node === undefined) continue;
        await db
          .updateTable('placement')
          .set({ node, changed_us: this.#nowUs() })
          .where('kind', '=', kind)
          .where('key', '=', key)
          .execute();
        moved.set(node, (moved.get(node) ?? 0) + 1);
      }
      return moved;
    });
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }
}
