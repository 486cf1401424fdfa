/**
 * What the HTTP server calls first in a cluster: a request for something that another node owns is passed to
 * that node, and lists have the rows of all nodes. The contract; ask-first.ts is how the server uses it.
 * In: requests. Out: whether another node has answered. docs/decisions/0055.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { MediaTarget } from '../api/media-address.ts';
import type { NodeSender, ReceivedRequest } from '../cluster/requests/node-signature.ts';
import type { PendingReply } from '../delivery/live/pending-reply.ts';
import type { Reply } from '../delivery/reply.ts';
import type { OxbowError } from '../lib/errors.ts';
import type { Cmcd } from './client/cmcd.ts';
import type { Exchange } from './exchange/exchange.ts';
import type { RawResponse } from './hot/raw-response.ts';
import type { HotClient } from './hot/response-cache.ts';

/** Whether another node answers, now or later. */
export type Taken = boolean | Promise<boolean>;

/** An answer of another node, or one that comes. */
export interface ElsewhereFound {
  readonly isElsewhere: true;
  readonly result: RawResponse | PendingReply;
}

/** Answers of other nodes for the hot responder: see ResponseFinder. */
export interface HotElsewhere {
  find(target: string, takesGzip: boolean, client: HotClient): ElsewhereFound | undefined;
  rawResponseOf(reply: Reply, match: ElsewhereFound, takesGzip: boolean): RawResponse | undefined;
  /** Counts an answer. @param cmcd of the header fields */
  served(match: ElsewhereFound, bodyBytes: number, target: string, cmcd: Cmcd | undefined): void;
}

/** The head of a request to a list. */
export type ListRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & {
  readonly sender: NodeSender | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined };
};

/** The same list on the other nodes. */
export interface Elsewhere {
  /** JSON of the answers with status 200. */
  readonly lists: readonly { readonly node: string; readonly body: unknown }[];
  /** Nodes that did not answer in time, or refused. */
  readonly missing: readonly string[];
}

/** The answer of the owner of a stream. */
export interface OwnerAnswer {
  readonly status: number;
  /** Its JSON. */
  readonly body: unknown;
}

/** The other nodes of a cluster. */
export interface OtherNodes {
  /**
   * The node that has signed the request; undefined: a client has sent it. A request of a node is answered
   * here, whatever it is for.
   *
   * @throws OxbowError `node-refused` for one that says so, and is not valid or was received before
   */
  recognise(request: ReceivedRequest): NodeSender | undefined;
  /** Requests that can be answered from copies, or together with other clients. */
  readonly hot: HotElsewhere;
  /**
   * Sends the refusal of another node's answer to a client that waited for it; false: it is one of this node.
   */
  refuse(exchange: Exchange, reason: unknown): boolean;
  /** Answers a request for media that another node owns; false: this node answers it. Never rejects. */
  media(exchange: Exchange, target: MediaTarget): Taken;
  /** Like `media`, for any other request. */
  request(request: IncomingMessage, response: ServerResponse): Taken;
  /** The same of a request to upgrade the connection. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Taken;
  /** Name of the node that owns a stream or a room, as last read; undefined: this one, or none. */
  ownerOf(kind: 'stream' | 'room', key: string): string | undefined;
  /** Requests a list from the other nodes, with the credentials of the caller. Empty for one of a node. */
  gather(request: ListRequest): Promise<Elsewhere>;
  /**
   * Sends JSON about a stream to the node that owns it, with the credentials of the caller.
   *
   * @param request its target is at the owner; its own body was read
   * @returns undefined: no other node owns it, or a node has sent the request
   * @throws OxbowError `not-ready` if the owner does not answer
   */
  askOwner(stream: string, request: ListRequest, body: unknown): Promise<OwnerAnswer | undefined>;
  /** Answers those that wait for other nodes with a refusal: the server stops. */
  leave(reason: OxbowError): void;
}
