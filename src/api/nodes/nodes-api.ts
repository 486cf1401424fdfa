/**
 * The contract of the nodes of a cluster, as the HTTP API calls it.
 * In: http/routes calls it. Out: nodes/cluster-nodes implements it. Types only.
 */
import type { ClusterNodeView } from './node-shapes.ts';

/** The nodes of the cluster. */
export interface NodesApi {
  /** Every node of the database, by name. */
  list(): Promise<readonly ClusterNodeView[]>;
  /** Forgets a dead node that owns nothing. Refuses `node-unknown`, `node-alive`, `node-not-empty`. */
  forget(name: string): Promise<void>;
}
