/**
 * The tables of a cluster: its nodes, and the things of each.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0055.
 */
import type { Generated } from 'kysely';

/** A node of the cluster. It is alive while its lease, `node/NAME`, is held. */
export interface NodeTable {
  readonly name: string;
  /** Where the other nodes reach it. */
  url: string;
  /** JSON, an array of roles. */
  roles: string;
  version: string;
  started_us: number;
  /** It is being stopped since then; null: it is not. */
  draining_us: number | null;
  /** It has ended in order, or another node has found its lease ended; null: neither since its start. */
  ended_us: number | null;
}

/** The owner of a stream, room, asset or upload. */
export interface PlacementTable {
  /** cluster/placement/placement.ts OwnedKind. */
  readonly kind: string;
  /** Name of a stream, id of anything else. */
  readonly key: string;
  node: string;
  changed_us: number;
}

/** A row that every node has in memory was changed; see row-changes.ts. */
export interface RowChangeTable {
  readonly seq: Generated<number>;
  /** Of the table. */
  readonly name: string;
  readonly key: string;
  readonly at_us: number;
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

/** Changes of rows. Their numbers are not used again: a node remembers those that it has read. */
export const rowChangeMigration = {
  up: `CREATE TABLE row_change (
   seq INTEGER PRIMARY KEY AUTOINCREMENT,
   name TEXT NOT NULL,
   key TEXT NOT NULL,
   at_us INTEGER NOT NULL
 ) STRICT;
 CREATE INDEX row_change_by_time ON row_change (at_us);`,
  down: `DROP TABLE row_change;`,
};

/** When a node is stopped, and when it has ended. */
export const nodeStateMigration = {
  up: `ALTER TABLE node ADD COLUMN draining_us INTEGER;
 ALTER TABLE node ADD COLUMN ended_us INTEGER;`,
  down: `ALTER TABLE node DROP COLUMN ended_us;
 ALTER TABLE node DROP COLUMN draining_us;`,
};
