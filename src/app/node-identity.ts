/**
 * Whether this process is a node that shares its database with others, and as which.
 * In: settings. Out: its name and the secret of the cluster, for what nodes share.
 */
import type { Config } from '../config/schema.ts';
import { nodeName } from '../config/sections/cluster-section.ts';

/** A node, or a server alone. */
export interface NodeIdentity {
  /** Name of this node; empty without a database that nodes share. */
  readonly node: string;
  /** Secret of the cluster; undefined without one. */
  readonly secret: string | undefined;
}

/** The node of the settings. Nodes with databases of their own are servers alone that share events. */
export function nodeIdentity({ cluster }: Pick<Config, 'cluster'>): NodeIdentity {
  const node = nodeName({ cluster });
  return node === undefined ? { node: '', secret: undefined } : { node, secret: cluster.secret };
}
