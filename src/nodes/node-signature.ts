/**
 * How the nodes of a cluster authenticate to each other: each request names its node and is signed with the secret of the cluster.
 * In: the secret, requests. Out: the value of the header field `Oxbow-Node`, and whose it is. RFC 2104. docs/decisions/0055.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';

/** The header field, as node:http names it. */
export const NODE_HEADER = 'oxbow-node';
/** A request is valid for so long, before and after its time: the clocks of nodes may differ. */
const VALID_MS = 60_000;
const FORM = /^([a-z0-9][a-z0-9_-]{0,30}) ([0-9]{13}) ([A-Za-z0-9_-]{43})$/;

/** What is signed of a request. */
export interface SignedRequest {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
}

/** Signs the requests of this node and checks those of others. */
export class NodeSignature {
  readonly #secret: string;
  readonly #node: string;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(options: { readonly secret: string; readonly node: string; readonly clock: Pick<Clock, 'nowMs'> }) {
    this.#secret = options.secret;
    this.#node = options.node;
    this.#clock = options.clock;
  }

  /** The value of the header field for a request of this node. */
  sign(request: SignedRequest): string {
    const head = `${this.#node} ${Math.floor(this.#clock.nowMs())}`;
    return `${head} ${this.#digest(head, request).toString('base64url')}`;
  }

  /** The node that has sent a request; undefined if it carries no valid signature of the last minute. */
  nodeOf(value: string | readonly string[] | undefined, request: SignedRequest): string | undefined {
    const [, node, sentMs, signature] = (typeof value === 'string' && FORM.exec(value)) || [];
    if (node === undefined || Math.abs(Number(sentMs) - this.#clock.nowMs()) > VALID_MS) return undefined;
    const expected = this.#digest(`${node} ${sentMs}`, request);
    return timingSafeEqual(expected, Buffer.from(signature!, 'base64url')) ? node : undefined;
  }

  #digest(head: string, { method, target }: SignedRequest): Buffer {
    return createHmac('sha256', this.#secret).update(`${head}\n${method}\n${target}`).digest();
  }
}
