/**
 * Who has sent a request: a client, a proxy, or another node of the cluster.
 * In: requests of node:http and node:http2. Out: RequestSource. docs/decisions/0055.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { NodeSender } from '../../cluster/requests/node-signature.ts';

/** The parts of a request that identify its sender. */
export interface RequestSource {
  readonly headers: IncomingHttpHeaders;
  /** Address of the connection, '' after it is closed. */
  readonly remoteAddress: string;
  /**
   * The node of this cluster that has signed the request: it counts as a trusted proxy, whatever its address
   * is. Undefined: a client has sent it.
   */
  readonly sender: NodeSender | undefined;
}

/** The source of a request to the API, or to upgrade the connection. */
export function requestSourceOf({
  headers,
  socket,
  nodeSender,
}: Pick<IncomingMessage, 'headers' | 'socket' | 'nodeSender'>): RequestSource {
  return { headers, remoteAddress: socket.remoteAddress ?? '', sender: nodeSender };
}
