/**
 * How the nodes of a cluster authenticate to each other: each request names its node and its receiver, has a
 * number that is used once, and is signed, with its body, by the secret of the cluster.
 * In: the secret, requests. Out: the value of the header field `Oxbow-Node`, and whose it is. RFC 2104.
 * docs/decisions/0082.
 */
import { createHmac, createSecretKey, hash, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { NumberWindow } from './number-window.ts';
import { streamsBody } from './streamed-bodies.ts';

/** The header field, as node:http names it. */
export const NODE_HEADER = 'oxbow-node';
/** Longest body that is signed: as much as the API reads, bytes. */
export const MAX_SIGNED_BYTES = 1024 * 1024;
/** A request is valid for this long, before and after its time: the clocks of nodes may differ. */
const VALID_MS = 60_000;
/**
 * Processes whose numbers are remembered, 32 KiB each. One more is let in when one of them has signed nothing
 * that is still valid.
 */
const MAX_SENDERS = 256;

const NAME = '[a-z0-9][a-z0-9_-]{0,30}';
/** Version, sender, receiver, time, process of the sender and number, body, signature. */
const FORM = new RegExp(
  `^2 (${NAME}) (${NAME}) ([0-9]{13}) ([A-Za-z0-9_-]{12})\\.([1-9][0-9]{0,14}) (-|\\*|[A-Za-z0-9_-]{43}) ([A-Za-z0-9_-]{43})$`,
);
/** Sender, time, signature: neither body nor receiver nor number. */
const FORM_BEFORE = new RegExp(`^${NAME} [0-9]{13} [A-Za-z0-9_-]{43}$`);
const NO_BODY = '-';
const STREAMED = '*';

/**
 * The body of a request: bytes, or `streamed` where they are not known before they are sent; undefined: none.
 */
export type SignedBody = Uint8Array | 'streamed' | undefined;

/** The signed fields of a request. */
export interface SignedRequest {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  readonly body?: SignedBody;
}

/** The head of a request that has come. */
export interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

/** The node that has sent a request. */
export interface NodeSender {
  readonly node: string;
  /**
   * SHA-256 of the body, base64url: the body must be compared with it before it is used. Undefined: there is
   * none, or it is streamed.
   */
  readonly bodyHash: string | undefined;
}

declare module 'node:http' {
  interface IncomingMessage {
    /** The node that has signed the request; set once, where its signature was verified. */
    nodeSender?: NodeSender | undefined;
  }
}

declare module 'node:http2' {
  interface ServerHttp2Stream {
    /** Like `nodeSender` of IncomingMessage. */
    nodeSender?: NodeSender | undefined;
  }
  interface Http2ServerRequest {
    nodeSender?: NodeSender | undefined;
  }
}

interface KnownSender {
  readonly numbers: NumberWindow;
  /** Of its last request, monotonic ms. */
  lastMs: number;
}

/** Signs the requests of this node and checks those of others. */
export class NodeSignature {
  readonly #key: KeyObject;
  readonly #node: string;
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  /**
   * Requests to this name by then could have been taken by an earlier process, which has not left its
   * memory.
   */
  readonly #startMs: number;
  readonly #process = randomBytes(9).toString('base64url');
  /** Last number by receiver. As many as there are nodes. */
  readonly #lastNumbers = new Map<string, number>();
  /** By name and process, the one that was heard last at the end. */
  readonly #senders = new Map<string, KnownSender>();

  constructor(options: {
    readonly secret: string;
    readonly node: string;
    readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  }) {
    // A separate key: no signature of this form is one of another.
    this.#key = createSecretKey(createHmac('sha256', options.secret).update('oxbow-node 2').digest());
    this.#node = options.node;
    this.#clock = options.clock;
    this.#startMs = Math.floor(options.clock.nowMs());
  }

  /**
   * The value of the header field for a request of this node, to be sent once.
   * @param to name of the receiver
   */
  sign(to: string, { method, target, body }: SignedRequest): string {
    const number = (this.#lastNumbers.get(to) ?? 0) + 1;
    this.#lastNumbers.set(to, number);
    const nowMs = Math.floor(this.#clock.nowMs());
    const head = `2 ${this.#node} ${to} ${nowMs} ${this.#process}.${number} ${markOf(body)}`;
    return `${head} ${this.#digest(head, method, target).toString('base64url')}`;
  }

  /**
   * The node that has sent a request; undefined if it does not say that it comes from one. To be called once
   * for each request.
   *
   * @throws OxbowError `node-refused` if it says so, and is not valid, or has been received before
   */
  senderOf(request: ReceivedRequest): NodeSender | undefined {
    const value = request.headers[NODE_HEADER];
    return typeof value === 'string' ? this.#check(value, request) : undefined;
  }

  #check(value: string, { method, target, headers }: ReceivedRequest): NodeSender | undefined {
    const [, node, to, sentMs, process, number, body, signature] = FORM.exec(value) ?? [];
    if (node === undefined) {
      if (FORM_BEFORE.test(value)) throw refused(value.split(' ', 1)[0]!, 'it is signed as an earlier version does it');
      return undefined;
    }
    const expected = this.#digest(value.slice(0, value.lastIndexOf(' ')), method, target);
    if (!timingSafeEqual(expected, Buffer.from(signature!, 'base64url'))) {
      throw refused(node, 'it is signed with another secret, or is not what was signed');
    }
    if (to !== this.#node) throw refused(node, `it is for the node ${to}`);
    const agoMs = this.#clock.nowMs() - Number(sentMs);
    if (Math.abs(agoMs) > VALID_MS) {
      throw refused(node, `it is ${Math.round(agoMs / 1000)} s old by the clock of this node`);
    }
    if (Number(sentMs) < this.#startMs) throw refused(node, 'it is older than this process');
    if (!hasFraming(body!, { method, target, headers })) throw refused(node, 'its body is not what was signed');
    if (!this.#numbersOf(node, process!).take(Number(number))) throw refused(node, 'it has been received before');
    return { node, bodyHash: body!.length > 1 ? body! : undefined };
  }

  /** The numbers of a process of a node, whose signature is right. */
  #numbersOf(node: string, process: string): NumberWindow {
    const name = `${node} ${process}`;
    const nowMs = this.#clock.monotonicMs();
    let sender = this.#senders.get(name);
    if (!sender) {
      const [oldest] = this.#senders;
      if (oldest && this.#senders.size >= MAX_SENDERS) {
        // A valid sender may not be forgotten: rather is a new process refused.
        if (nowMs - oldest[1].lastMs <= 2 * VALID_MS) throw refused(node, 'too many nodes have started lately');
        this.#senders.delete(oldest[0]);
      }
      sender = { numbers: new NumberWindow(), lastMs: nowMs };
    } else this.#senders.delete(name);
    this.#senders.set(name, sender);
    sender.lastMs = nowMs;
    return sender.numbers;
  }

  #digest(head: string, method: string, target: string): Buffer {
    return createHmac('sha256', this.#key).update(`${head}\n${method}\n${target}`).digest();
  }
}

/** Whether a body is the one whose hash was signed. */
export function isSignedBody(bytes: Uint8Array, bodyHash: string): boolean {
  return hash('sha256', bytes, 'base64url') === bodyHash;
}

/** The refusal of a request that another node seems to have sent. */
function refused(node: string, because: string): OxbowError {
  return new OxbowError('node-refused', `A request in the name of the node ${node} was refused: ${because}.`, {
    extra: { retryAfterSeconds: 1, node },
  });
}

/** The refusal of a body that is not the one that was signed. */
export function otherBody(): OxbowError {
  return new OxbowError('node-refused', 'The body of a request of another node is not what was signed.', {
    extra: { retryAfterSeconds: 1 },
  });
}

function markOf(body: SignedBody): string {
  if (body === 'streamed') return STREAMED;
  return body === undefined || body.length === 0 ? NO_BODY : hash('sha256', body, 'base64url');
}

/**
 * Whether a request has a body exactly where one was signed. Nodes send no HTTP/2, in which a head does not
 * say it. RFC 9112 6.3.
 */
function hasFraming(mark: string, { method, target, headers }: ReceivedRequest): boolean {
  if (':method' in headers) return false;
  if (mark === STREAMED) return streamsBody(method, target);
  const length = headers['content-length'] ?? '0';
  if (headers['transfer-encoding'] !== undefined || !/^[0-9]{1,7}$/.test(length)) return false;
  const bytes = Number(length);
  return mark === NO_BODY ? bytes === 0 : bytes > 0 && bytes <= MAX_SIGNED_BYTES;
}
