/**
 * The contract of presence: which users are in which rooms, over all nodes of a cluster.
 * In: heartbeats of the nodes to which users are connected. Out: users by room. presence.contract.ts is the suite of its engines.
 */

/** A user on a node, in a room. */
export interface Present {
  readonly room: string;
  readonly user: string;
  /** Id of the node to which the user is connected. */
  readonly node: string;
}

/** Who is where. */
export interface Presence {
  /** Stores or renews users of a node, for `ttlMs` from now. */
  put(present: readonly Present[], ttlMs: number): Promise<void>;
  /** Removes a user of a node from a room. */
  remove(present: Present): Promise<void>;
  /** The users in a room with their nodes, by user and then node. A user on two nodes is listed twice. */
  in(room: string): Promise<readonly Present[]>;
}
