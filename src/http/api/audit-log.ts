/**
 * The audit log: one line for each request that may change something, with principal, client address, request and status.
 * In: requests and their replies. Out: log lines with the trace id of problems and spans; no bodies, no queries.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isStreamName } from '../../api/stream-name.ts';
import type { Log } from '../../observe/log.ts';
import type { Route } from '../routes/route.ts';
import type { Authorized } from './authorize.ts';

const TOO_MANY = 429;

/** Logs requests that may change something. */
export class AuditLog {
  readonly #log: Log;
  readonly #authorized = new WeakMap<FastifyRequest, Authorized>();

  /** @param log where lines go */
  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Records the principal of a request before the route runs: the route may end its session. GET requests and routine ones are not logged.
   *
   * @param authorized the principal and client; throws `cross-site` for pages of other sites
   */
  started({ method, isRoutine }: Route, request: FastifyRequest, authorized: () => Authorized): void {
    if (method === 'GET' || isRoutine) return;
    try {
      this.#authorized.set(request, authorized());
    } catch {
      // The authorizer refuses it next. The user did not send it knowingly, so it is not logged in their name.
    }
  }

  /** Logs the outcome. Failed requests of unknown principals and 429 are not logged: guesses and floods would fill the log. */
  finished(request: FastifyRequest, { statusCode: status, raw }: FastifyReply): void {
    const authorized = this.#authorized.get(request);
    // Without an answer the status is fastify's default: the client disconnected, or its HTTP/2 stream was reset.
    const isAnswered = raw.headersSent && raw.writableEnded;
    const isDone = isAnswered && status < 400;
    if (!authorized || status === TOO_MANY || (!isDone && authorized.principal.name === '')) return;
    const stream = streamOf(request);
    this.#log.info(
      {
        traceId: request.id,
        ...(authorized.principal.name !== '' && { user: authorized.principal.name }),
        ...(stream !== undefined && { stream }),
        address: authorized.client.address,
        request: `${request.method} ${request.url.split('?', 1)[0]!.slice(0, 200)}`,
        ...(isAnswered && { status }),
      },
      isDone ? 'request completed' : !isAnswered ? 'cut off before the answer' : status < 500 ? 'refused' : 'failed',
    );
  }
}

/** The stream's name in the path, or in the body of the request that creates it. */
function streamOf({ params, body, routeOptions: { url = '' } }: FastifyRequest): string | undefined {
  if (!url.startsWith('/api/v1/streams')) return undefined;
  const { name } = { ...((url === '/api/v1/streams' ? body : params) as { name?: unknown } | null) };
  return typeof name === 'string' && isStreamName(name) ? name : undefined;
}
