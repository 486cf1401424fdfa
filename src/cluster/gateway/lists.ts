/**
 * Lists of all nodes: each is requested from the others with the credentials of the caller. What a request
 * does to streams of several nodes, each owner does.
 * In: requests to lists. Out: the answers of the other nodes, and which are missing. docs/decisions/0055.
 */
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Elsewhere, ListRequest, OwnerAnswer } from '../../serve/other-nodes.ts';
import type { NodeView, Placement } from '../placement/placement.ts';
import type { Peers } from './peers.ts';
import type { PassedKind } from './request-subject.ts';

/** A node that has not answered by then is left out of a list, ms. */
const LIST_MS = 2000;
const MAX_LIST_BYTES = 32 * 1024 * 1024;
/** The same of the owner of a stream. */
const OWNER_MS = 15_000;
const MAX_OWNER_BYTES = 1024 * 1024;

/** Dependencies of list requests. */
interface ListsOptions {
  readonly placement: Pick<Placement, 'others' | 'lookUp'>;
  readonly peers: Peers;
  readonly log: Log;
  /** Called with each request. */
  count(kind: PassedKind, node: NodeView): void;
}

type List = Elsewhere['lists'][number];

export class Lists {
  readonly #options: ListsOptions;
  /** Nodes that were missing in the last list: each change is logged once. */
  readonly #silent = new Set<string>();

  constructor(options: ListsOptions) {
    this.#options = options;
  }

  /** The same list of the other nodes; of none for a request that a node has sent. */
  async gather(request: ListRequest): Promise<Elsewhere> {
    if (request.sender) return { lists: [], missing: [] };
    const { placement, peers } = this.#options;
    const nodes = placement.others.filter((node) => node.isAlive || peers.hasJustDied(node));
    const answers = await Promise.all(nodes.map((node) => (node.isAlive ? this.#ask(request, node) : undefined)));
    return {
      lists: answers.filter((answer) => answer !== undefined),
      missing: nodes.filter((_, at) => answers[at] === undefined).map(({ name }) => name),
    };
  }

  /** Sends JSON to the owner of a stream; see OtherNodes. */
  async askOwner(stream: string, request: ListRequest, body: unknown): Promise<OwnerAnswer | undefined> {
    const { placement, peers, count } = this.#options;
    if (request.sender) return undefined;
    const owner = await placement.lookUp('stream', stream);
    if (owner === undefined || owner === 'own') return undefined;
    if (!owner.isAlive) throw new OxbowError('not-ready', `The node ${owner.name} of ${stream} does not answer.`);
    count('api', owner);
    const { method = 'POST', url = '/', socket } = request;
    const headers = withoutConditions(request.headers);
    const head = { method, target: url, remoteAddress: socket.remoteAddress ?? '', headers };
    const limits = { timeoutMs: OWNER_MS, maxBytes: MAX_OWNER_BYTES, json: Buffer.from(JSON.stringify(body)) };
    const answer = await peers.of(owner).passer.ask(head, limits);
    return { status: answer.status, body: JSON.parse(answer.body.toString()) as unknown };
  }

  /** Resolves undefined for a node that does not answer. */
  async #ask({ method = 'GET', url = '/', headers, socket }: ListRequest, node: NodeView): Promise<List | undefined> {
    const { peers, count } = this.#options;
    count('list', node);
    const remoteAddress = socket.remoteAddress ?? '';
    const head = { method, target: url, remoteAddress, headers: withoutConditions(headers) };
    try {
      const { status, body } = await peers.of(node).passer.ask(head, { timeoutMs: LIST_MS, maxBytes: MAX_LIST_BYTES });
      if (status !== 200) throw new Error(`status ${status}`);
      const list = { node: node.name, body: JSON.parse(body.toString()) as unknown };
      this.#answered(node.name);
      return list;
    } catch (error) {
      this.#unanswered(node.name, error);
      return undefined;
    }
  }

  #answered(node: string): void {
    if (this.#silent.delete(node)) this.#options.log.info({ node }, 'lists have the rows of the node again');
  }

  #unanswered(node: string, error: unknown): void {
    if (!this.#silent.has(node)) {
      this.#options.log.warn({ node, error: messageOf(error) }, 'lists lack the rows of a node that did not answer');
    }
    this.#silent.add(node);
  }
}

/**
 * A list is requested as a whole: uncompressed, whatever the client has of it. The key of a repeated request
 * is that of the one here.
 */
function withoutConditions(headers: ListRequest['headers']): ListRequest['headers'] {
  const dropped = new Set([
    'if-none-match',
    'if-modified-since',
    'if-match',
    'idempotency-key',
    'accept-encoding',
    'range',
  ]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}
