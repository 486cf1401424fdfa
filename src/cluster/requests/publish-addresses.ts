/**
 * Where the publishers of a node that ends can go: the addresses of the other nodes.
 * In: the nodes that are alive. Out: their addresses for publishers over RTMP. docs/9-run/cluster.md.
 */
import { checkRtmpServer } from '../../config/option.ts';
import { type NodeView, type Placement, roleFor } from '../placement/placement.ts';
import { internalTarget } from './internal-requests.ts';
import type { NodeClient } from './node-client.ts';

/** A node that is slower gets no publishers, ms. */
const ANSWER_MS = 500;
const MAX_BYTES = 4096;
/** Most addresses of a node that are looked at. */
const MAX_ADDRESSES = 8;

/**
 * Requests them: of each node that takes publishers and does not end itself.
 *
 * @param options.only the name of one node; default all others
 * @returns for each of these nodes its addresses, e.g. `rtmp://b.example/live`; never rejects
 */
export async function findPublishAddresses(
  { placement, client }: { readonly placement: Pick<Placement, 'others'>; readonly client: Pick<NodeClient, 'send'> },
  { only, signal }: { readonly only?: string | undefined; readonly signal: AbortSignal },
): Promise<readonly (readonly string[])[]> {
  const able = placement.others.filter(({ name, isAlive, roles }) => {
    return isAlive && roles.includes(roleFor.stream) && (only === undefined || name === only);
  });
  const asked = able.map((node) => addressesOf(node, client, signal).catch(() => [])); // it does not answer
  return (await Promise.all(asked)).filter((addresses) => addresses.length > 0);
}

async function addressesOf(
  node: NodeView,
  client: Pick<NodeClient, 'send'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const request = { method: 'GET', maxBytes: MAX_BYTES, deadlineMs: ANSWER_MS, signal } as const;
  using response = await client.send(node, { ...request, target: internalTarget.publishUrls });
  if (response.status !== 200) return [];
  const answer: unknown = JSON.parse(Buffer.from(await response.body()).toString());
  return Array.isArray(answer) ? answer.slice(0, MAX_ADDRESSES).filter(isAddress) : [];
}

function isAddress(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  try {
    checkRtmpServer(value);
    return true;
  } catch {
    return false;
  }
}
