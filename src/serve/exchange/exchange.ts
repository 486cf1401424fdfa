/**
 * One request and its answer, the same over HTTP/1.1 and HTTP/2. Used for media only, without node's
 * compatibility layer for HTTP/2.
 * In: requests that node:http or node:http2 accepted. Out: the interface that media.ts and send.ts write to.
 * RFC 9112; RFC 9113 8.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders as Http2Headers, ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { isSignedBody, type NodeSender, otherBody } from '../../cluster/requests/node-signature.ts';
import { OxbowError } from '../../lib/errors.ts';

/** A body that is not complete after this long is refused, ms. */
const BODY_MS = 10_000;

declare module 'node:http2' {
  interface ServerHttp2Stream {
    /** The field Alt-Svc of the answer. */
    altSvc?: string | undefined;
  }
}

/** Reset codes of HTTP/2 (RFC 9113, 7). */
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;

/** Names and values of an answer's head, names in lower case. */
export type HeadFields = Readonly<Record<string, string | number>>;

/** The body of an answer: a node stream. */
export interface AnswerBody {
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  /** Bytes that the client has not received yet. */
  readonly writableLength: number;
  /** Returns false if the caller should wait for `drain`. The bytes must not change afterwards. */
  write(bytes: Uint8Array): boolean;
  end(bytes?: Uint8Array): unknown;
  setTimeout(ms: number, onTimeout: () => void): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** A request and its answer. */
export interface Exchange {
  readonly method: string;
  /** Path and query as sent; proxies may send the absolute form. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Address of the connection, '' after it is closed. */
  readonly remoteAddress: string;
  /** See RequestSource. Set once, before anything is done with the request. */
  sender: NodeSender | undefined;
  readonly body: AnswerBody;
  /** The status that was sent; undefined before. */
  readonly status: number | undefined;
  /** Sends the head; does nothing after the client has disconnected. */
  head(status: number, fields: HeadFields): void;
  /**
   * Reads the request's body, at most once.
   *
   * @param maxBytes of a longer one, the rest is discarded
   * @throws OxbowError `payload-too-large`, `bad-request` if it does not come within ten seconds,
   *   `node-refused` if another node has signed another one
   */
  text(maxBytes: number): Promise<string>;
  /** Discards the request's body. Call it before `head` if the client may send one. */
  refuseBody(): void;
  /** Bytes written from now on are in memory for this client only. */
  holdsOwn?(): void;
  /** Aborts an answer, so that the client does not take it for complete. */
  cut(): void;
}

/** Over HTTP/1.1. */
export function exchangeOfHttp1(request: IncomingMessage, response: ServerResponse): Exchange {
  return {
    method: request.method ?? '',
    target: request.url ?? '/',
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress ?? '',
    sender: undefined,
    body: response,
    get status() {
      return response.headersSent ? response.statusCode : undefined;
    },
    head: (status, fields) => void response.writeHead(status, fields),
    text(maxBytes) {
      return textOf(request, maxBytes, this.sender?.bodyHash);
    },
    refuseBody() {
      response.shouldKeepAlive = false;
    },
    cut: () => void response.destroy(),
  };
}

/** Over HTTP/2: one stream for each exchange (RFC 9113 8.1). */
export function exchangeOfHttp2(
  stream: ServerHttp2Stream,
  headers: Http2Headers,
  holdsOwn: () => void = () => {},
): Exchange {
  let status: number | undefined;
  let bodyIsUnread = false;
  // Every error ends in `close`, which the sender listens to.
  stream.on('error', () => {});
  return {
    method: headers[':method'] ?? '',
    target: headers[':path'] ?? '/',
    headers,
    remoteAddress: stream.session?.socket.remoteAddress ?? '',
    sender: undefined,
    body: stream,
    holdsOwn,
    get status() {
      return status;
    },
    head(code, fields) {
      if (stream.destroyed || stream.closed) return;
      status = code;
      const { altSvc } = stream;
      stream.respond({ ':status': code, ...fields, ...(altSvc !== undefined && { 'alt-svc': altSvc }) });
      // First the complete answer, then NO_ERROR, which requests that the client stops sending (RFC 9113
      // 8.1).
      if (bodyIsUnread) stream.once('finish', () => stream.close(NO_ERROR));
    },
    text(maxBytes) {
      return textOf(stream, maxBytes, this.sender?.bodyHash);
    },
    refuseBody() {
      bodyIsUnread = true;
      stream.resume();
    },
    cut: () => stream.close(INTERNAL_ERROR),
  };
}

/**
 * Reads a body to its end. The stream stays open: the answer is sent on it, or on its connection.
 *
 * @param bodyHash that another node has signed; undefined: a client has sent it
 */
function textOf(body: Readable, maxBytes: number, bodyHash?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = () => {
      clearTimeout(timer);
      body.off('data', take).off('end', finish).off('close', cut);
    };
    const finish = () => {
      stop();
      const bytes = Buffer.concat(chunks);
      if (bodyHash === undefined || isSignedBody(bytes, bodyHash)) resolve(bytes.toString());
      else reject(otherBody());
    };
    const refuse = (error: OxbowError) => {
      stop();
      body.resume();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > maxBytes) refuse(new OxbowError('payload-too-large', `A report has at most ${maxBytes} bytes.`));
    };
    const cut = () => refuse(new OxbowError('bad-request', 'The body of the request did not come.'));
    const timer = setTimeout(cut, BODY_MS);
    body.on('data', take).once('end', finish).once('close', cut);
  });
}

/**
 * The path and query of a request target, also of the absolute form that proxies may send (RFC 9112 3.2.2).
 */
export function pathOf(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^[a-z]+:\/\/[^/?]*\/?/i, '/');
}
