/**
 * Refusals of a node for requests that it could not pass on.
 * In: errors. Out: problem documents, as responses; bugs for the report. RFC 9457.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import { type Exchange, pathOf } from '../../serve/exchange/exchange.ts';
import { sendPlainProblem } from '../../serve/exchange/media-answer.ts';
import { type Problem, toProblem } from '../../serve/exchange/problem.ts';

/** Dependencies of refusals. */
interface RefusalsOptions {
  readonly log: Log;
  /** Fields of every answer to a request for media. */
  readonly head: Readonly<Record<string, string>>;
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
}

export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Refuses a request for media. */
  ofMedia(exchange: Exchange, error: unknown): void {
    const where = `${exchange.method} ${pathOf(exchange.target).split('?', 1)[0]}`;
    sendPlainProblem(exchange, this.#problemOf(error, where, exchange.headers), this.#options.head);
  }

  /** Refuses any other request; an answer that has begun is cut. */
  ofRequest(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const where = `${request.method} ${pathOf(request.url ?? '').split('?', 1)[0]}`;
    const { status, headers, body } = this.#problemOf(error, where, request.headers);
    // The rest of its body is not read.
    if (!request.complete) response.shouldKeepAlive = false;
    response.writeHead(status, headers).end(JSON.stringify(body));
  }

  #problemOf(error: unknown, where: string, headers: IncomingHttpHeaders): Problem {
    const { log, failed } = this.#options;
    const traceId = traceIdOf(headers.traceparent);
    if (!(error instanceof OxbowError)) failed(error, where);
    else log.debug({ traceId, where, code: error.code }, messageOf(error));
    return toProblem(error, traceId);
  }
}
