/**
 * The audit log: one line for each request that may change something, with principal, client address, request
 * and status.
 * In: requests and their replies. Out: lines of the log and of the stored audit log, with the trace id; no
 * bodies, no queries.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import type { Users } from '../../accounts/users/users.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import type { Log } from '../../observe/log.ts';
import type { Authorized } from '../route/authorize.ts';
import type { Route } from '../route/route.ts';
import { operationName } from './operation-name.ts';

const TOO_MANY = 429;
const SIGN_IN = '/api/v1/sessions';
const SIGN_UP = '/api/v1/users';

/** Receiver of the lines, and the names of users. */
interface AuditDeps {
  readonly log: Log;
  readonly access: {
    readonly audit: Pick<AuditTrail, 'record'>;
    readonly users: Pick<Users, 'find' | 'findByName'>;
  };
}

interface Sender {
  readonly userId: string;
  /** As the log names them; `''` for an unknown client. */
  readonly name: string;
}

/** Logs requests that may change something. */
export class AuditLog {
  readonly #deps: AuditDeps;
  readonly #started = new WeakMap<FastifyRequest, { readonly route: Route; readonly by: Authorized }>();

  /** @param deps where lines go */
  constructor(deps: AuditDeps) {
    this.#deps = deps;
  }

  /**
   * Records the principal of a request before the route runs: the route may end its session. GET requests and
   * routine ones are not logged.
   *
   * @param authorized the principal and client; throws `cross-site` for pages of other sites
   */
  started(route: Route, request: FastifyRequest, authorized: () => Authorized): void {
    if (route.method === 'GET' || route.isRoutine) return;
    try {
      this.#started.set(request, { route, by: authorized() });
    } catch {
      // The authorizer refuses it next. The user did not send it knowingly, so it is not logged in their
      // name.
    }
  }

  /**
   * Logs the outcome. Failed requests of unknown principals and 429 are not logged: guesses and floods would
   * fill the log. Wrong passwords of a known name are.
   */
  finished(request: FastifyRequest, { statusCode: status, raw }: FastifyReply): void {
    const started = this.#started.get(request);
    if (!started) return;
    const { route, by } = started;
    // Without an answer the status is fastify's default: the client disconnected, or its HTTP/2 stream was
    // reset.
    const isAnswered = raw.headersSent && raw.writableEnded;
    const isDone = isAnswered && status < 400;
    const who = this.#senderOf(route, request, by, isDone);
    if (status === TOO_MANY || (!isDone && who.name === '')) return;
    const stream = streamOf(request);
    const requestLine = `${request.method} ${request.url.split('?', 1)[0]!.slice(0, 200)}`;
    const { address } = by.client;
    const action = operationName(route);
    this.#deps.access.audit.record({
      ...who,
      address,
      action,
      request: requestLine,
      status: isAnswered ? status : null,
      traceId: request.id,
    });
    this.#deps.log.info(
      {
        traceId: request.id,
        ...(who.name !== '' && { user: who.name }),
        ...(stream !== undefined && { stream }),
        address,
        request: requestLine,
        ...(isAnswered && { status }),
      },
      isDone
        ? 'request completed'
        : !isAnswered
          ? 'request cut off before the answer'
          : status < 500
            ? 'request refused'
            : 'request failed',
    );
  }

  /**
   * Of a sign-in, and of a sign-up that was accepted, the user that it names; of a deleted account no name.
   */
  #senderOf({ path, method }: Route, { body }: FastifyRequest, { principal }: Authorized, isDone: boolean): Sender {
    const { users } = this.#deps.access;
    if (principal.name === '') {
      const { name } = { ...(body as { name?: unknown } | null | undefined) };
      const isNaming = method === 'POST' && (path === SIGN_IN || (path === SIGN_UP && isDone));
      const named = isNaming && typeof name === 'string' ? users.findByName(name) : undefined;
      return named ? { userId: named.id, name: `${named.role} ${named.name}` } : { userId: '', name: '' };
    }
    const { owner, name } = principal;
    const userId = owner.replace(/^user:/, '');
    const isGone = owner !== userId && !users.find(userId);
    return { userId, name: isGone ? 'deleted user' : name };
  }
}

/** The stream's name in the path, or in the body of the request that creates it. */
function streamOf({ params, body, routeOptions: { url = '' } }: FastifyRequest): string | undefined {
  if (!url.startsWith('/api/v1/streams')) return undefined;
  const { name } = { ...((url === '/api/v1/streams' ? body : params) as { name?: unknown } | null) };
  return typeof name === 'string' && isStreamName(name) ? name : undefined;
}
