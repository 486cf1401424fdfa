/**
 * The rows of a cluster: its nodes with their leases, and the owners of things.
 * In: the shared database. Out: nodes, placements, and the changes of them, each one statement or
 * transaction.
 */
import type { Kysely, Selectable } from 'kysely';
import type { NodeRole } from '../../config/sections/cluster-section.ts';
import type { Clock } from '../../lib/clock.ts';
import { NODE_LEASE } from '../../store/data-folder-lease.ts';
import { type Fence, holdLease } from '../../store/lease-table.ts';
import type { Tables } from '../../store/schema.ts';
import type { PlacementTable } from '../../store/tables/node-tables.ts';
import { evenMoves } from './even-moves.ts';
import { lockHolderOf, type NodeView, type OwnedKind } from './placement.ts';

/** Kinds that run: their new owner continues them at once. */
const RUNNING: readonly OwnedKind[] = ['stream', 'room'];
/** Rows that one statement moves. */
const ROWS_EACH = 500;

/** A row of the table of owners. */
export type PlacementRow = Selectable<PlacementTable>;

/** A node and the state of its lease. */
export interface NodeRow extends Omit<NodeView, 'isAlive'> {
  /** Token of its lease; 0 if it never had one. */
  readonly token: number;
  /**
   * When its lease ends unless it is renewed, µs since 1970 by the clock of its holder; 0: it was released.
   */
  readonly expiresUs: number;
  /** Its last start, µs since 1970. */
  readonly startedUs: number;
  /** When it began to leave, and when it had ended, since its last start; null: not yet. */
  readonly drainingUs: number | null;
  readonly endedUs: number | null;
}

/** Reads and writes the rows. */
export class NodeRows {
  readonly #db: Kysely<Tables>;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(db: Kysely<Tables>, clock: Pick<Clock, 'nowMs'>) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Adds a node, or replaces its row. */
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
    const rows = await this.#db
      .selectFrom('node')
      .leftJoin('lease', (join) =>
        join.on((eb) => eb('lease.name', '=', eb(eb.val(NODE_LEASE), '||', eb.ref('node.name')))),
      )
      .selectAll('node')
      .select(['lease.token', 'lease.expires_us'])
      .orderBy('node.name')
      .execute();
    return rows.map((row) => ({
      name: row.name,
      url: new URL(row.url),
      roles: JSON.parse(row.roles) as NodeRole[],
      version: row.version,
      token: row.token ?? 0,
      expiresUs: row.expires_us ?? 0,
      startedUs: row.started_us,
      drainingUs: row.draining_us,
      endedUs: row.ended_us,
    }));
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

  /**
   * Spreads all things evenly over the processes of a server, before the first of them runs one: there may be
   * more or fewer than last time.
   */
  async spread(names: readonly string[]): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const rows = await db.selectFrom('placement').select(['kind', 'key', 'node']).execute();
      for (const { kind, key, to } of evenMoves(rows, names)) {
        const update = db.updateTable('placement').set({ node: to, changed_us: this.#nowUs() });
        await update.where('kind', '=', kind).where('key', '=', key).execute();
      }
      // Those of earlier starts are no nodes that have died.
      await db.deleteFrom('node').where('name', 'not in', names).execute();
    });
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

