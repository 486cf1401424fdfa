/**
 * Copies of media in the memory of other nodes: they are dropped when a range of a recording is deleted for
 * good.
 * In: deleted things. Out: signed requests to the other nodes, and the nodes that did not answer.
 * docs/decisions/0055 and 0065.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Placement } from '../placement/placement.ts';
import { internalTarget, type PurgedThing } from './internal-requests.ts';
import type { NodeClient } from './node-client.ts';

/** A node drops copies at once: one that takes longer does not run, ms. */
const WITHIN_MS = 5000;

/** Its dependencies. */
interface NodeCopiesOptions {
  readonly client: Pick<NodeClient, 'send'>;
  readonly placement: Pick<Placement, 'others'>;
}

/** A node that may still have copies. */
export interface UnpurgedNode {
  readonly node: string;
  readonly problem: string;
}

/**
 * Drops copies at the other nodes, all at the same time.
 *
 * @param only name of a node; default: all of them. One that has left the cluster has no copies
 * @returns the nodes that did not confirm it
 * @throws the signal's reason
 */
export async function purgeCopies(
  { client, placement }: NodeCopiesOptions,
  things: readonly PurgedThing[],
  { signal, only }: { readonly signal: AbortSignal; readonly only?: string | undefined },
): Promise<readonly UnpurgedNode[]> {
  const nodes = placement.others.filter(({ name }) => only === undefined || name === only);
  const results = await Promise.all(
    nodes.map(async (node): Promise<UnpurgedNode | undefined> => {
      try {
        for (const thing of things) {
          const request = { method: 'DELETE', target: internalTarget.copies(thing), maxBytes: 64 } as const;
          using response = await client.send(node, { ...request, deadlineMs: WITHIN_MS, signal });
          if (response.status !== 204) throw new Error(`the node ${node.name} answered ${response.status}`);
        }
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        return { node: node.name, problem: messageOf(error) };
      }
    }),
  );
  return results.filter((result) => result !== undefined);
}
