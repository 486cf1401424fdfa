/**
 * Exchanges the fencing epoch with another node, which may run on another database.
 * In: a node, the epoch of this one. Out: the epoch of that node. docs/decisions/0099.
 */
import type { NodeView } from '../placement/placement.ts';
import { internalTarget } from './internal-requests.ts';
import type { NodeClient } from './node-client.ts';

const MAX_BYTES = 64;
/** A node that does not answer for this long is left out, ms. */
const ANSWER_MS = 2000;

/**
 * Notifies a node of an epoch and returns that of the node; undefined: it has none, because it is older.
 *
 * @throws OxbowError `not-ready` if it does not answer, or refuses the signature
 */
export async function askEpoch(
  client: NodeClient,
  node: Pick<NodeView, 'name' | 'url'>,
  own: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<number | undefined> {
  using response = await client.send(node, {
    method: 'POST',
    target: internalTarget.epoch(own),
    maxBytes: MAX_BYTES,
    deadlineMs: ANSWER_MS,
    signal,
  });
  if (response.status !== 200) return undefined;
  const number = Number(Buffer.from(await response.body()).toString());
  return Number.isSafeInteger(number) ? number : undefined;
}
