/**
 * Requests of this node to another one, signed.
 * In: a node, a method and a target. Out: its reply. docs/decisions/0055.
 */
import { OxbowError } from '../../lib/errors.ts';
import type { Net, NetResponse } from '../../net/net.ts';
import { currentTraceparent } from '../../observe/traces/current-span.ts';
import type { NodeView } from '../placement/placement.ts';
import { NODE_HEADER, type NodeSignature } from './node-signature.ts';

type Receiver = Pick<NodeView, 'name' | 'url'>;

interface NodeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path with query. */
  readonly target: string;
  /** Most bytes of the reply. */
  readonly maxBytes: number;
  /** Until the last byte, ms; `none` for a reply that has no end. */
  readonly deadlineMs: number | 'none';
  /** Longest time without a byte, ms; `deadlineMs` by default. */
  readonly idleMs?: number;
  readonly signal: AbortSignal;
}

/** Longest time without a byte of a reply without an end, ms, unless the request says so. */
const USUAL_IDLE_MS = 10_000;
/** Status of the error `node-refused`, which no request below `/internal/` is answered with otherwise. */
const REFUSED = 503;

/** Sends requests to nodes. */
export class NodeClient {
  readonly #net: Net;
  readonly #signature: NodeSignature;

  constructor({ net, signature }: { readonly net: Net; readonly signature: NodeSignature }) {
    this.#net = net;
    this.#signature = signature;
  }

  /**
   * Sends a request; any status but 503 is a reply: so does a node answer that refuses the signature.
   *
   * @throws OxbowError `not-ready` if the node does not answer, or refuses the signature; the signal's reason
   */
  async send(node: Receiver, request: NodeRequest): Promise<NetResponse> {
    const response = await this.#fetch(node, request);
    if (response.status !== REFUSED) return response;
    response[Symbol.dispose]();
    const why = `The node ${node.name} refused the signature of this one, or is not ready: see its log.`;
    throw new OxbowError('not-ready', why, { extra: { retryAfterSeconds: 1 } });
  }

  async #fetch({ name, url }: Receiver, request: NodeRequest): Promise<NetResponse> {
    const { method, target, signal, maxBytes, deadlineMs, idleMs = deadlineMs } = request;
    const bounds = { signal, maxBytes, deadlineMs, idleMs: idleMs === 'none' ? USUAL_IDLE_MS : idleMs };
    // Media is in no trace.
    const traceparent = method === 'GET' ? undefined : currentTraceparent();
    try {
      return await this.#net.fetch(new URL(target, url), {
        ...bounds,
        ...(traceparent !== undefined && { traceparent }),
        trusted: url,
        headers: { [NODE_HEADER]: this.#signature.sign(name, request) },
        ...(method !== 'GET' && { post: new Uint8Array() }),
        ...(method === 'DELETE' && { method }),
      });
    } catch (error) {
      signal.throwIfAborted();
      const extra = { retryAfterSeconds: 1 };
      throw new OxbowError('not-ready', `The node ${name} does not answer.`, { cause: error, extra });
    }
  }
}