  /** Number of streams and rooms, or of assets, of each node that has any. */
  async loads(of: 'running' | 'assets'): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('placement')
      .select(['node', (eb) => eb.fn.countAll<number>().as('things')])
      .where('kind', 'in', of === 'running' ? RUNNING : ['asset'])
      .groupBy('node')
      .execute();
    return new Map(rows.map(({ node, things }) => [node, Number(things)]));
  }

  /** Whether a dead node has something of these kinds that can move. */
  async hasMoving(dead: string, kinds: readonly OwnedKind[]): Promise<boolean> {
    const running = RUNNING.filter((kind) => kinds.includes(kind));
    if (running.length > 0) {
      const owned = this.#db.selectFrom('placement').select('key').where('node', '=', dead).limit(1);
      if (await owned.where('kind', 'in', running).executeTakeFirst()) return true;
    }
    if (kinds.includes('upload') && (await this.#movingUploads(dead, 1)).length > 0) return true;
    return kinds.includes('asset') && (await this.#movingAssets(dead, 1)).length > 0;
  }

  /**
   * Distributes the things of a dead node: streams and rooms in one transaction, then uploads whose bytes are
   * in a bucket, each with its asset, then the other assets. What is uploaded to the disk of that node stays,
   * with its asset.
   *
   * @param fence of its lease, which the caller has taken: nothing moves if that node, or another one, has it
   *   again
   * @param choose the new owner of a thing; undefined: no living node can take it
   * @returns number of things that have moved
   */
  async distribute(dead: string, fence: Fence, choose: (kind: OwnedKind) => string | undefined): Promise<number> {
    const running = await this.#db
      .selectFrom('placement')
      .select(['kind', 'key'])
      .where('node', '=', dead)
      .where('kind', 'in', RUNNING)
      .execute();
    let moved = await this.#move(dead, fence, running, choose);
    for (;;) {
      const uploads = await this.#moveUploads(dead, fence, await this.#movingUploads(dead, ROWS_EACH), choose);
      if (uploads === 0) break;
      moved += uploads;
    }
    for (;;) {
      const ids = await this.#movingAssets(dead, ROWS_EACH);
      const assets = await this.#move(
        dead,
        fence,
        ids.map((key) => ({ kind: 'asset', key })),
        choose,
      );
      if (assets === 0) return moved;
      moved += assets;
    }
  }

  /** Gives things of a dead node to others, in one transaction. Returns how many. */
  #move(
    dead: string,
    fence: Fence,
    things: readonly { readonly kind: string; readonly key: string }[],
    choose: (kind: OwnedKind) => string | undefined,
  ): Promise<number> {
    return this.#db.transaction().execute(async (db) => {
      if (!(await holdLease(db, fence))) return 0;
      const chosen = things.map(({ kind, key }) => ({ kind, key, node: choose(kind as OwnedKind) }));
      const groups = Object.values(Object.groupBy(chosen, ({ kind, node }) => `${kind} ${node ?? ''}`));
      let moved = 0;
      for (const group of groups) {
        const { kind, node } = group![0]!;
        if (node === undefined) continue;
        for (let at = 0; at < group!.length; at += ROWS_EACH) {
          const keys = group!.slice(at, at + ROWS_EACH).map(({ key }) => key);
          const update = db.updateTable('placement').set({ node, changed_us: this.#nowUs() });
          const { numUpdatedRows } = await update
            .where('kind', '=', kind)
            .where('key', 'in', keys)
            .where('node', '=', dead)
            .executeTakeFirst();
          moved += Number(numUpdatedRows);
        }
      }
      return moved;
    });
  }

  /** Gives uploads of a dead node to others, each with its asset, and frees their locks. Returns how many. */
  #moveUploads(
    dead: string,
    fence: Fence,
    uploads: readonly { readonly id: string; readonly asset: string }[],
    choose: (kind: OwnedKind) => string | undefined,
  ): Promise<number> {
    return this.#db.transaction().execute(async (db) => {
      if (uploads.length === 0 || !(await holdLease(db, fence))) return 0;
      let moved = 0;
      for (const { id, asset } of uploads) {
        const node = choose('upload');
        if (node === undefined) continue;
        const { numUpdatedRows } = await db
          .updateTable('placement')
          .set({ node, changed_us: this.#nowUs() })
          .where('node', '=', dead)
          .where((eb) =>
            eb.or([
              eb.and([eb('kind', '=', 'upload'), eb('key', '=', id)]),
              eb.and([eb('kind', '=', 'asset'), eb('key', '=', asset)]),
            ]),
          )
          .executeTakeFirst();
        moved += Number(numUpdatedRows);
      }
      // The next request need not wait for their end; their tokens guard against what the dead node writes.
      await db
        .updateTable('lease')
        .set({ expires_us: 0 })
        .where('name', '>=', 'upload/')
        .where('name', '<', 'upload0')
        .where('holder', '=', lockHolderOf(dead))
        .execute();
      return moved;
    });
  }

  /** Uploads of a dead node whose bytes are in a bucket. */
  #movingUploads(dead: string, limit: number): Promise<{ readonly id: string; readonly asset: string }[]> {
    return this.#db
      .selectFrom('placement')
      .innerJoin('upload', 'upload.id', 'placement.key')
      .select(['upload.id as id', 'upload.asset_id as asset'])
      .where('placement.kind', '=', 'upload')
      .where('placement.node', '=', dead)
      .where('upload.target', 'is not', null)
      .limit(limit)
      .execute();
  }

  async #movingAssets(dead: string, limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('placement')
      .innerJoin('asset', 'asset.id', 'placement.key')
      .select('placement.key as key')
      .where('placement.kind', '=', 'asset')
      .where('placement.node', '=', dead)
      .where('asset.state', '!=', 'uploading')
      .limit(limit)
      .execute();
    return rows.map(({ key }) => key);
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }
}
