/**
 * The tables of a cluster: its nodes, and what each of them owns.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0055.
 */

/** A node of the cluster. It is alive while its lease, `node/NAME`, is held. */
export interface NodeTable {
  readonly name: string;
  /** Where the other nodes reach it. */
  url: string;
  /** JSON, an array of roles. */
  roles: string;
  version: string;
  started_us: number;
}

/** The owner of a stream, room, asset or upload. */
export interface PlacementTable {
  /** nodes/placement.ts OwnedKind. */
  readonly kind: string;
  /** Name of a stream, id of anything else. */
  readonly key: string;
  node: string;
  changed_us: number;
}

/** Nodes and their property. */
export const nodeMigration = {
  up: `CREATE TABLE node (
   name TEXT PRIMARY KEY,
   url TEXT NOT NULL,
   roles TEXT NOT NULL,
   version TEXT NOT NULL,
   started_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE placement (
   kind TEXT NOT NULL,
   key TEXT NOT NULL,
   node TEXT NOT NULL,
   changed_us INTEGER NOT NULL,
   PRIMARY KEY (kind, key)
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX placement_by_change ON placement (changed_us);
 CREATE INDEX placement_by_node ON placement (node);`,
  down: `DROP TABLE placement;
 DROP TABLE node;`,
};
