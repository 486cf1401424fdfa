/**
 * Which node of a cluster owns a stream, room, asset or upload. Only the owner runs it, writes its files and
 * changes its rows; the other nodes pass requests on to it. Without a cluster, this process owns everything.
 * In: kinds and keys. Out: owners. docs/decisions/0055.
 */
import type { NodeRole } from '../../config/sections/cluster-section.ts';
import type { Subscribable } from '../../lib/events.ts';
import { Emitter } from '../../lib/events.ts';

/** A kind of thing with an owner: a stream by its name, anything else by its id. */
export type OwnedKind = 'stream' | 'room' | 'asset' | 'upload';

/** How a node names itself in the locks of uploads, so that others free those of a dead one. */
export const lockHolderOf = (node: string): string => `node/${node}`;

/** The role that a node needs to own a thing. */
export const roleFor: Readonly<Record<OwnedKind, NodeRole>> = {
  stream: 'ingest',
  room: 'rooms',
  asset: 'ingest',
  upload: 'ingest',
};

/** A node of the cluster. */
export interface NodeView {
  readonly name: string;
  /** Where the other nodes reach it. */
  readonly url: URL;
  readonly roles: readonly NodeRole[];
  readonly version: string;
  /** Its lease is held. */
  readonly isAlive: boolean;
}

/** The owner of a thing: this process, another node, or undefined if it has none. */
export type Owner = 'own' | NodeView | undefined;

/** A thing has another owner. */
export interface Moved {
  readonly kind: OwnedKind;
  readonly key: string;
  readonly owner: Owner;
}

/** The owners of a cluster, as this node knows them. */
export interface Placement {
  /** Name of this node; empty without a cluster. */
  readonly node: string;
  /** The other nodes. */
  readonly others: readonly NodeView[];
  /** Whether this node may own such things, by its roles. */
  takes(kind: OwnedKind): boolean;
  /** Called after the owner of a thing has changed: to this node, or from it. */
  readonly moved: Subscribable<Moved>;
  /** The owner, as last read: at most a few seconds old. */
  find(kind: OwnedKind, key: string): Owner;
  /** The owner; reads the database for an unknown thing. */
  lookUp(kind: OwnedKind, key: string): Promise<Owner>;
  /**
   * Makes this node the owner of a thing that has none. Returns the owner: this node, or the one that has it
   * already.
   *
   * @param options.anywhere where the processes of one server start, any of them may get it: the one that has
   *   least
   */
  claim(kind: OwnedKind, key: string, options?: { readonly anywhere: boolean }): Promise<Exclude<Owner, undefined>>;
  /**
   * The other process of this server that should get a new thing, because it has less to do; undefined:
   * this one.
   *
   * @returns undefined where things stay with the node that makes them
   */
  lessLoaded(kind: OwnedKind): Promise<NodeView | undefined> | undefined;
  /** Gives a thing of this node to another one. False: this node does not own it. */
  give(kind: OwnedKind, key: string, to: string): Promise<boolean>;
  /** The thing exists no more. */
  forget(kind: OwnedKind, key: string): Promise<void>;
}

/** Without a cluster. */
export function createSolePlacement(): Placement {
  return {
    node: '',
    others: [],
    takes: () => true,
    moved: new Emitter<Moved>(),
    find: () => 'own',
    lookUp: async () => 'own',
    claim: async () => 'own',
    lessLoaded: () => undefined,
    give: async () => false,
    forget: async () => {},
  };
}
