/**
 * Sends an answer of another server to the client, as it comes.
 * In: status, headers and a body that is being received. Out: the response. Bypasses fastify, as media does.
 */
import type { Http2ServerResponse } from 'node:http2';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { exchangeOfHttp1, exchangeOfHttp2 } from '../../serve/exchange/exchange.ts';
import { reportProblem } from '../../serve/exchange/problem.ts';
import { sendBlocks } from '../../serve/exchange/send.ts';
import type { HttpDeps } from '../deps.ts';

/** An answer that is being received. */
interface RelayedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the request to the other server. May be called twice. */
  readonly close: () => void;
}

/** Resolves when the client has received it or disconnected. */
export async function sendRelayed(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, headers, body, close }: RelayedAnswer,
  deps: HttpDeps,
): Promise<void> {
  reply.hijack();
  const raw = reply.raw as typeof reply.raw | Http2ServerResponse;
  const exchange =
    'stream' in raw ? exchangeOfHttp2(raw.stream, request.raw.headers) : exchangeOfHttp1(request.raw, reply.raw);
  exchange.head(status, headers);
  try {
    if (request.method === 'HEAD') exchange.body.end();
    else await sendBlocks(exchange, body);
  } catch (error) {
    reportProblem(error, `${request.method} ${request.url.split('?', 1)[0]}`, request.id, deps);
  } finally {
    close();
  }
}
