/**
 * The answers of an edge about itself: health, readiness, metrics; and with its token its state, purges and
 * warm-ups.
 * In: requests outside of media. Out: JSON; false for what belongs to the origin. docs/9-run/edge.md.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { digestOf } from '../../accounts/random-secret.ts';
import { OxbowError } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import { isLocalRequest } from '../../serve/client/local-request.ts';
import { pathOf } from '../../serve/exchange/exchange.ts';
import { toProblem } from '../../serve/exchange/problem.ts';
import { type PurgeRequest, readDrain, readPurge, readWarm, type WarmRequest } from './management-requests.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const BODY_MS = 10_000;
const HEALTH: ReadonlySet<string> = new Set(['/health', '/healthz', '/ready', '/readiness', '/livez', '/liveness']);

/** The operations of the routes. */
interface ManagementDeps {
  /** Of `--token`; undefined: only health and metrics are answered. */
  readonly token: string | undefined;
  readonly isOriginDown: () => boolean;
  /** It is about to end: load balancers and the origin send no viewers. */
  readonly isDraining: () => boolean;
  readonly status: () => Record<string, unknown>;
  readonly metrics: { print(): Promise<string>; readonly contentType: string };
  purge(request: PurgeRequest): Promise<Record<string, unknown>>;
  warm(request: WarmRequest): Promise<Record<string, unknown>>;
  /** Begins or ends to drain. */
  drain(isDraining: boolean): Record<string, unknown>;
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
}

/** Answers a request; false if it is not for the edge itself. */
type Management = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Creates the routes. */
export function createManagement(deps: ManagementDeps): Management {
  const expected = deps.token === undefined ? undefined : Buffer.from(digestOf(deps.token));

  function hasToken({ headers }: IncomingMessage): boolean {
    const token = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? '')?.[1];
    return expected !== undefined && token !== undefined && timingSafeEqual(Buffer.from(digestOf(token)), expected);
  }

  function health(response: ServerResponse, path: string): void {
    const isDown = deps.isOriginDown();
    const checks = [{ name: 'origin', status: isDown ? 'degraded' : 'ok', tookMs: 0 }];
    // An edge without its origin still serves its copies: it stays ready.
    const isLive = path === '/livez' || path === '/liveness';
    if (deps.isDraining() && (path === '/ready' || path === '/readiness')) {
      send(response, 503, { status: 'failing', version, checks: [{ name: 'draining', status: 'failing', tookMs: 0 }] });
      return;
    }
    send(response, 200, isLive ? { status: 'ok' } : { status: isDown ? 'degraded' : 'ok', version, checks });
  }

  async function respond(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { method } = request;
    if (path === '/metrics') {
      const remoteAddress = request.socket.remoteAddress ?? '';
      if (!hasToken(request) && !isLocalRequest({ headers: request.headers, remoteAddress })) throw unauthorized();
      const text = await deps.metrics.print();
      response.writeHead(200, { 'content-type': deps.metrics.contentType, 'cache-control': 'no-store' }).end(text);
      return;
    }
    if (expected === undefined) {
      throw new OxbowError('not-found', 'This edge has no management API.', {
        extra: { hint: 'Start it with --token TOKEN, or set OXBOW_EDGE_TOKEN.' },
      });
    }
    if (!hasToken(request)) throw unauthorized();
    const wanted = path === '/edge/status' ? 'GET' : 'POST';
    if (method !== wanted) {
      throw new OxbowError('method-not-allowed', `Use ${wanted} ${path}.`, { extra: { allow: wanted } });
    }
    if (path === '/edge/status') send(response, 200, deps.status());
    else if (path === '/edge/purge') send(response, 200, await deps.purge(readPurge(await jsonOf(request))));
    else if (path === '/edge/warm') send(response, 200, await deps.warm(readWarm(await jsonOf(request))));
    else if (path === '/edge/drain') send(response, 200, deps.drain(readDrain(await jsonOf(request))));
    else
      throw new OxbowError(
        'not-found',
        'There is no such route. GET /edge/status, POST /edge/purge, POST /edge/warm, POST /edge/drain.',
      );
  }

  return (request, response) => {
    const path = pathOf(request.url ?? '/').split('?')[0]!;
    if (HEALTH.has(path)) {
      health(response, path);
      return true;
    }
    if (path !== '/metrics' && !path.startsWith('/edge/')) return false;
    respond(request, response, path).catch((error) => {
      if (!(error instanceof OxbowError)) deps.failed(error, `${request.method} ${path}`);
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const { status, headers, body } = toProblem(error, traceIdOf(request.headers.traceparent));
      response.shouldKeepAlive = false;
      response.writeHead(status, headers).end(JSON.stringify(body));
    });
    return true;
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`);
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', 'content-length': text.length };
  response.writeHead(status, headers).end(text);
}

function unauthorized(): OxbowError {
  return new OxbowError('unauthorized', 'The management API of an edge needs its token.', {
    extra: { hint: 'Send Authorization: Bearer TOKEN, with the value of --token of this edge.' },
  });
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const late = setTimeout(() => request.destroy(), BODY_MS);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) throw new OxbowError('payload-too-large', 'The body has more than 1 MiB.');
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(late);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new OxbowError('bad-request', 'The body is not JSON.', { cause: error });
  }
}
