/**
 * A cluster for tests: the owners are rows of one database, nodes are objects of one process that can be
 * paused.
 * In: a database. Out: the Placement of each node; takeovers.
 */
import type { Kysely } from 'kysely';
import { Emitter } from '../../lib/events.ts';
import type { Tables } from '../../store/schema.ts';
import type { Moved, NodeView, OwnedKind, Owner, Placement } from './placement.ts';

export interface TestNode extends Placement {
  /** While true, it is notified of no change, as a process that is stopped. */
  isPaused: boolean;
}

/** The nodes of a test. */
export interface TestCluster {
  /** A new node. @param takes false: it has no role */
  join(name: string, takes?: boolean): TestNode;
  /**
   * Gives everything of a node to another one, in one transaction; nodes that are paused do not learn of it.
   */
  takeOver(from: string, to: string): Promise<void>;
}

const keyOf = (kind: OwnedKind, key: string) => `${kind} ${key}`;

/** Opens a cluster without nodes. */
export function openTestCluster(db: Kysely<Tables>): TestCluster {
  const nodes = new Map<
    string,
    { readonly node: TestNode; owned(kind: OwnedKind, key: string, owner?: string): void }
  >();
  const announce = (kind: OwnedKind, key: string, owner: string | undefined) => {
    for (const { node, owned } of nodes.values()) if (!node.isPaused) owned(kind, key, owner);
  };
  const readOwner = async (kind: OwnedKind, key: string) => {
    const row = await db
      .selectFrom('placement')
      .select('node')
      .where('kind', '=', kind)
      .where('key', '=', key)
      .executeTakeFirst();
    return row?.node;
  };

  function join(name: string, takes = true): TestNode {
    const moved = new Emitter<Moved>();
    /** Names of owners, as this node knows them. */
    const known = new Map<string, string>();
    const viewOf = (owner: string): NodeView => ({
      name: owner,
      url: new URL(`http://${owner}.example`),
      version: '1.0.0',
      isAlive: true,
      roles: ['ingest', 'serve', 'worker', 'rooms'],
    });
    const ownerOf = (owner: string | undefined): Owner =>
      owner === undefined ? undefined : owner === name ? 'own' : viewOf(owner);
    const owned = (kind: OwnedKind, key: string, owner: string | undefined) => {
      const before = known.get(keyOf(kind, key));
      if (owner === undefined) known.delete(keyOf(kind, key));
      else known.set(keyOf(kind, key), owner);
      if (before !== owner && (before === name || owner === name)) moved.emit({ kind, key, owner: ownerOf(owner) });
    };
    const node: TestNode = {
      node: name,
      moved,
      isPaused: false,
      takes: () => takes,
      lessLoaded: () => undefined,
      get others() {
        return [...nodes.keys()].filter((other) => other !== name).map(viewOf);
      },
      find: (kind, key) => ownerOf(known.get(keyOf(kind, key))),
      async lookUp(kind, key) {
        return ownerOf(known.get(keyOf(kind, key)) ?? (await readOwner(kind, key)));
      },
      async claim(kind, key) {
        await db
          .insertInto('placement')
          .values({ kind, key, node: name, changed_us: 0 })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        const owner = (await readOwner(kind, key))!;
        announce(kind, key, owner);
        return ownerOf(owner)!;
      },
      async give(kind, key, to) {
        const { numUpdatedRows } = await db
          .updateTable('placement')
          .set({ node: to })
          .where('kind', '=', kind)
          .where('key', '=', key)
          .where('node', '=', name)
          .executeTakeFirst();
        if (numUpdatedRows > 0n) announce(kind, key, to);
        return numUpdatedRows > 0n;
      },
      async forget(kind, key) {
        const mine = db.deleteFrom('placement').where('node', '=', name);
        await mine.where('kind', '=', kind).where('key', '=', key).execute();
        announce(kind, key, await readOwner(kind, key));
      },
    };
    nodes.set(name, { node, owned });
    return node;
  }

  return {
    join,
    async takeOver(from, to) {
      const rows = await db
        .updateTable('placement')
        .set({ node: to })
        .where('node', '=', from)
        .returning(['kind', 'key'])
        .execute();
      for (const { kind, key } of rows) announce(kind as OwnedKind, key, to);
    },
  };
}
