/**
 * The contract of the registry of streams: which node of a cluster has a stream now.
 * In: heartbeats of the nodes that have streams. Out: name to node and address. stream-registry.contract.ts is the suite of its engines.
 */

/** Where a stream is. */
export interface StreamPlace {
  /** Name of the stream. */
  readonly name: string;
  /** Id of the node. */
  readonly node: string;
  /** Address at which other nodes reach it. */
  readonly address: string;
  /** Fencing token of the lease under which the node has the stream. */
  readonly token: number;
}

/** A place with its end. */
export interface KnownPlace extends StreamPlace {
  /** It disappears unless it is put again before, ms since 1970 by the clock of the engine. */
  readonly expiresMs: number;
}

/** Where streams are. */
export interface StreamRegistry {
  /**
   * Stores or renews the place of a stream, for `ttlMs` from now. False: a place with a higher token is stored, and the node has lost the
   * stream.
   */
  put(place: StreamPlace, ttlMs: number): Promise<boolean>;
  /** Removes the place of a stream, if it has this token. */
  remove(name: string, token: number): Promise<void>;
  /** The place of a stream; undefined if no node has it, or its node has stopped renewing it. */
  find(name: string): Promise<KnownPlace | undefined>;
  /** All places, by name; at most `limit`. */
  all(limit: number): Promise<readonly KnownPlace[]>;
}
