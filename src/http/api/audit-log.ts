/**
 * A line of the log for each request that may change something: who asked, whence, for what, and how it was answered.
 * In: requests and their replies. Out: lines with the trace id that problems and spans have too; no bodies, no queries.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isStreamName } from '../../api/stream-name.ts';
import type { Log } from '../../observe/log.ts';
import type { Route } from '../routes/route.ts';
import type { Authorized } from './authorize.ts';

const TOO_MANY = 429;

/** Notes what is asked for. */
export class AuditLog {
  readonly #log: Log;
  readonly #authorized = new WeakMap<FastifyRequest, Authorized>();

  /** @param log where lines go */
  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * A request came. One that only looks is not noted.
   *
   * @param authorized who asks, as it is before anything is done: a session may be gone afterwards; throws for pages of other sites
   */
  started({ method }: Route, request: FastifyRequest, authorized: () => Authorized): void {
    if (method === 'GET') return;
    try {
      this.#authorized.set(request, authorized());
    } catch {
      // It is refused in a moment, and whoever sent it did not mean to ask.
    }
  }

  /** It was answered. Strangers who try words to sign in write nothing until one fits, and floods that are held off nothing either. */
  finished(request: FastifyRequest, { statusCode: status, raw }: FastifyReply): void {
    const authorized = this.#authorized.get(request);
    // Without an answer the status is only what fastify began with: the client went away, or its stream was reset.
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

/** The name in the address, or of what is to be made. */
function streamOf({ params, body, routeOptions: { url = '' } }: FastifyRequest): string | undefined {
  if (!url.startsWith('/api/v1/streams')) return undefined;
  const { name } = { ...((url === '/api/v1/streams' ? body : params) as { name?: unknown } | null) };
  return typeof name === 'string' && isStreamName(name) ? name : undefined;
}
