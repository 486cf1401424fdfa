/**
 * The owners of a cluster in memory, shared by the nodes of one test.
 * In: nodes, and what they own. Out: a placement for each node.
 */
import { Emitter } from '../../lib/events.ts';
import type { Moved, NodeView, OwnedKind, Owner, Placement } from './placement.ts';

/** The owners. */
export class MemoryPlacements {
  /** Nodes by their names; they may be changed. */
  readonly nodes = new Map<string, NodeView>();
  /** Things that only `lookUp` finds at first, as another node has just claimed them. */
  readonly fresh = new Set<string>();
  readonly #owners = new Map<string, string>();
  readonly #moved = new Map<string, Emitter<Moved>>();

  /** Makes a node the owner. */
  give(kind: OwnedKind, key: string, node: string): void {
    this.#owners.set(`${kind}/${key}`, node);
    for (const [name, moved] of this.#moved) moved.emit({ kind, key, owner: this.#ownerFor(name, kind, key) });
  }

  /** What one node knows. */
  of(node: string): Placement {
    const moved = new Emitter<Moved>();
    this.#moved.set(node, moved);
    const all = this;
    return {
      node,
      get others() {
        return [...all.nodes.values()].filter(({ name }) => name !== node);
      },
      takes: () => true,
      moved,
      find: (kind, key) => (this.fresh.has(`${kind}/${key}`) ? undefined : this.#ownerFor(node, kind, key)),
      lookUp: async (kind, key) => this.#ownerFor(node, kind, key),
      claim: async (kind, key) => {
        if (!this.#owners.has(`${kind}/${key}`)) this.give(kind, key, node);
        return this.#ownerFor(node, kind, key)!;
      },
      lessLoaded: () => undefined,
      give: async (kind, key, to) => {
        if (this.#ownerFor(node, kind, key) !== 'own') return false;
        this.give(kind, key, to);
        return true;
      },
      forget: async (kind, key) => void this.#owners.delete(`${kind}/${key}`),
    };
  }

  #ownerFor(node: string, kind: OwnedKind, key: string): Owner {
    const owner = this.#owners.get(`${kind}/${key}`);
    return owner === node ? 'own' : owner === undefined ? undefined : this.nodes.get(owner);
  }
}
