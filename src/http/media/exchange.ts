/**
 * One request and its answer, the same over HTTP/1.1 and HTTP/2, for the media path alone: no layer of compatibility in between.
 * In: what node:http or node:http2 accepted. Out: what media.ts and send.ts write to. RFC 9112; RFC 9113, 8.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders as Http2Headers, ServerHttp2Stream } from 'node:http2';

/** Reset codes of HTTP/2 (RFC 9113, 7). */
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;

/** Names and values of an answer's head, names in lower case. */
export type HeadFields = Readonly<Record<string, string | number>>;

/** Where the bytes of an answer go. */
export interface AnswerBody {
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  /** Bytes that the client has not taken yet. */
  readonly writableLength: number;
  /** Returns false where it is time to wait for `drain`. The bytes must not change any more. */
  write(bytes: Uint8Array): boolean;
  end(bytes?: Uint8Array): unknown;
  setTimeout(ms: number, onTimeout: () => void): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** A request with the way back. */
export interface Exchange {
  readonly method: string;
  /** Path and query as they were sent; the absolute form of proxies is possible. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the connection, '' where it is gone already. */
  readonly remoteAddress: string;
  readonly body: AnswerBody;
  /** The status that was sent; undefined before. */
  readonly status: number | undefined;
  /** Sends the head; does nothing where the client has gone. */
  head(status: number, fields: HeadFields): void;
  /** To be called before `head` where a body may follow that nobody reads. */
  refuseBody(): void;
  /** What is written from here on was read for this client alone. */
  holdsOwn?(): void;
  /** Ends an answer so that the client cannot take it for whole. */
  cut(): void;
}

/** Over HTTP/1.1. */
export function exchangeOfHttp1(request: IncomingMessage, response: ServerResponse): Exchange {
  return {
    method: request.method ?? '',
    target: request.url ?? '/',
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress ?? '',
    body: response,
    get status() {
      return response.headersSent ? response.statusCode : undefined;
    },
    head: (status, fields) => void response.writeHead(status, fields),
    refuseBody() {
      response.shouldKeepAlive = false;
    },
    cut: () => void response.destroy(),
  };
}

/** Over HTTP/2: a stream of its own for each exchange (RFC 9113, 8.1). */
export function exchangeOfHttp2(
  stream: ServerHttp2Stream,
  headers: Http2Headers,
  holdsOwn: () => void = () => {},
): Exchange {
  let status: number | undefined;
  let bodyIsUnread = false;
  // What befalls the stream ends in `close`, which whoever waits listens to.
  stream.on('error', () => {});
  return {
    method: headers[':method'] ?? '',
    target: headers[':path'] ?? '/',
    headers,
    remoteAddress: stream.session?.socket.remoteAddress ?? '',
    body: stream,
    holdsOwn,
    get status() {
      return status;
    },
    head(wanted, fields) {
      if (stream.destroyed || stream.closed) return;
      status = wanted;
      stream.respond({ ':status': wanted, ...fields });
      // The whole answer first, then the wish that no more be sent (RFC 9113, 8.1).
      if (bodyIsUnread) stream.once('finish', () => stream.close(NO_ERROR));
    },
    refuseBody() {
      bodyIsUnread = true;
      stream.resume();
    },
    cut: () => stream.close(INTERNAL_ERROR),
  };
}

/** The path and query of a request target, also where a proxy sent the absolute form (RFC 9112, 3.2.2). */
export function pathOf(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^[a-z]+:\/\/[^/?]*\/?/i, '/');
}
