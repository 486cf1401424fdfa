/**
 * Answers an API request with a file: whole, by range, or 304. Bypasses fastify, as media does.
 * In: delivery's Reply and the request. Out: the response. RFC 9110 13 and 14; RFC 9113 8.
 */
import type { Http2ServerResponse } from 'node:http2';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Reply } from '../../delivery/reply.ts';
import { exchangeOfHttp1, exchangeOfHttp2 } from '../../serve/exchange/exchange.ts';
import { reportProblem } from '../../serve/exchange/problem.ts';
import { representationOf } from '../../serve/exchange/representation.ts';
import { readBlocks, sendBlocks } from '../../serve/exchange/send.ts';
import { redirectOf } from '../../serve/media/presigned.ts';
import type { HttpDeps } from '../deps.ts';

/** Classes of files, for metrics. */
export type FileClass = 'export' | 'picture' | 'job' | 'playlist';

/**
 * Sends the file or the requested range. Resolves when the client has received it or disconnected.
 *
 * @param kind class of the counted bytes
 * @throws OxbowError `bad-range`, before anything was sent
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: Reply,
  kind: FileClass,
  deps: HttpDeps,
): Promise<void> {
  const isHead = request.method === 'HEAD';
  const redirect = kind === 'export' ? await redirectOf(request.method, file, deps) : undefined;
  if (redirect) {
    reply.code(302).headers(redirect).send();
    return;
  }
  const { status, headers, body, length } = representationOf(request.headers, file, { isHead, sharing: 'some' });
  reply.hijack();
  const raw = reply.raw as typeof reply.raw | Http2ServerResponse;
  const exchange =
    'stream' in raw ? exchangeOfHttp2(raw.stream, request.raw.headers) : exchangeOfHttp1(request.raw, reply.raw);
  exchange.head(status, headers);
  if (isHead || status === 304) {
    exchange.body.end();
    return;
  }
  try {
    await sendBlocks(exchange, readBlocks(body, deps.reader));
    deps.metrics.servedBytes.inc({ class: kind }, length);
  } catch (error) {
    reportProblem(error, `${request.method} ${request.url.split('?', 1)[0]}`, request.id, deps);
  }
}
