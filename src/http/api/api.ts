/**
 * The API on fastify: router, validation, problem documents and OpenAPI 3.1, all built from the table of
 * routes.
 * In: requests that are not media. Out: JSON. Nothing else imports fastify or its plugins but interface.ts.
 */
import { hash } from 'node:crypto';
import type { Server } from 'node:http';
import swagger from '@fastify/swagger';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { pictureTypes } from '../../api/picture.ts';
import { isAbort } from '../../lib/abort.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { openSpanScope, type SpanScope } from '../../observe/traces/current-span.ts';
import type { Ended, OpenSpan } from '../../observe/traces/telemetry.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import { corsOf, type ForeignPages } from '../../serve/client/foreign-pages.ts';
import { matchesEtag } from '../../serve/exchange/conditions.ts';
import type { HeadFields } from '../../serve/exchange/exchange.ts';
import { fromProblem, reportProblem, toProblem, withoutKeys } from '../../serve/exchange/problem.ts';
import { requestSourceOf } from '../../serve/exchange/request-source.ts';
import type { ListRequest } from '../../serve/other-nodes.ts';
import type { HttpAdditions } from '../additions.ts';
import type { HttpDeps } from '../deps.ts';
import { lineHeaders, type OpenLines, openJsonLines } from '../events/json-lines.ts';
import type { EventListeners } from '../events/listeners.ts';
import { openSse, sseHeaders } from '../events/sse.ts';
import { type Authorizer, createAuthorizer, registerSignedPages } from '../route/authorize.ts';
import { type FileClass, sendFile } from '../route/file-answer.ts';
import type { Route, RouteAnswer, RouteCall } from '../route/route.ts';
import { registerTus } from '../uploads/tus-routes.ts';
import { discardUnread } from '../uploads/unread-body.ts';
import { registerWebRtc } from '../webrtc/webrtc-routes.ts';
import { AuditLog } from './audit-log.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { checkJsonDepth } from './json-depth.ts';
import { describedRoutes, lazyCompilers } from './lazy-schemas.ts';
import { describeEvents, nameStatuses } from './openapi.ts';
import { fromValidation } from './validation-errors.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_JSON_DEPTH = 32;
/** Bodies of this type are passed as they arrive. */
const STREAM_TYPE = 'application/octet-stream';

interface ApiOptions {
  readonly added?: readonly HttpAdditions[];
  readonly listeners?: EventListeners | undefined;
  readonly pages?: ForeignPages | undefined;
}

/**
 * Builds the fastify instance; interface.ts registers the pages.
 *
 * @param server that fastify is attached to; requests are passed to `routing`
 * @param routes the table of routes
 * @param options.added further answers of features; nothing by default
 * @param options.listeners the subscribers to events; without them the event route answers 503
 * @param options.pages what pages of other sites may read; without it every route with `anyPage`
 */
export async function createApi(
  deps: HttpDeps,
  server: Server,
  routes: readonly Route[],
  { added = [], listeners, pages }: ApiOptions = {},
): Promise<FastifyInstance> {
  const authorizer = createAuthorizer(deps);
  const spans = new WeakMap<FastifyRequest, OpenSpan>();
  const scopes = new WeakMap<FastifyRequest, SpanScope>();
  const app = fastify({
    serverFactory: () => server,
    rewriteUrl: authorizer.unwrap,
    bodyLimit: MAX_BODY_BYTES,
    genReqId: (request) => traceIdOf(request.headers.traceparent),
    // A test validates the schemas themselves: doing so here would take a third of the start of the server.
    ajv: { customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false, validateSchema: false } },
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply, deps),
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, deps));
  app.setNotFoundHandler((request, reply) => sendProblem(notFound(routes, request), request, reply, deps));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      const text = String(body);
      if (text === '') return done(null, undefined); // a POST without a body, from a client that always names a type
      try {
        checkJsonDepth(text, MAX_JSON_DEPTH);
      } catch (error) {
        return done(error as Error);
      }
      app.getDefaultJsonParser('error', 'error')(request, text, done);
    },
  );
  app.addContentTypeParser([...pictureTypes], { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  // Only routes that name this type accept it.
  app.addContentTypeParser([STREAM_TYPE], (_, body, done) => done(null, body));
  app.addHook('onRequest', async (request) => {
    const traceparent = request.headers.traceparent as string | undefined;
    const span = deps.telemetry?.begin({ traceId: request.id, traceparent });
    if (span) spans.set(request, span);
  });
  // Not earlier: the events of a body that is read come from the connection, outside of the scope.
  app.addHook('preHandler', (request, _, done) => {
    const span = spans.get(request);
    if (!span) return done();
    const scope = openSpanScope(span);
    scopes.set(request, scope);
    scope.run(done);
  });
  app.addHook('onResponse', async (request, reply) => {
    scopes.get(request)?.end();
    const kind = classOf(routes, request);
    deps.metrics.httpRequests.inc({ class: kind, status: reply.statusCode });
    if (reply.getHeader('content-type') === sseHeaders['content-type']) return; // its duration is that of the subscription
    deps.telemetry?.ended({
      kind: 'request',
      name: `${request.method} ${request.routeOptions.url ?? '(no route)'}`,
      tookMs: reply.elapsedTime,
      traceId: request.id,
      span: spans.get(request),
      traceparent: request.headers.traceparent as string | undefined,
      attributes: requestAttributes(request, reply),
      error: reply.statusCode >= 500 ? `status ${reply.statusCode}` : undefined,
    });
    deps.metrics.httpRequestSeconds.observe({ class: kind }, reply.elapsedTime / 1000);
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'oxbow', version: deps.version, description: 'Live video that remembers.' },
      components: { securitySchemes: { adminToken: { type: 'http', scheme: 'bearer' } } },
    },
    convertConstToEnum: false,
    transformObject(document) {
      const described = nameStatuses('openapiObject' in document ? document.openapiObject : {});
      return { ...described, webhooks: describeEvents() };
    },
    refResolver: { buildLocalReference: (json, _, __, index) => String(json.$id ?? `schema-${index}`) },
  });
  registerTable(
    app,
    deps,
    { routes, added, listeners, pages },
    authorizer,
    (request) => spans.get(request)?.traceparent,
  );
  return app;
}

/** By the conventions of OpenTelemetry for HTTP servers; no query, which may have tokens. */
function requestAttributes(request: FastifyRequest, { statusCode }: FastifyReply): Ended['attributes'] {
  const { name: stream } = { ...(request.params as { readonly name?: unknown } | null) };
  const route = request.routeOptions.url;
  return {
    'http.request.method': request.method,
    'http.response.status_code': statusCode,
    'http.route': route,
    'url.path': withoutKeys(request.url.split('?', 1)[0]!),
    'url.scheme': request.protocol,
    'server.address': request.host,
    'client.address': request.ip,
    'user_agent.original': request.headers['user-agent'],
    'network.protocol.version': request.raw.httpVersion,
    'error.type': statusCode >= 500 ? String(statusCode) : undefined,
    'oxbow.stream': typeof stream === 'string' && route?.startsWith('/api/v1/streams') ? stream : undefined,
  };
}

function registerTable(
  app: FastifyInstance,
  deps: HttpDeps,
  { routes, added = [], listeners, pages }: ApiOptions & { readonly routes: readonly Route[] },
  authorizer: Authorizer,
  traceparentOf: (request: FastifyRequest) => string | undefined,
): void {
  const keys = new IdempotencyKeys(() => deps.clock.monotonicMs());
  const auditLog = new AuditLog(deps);
  const { described, names } = describedRoutes(routes);
  for (const schema of names.all) app.addSchema(schema);
  const compilers = lazyCompilers(app, names);
  app.after(() => {
    const add = (scope: FastifyInstance, { route, schema }: (typeof described)[number]) => {
      if (route.anyPage && route.method === 'POST') addPreflight(scope, route);
      scope.route({
        method: route.method,
        url: route.path,
        schema,
        ...compilers,
        ...(route.maxBodyBytes !== undefined && { bodyLimit: route.maxBodyBytes }),
        onRequest: async (request, reply) => {
          if (route.anyPage) reply.headers(readableBy(request, pages, authorizer)); // also set on refusals
          await authorizer.lookUp(request);
          authorizer.tryToken(request);
          auditLog.started(route, request, () => authorizer.authorized(request));
          await authorizer.authorize(route, request, reply);
          checkBodyType(route, request);
        },
        onResponse: async (request, reply) => auditLog.finished(request, reply),
        handler: async (request, reply) => {
          const signal = signalOf(reply);
          const traceparent = traceparentOf(request);
          const answered = await answer(route, request, signal, deps, keys, authorizer, traceparent).catch((error) => {
            // The client has gone, so no one reads this refusal. It keeps the abort from being logged as a
            // failure.
            if (signal.aborted && isAbort(error)) throw endedByClient(error);
            throw error;
          });
          authorizer.succeeded(route, request);
          if (answered.events) return sendEvents(request, reply, answered.events, listeners);
          if (answered.lines) return sendLines(request, reply, answered.lines);
          if (!answered.file) return sendAnswer(reply, answered);
          return sendFile(request, reply, answered.file, fileClassOf(route), deps);
        },
      });
    };
    for (const each of described) if (!each.route.streams) add(app, each);
    app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_, __, done) => done(null));
      scope.addHook('onRequest', async (request, reply) => discardUnread(request.raw, reply.raw));
      for (const each of described) if (each.route.streams) add(scope, each);
      registerTus(scope, deps, authorizer, signalOf);
    });
    registerSignedPages(app);
    app.register(async (scope) => registerWebRtc(scope, deps, pages, signalOf));
    for (const { register } of added) app.register(async (scope) => register(scope, { authorizer, signalOf }));
    let document: ReturnType<typeof documentOf> | undefined;
    // The schema of the query, which permits everything, is the one without the compilers of the other
    // routes.
    app.get('/api/v1/openapi.json', { schema: { hide: true, querystring: {} } }, async (request, reply) => {
      document ??= documentOf(app.swagger());
      const { bytes, etag } = document;
      reply.headers({ 'cache-control': 'no-cache', etag });
      const ifNoneMatch = request.headers['if-none-match'];
      if (ifNoneMatch !== undefined && matchesEtag(ifNoneMatch, etag)) return reply.code(304).send();
      return reply.header('content-type', 'application/json; charset=utf-8').send(bytes);
    });
  });
}

/** Browsers ask before a page of another site sends a body that no form could send. Fetch 3.2.2. */
function addPreflight(scope: FastifyInstance, { path, method }: Route): void {
  scope.options(path, { schema: { hide: true } }, async (_, reply) =>
    reply
      .code(204)
      .headers({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': `${method}, OPTIONS`,
        'access-control-allow-headers': 'Content-Type',
        'access-control-max-age': '86400',
        allow: `${method}, OPTIONS`,
      })
      .send(),
  );
}

/**
 * CORS fields of an answer: any page may read one that is about no stream; of a stream, the pages that may
 * read its media.
 */
function readableBy(request: FastifyRequest, pages: ForeignPages | undefined, authorizer: Authorizer): HeadFields {
  const { name: stream } = request.params as { readonly name?: string };
  if (!pages || stream === undefined) return { 'access-control-allow-origin': '*' };
  return corsOf(pages.fieldsFor(requestSourceOf(request.raw), { stream, token: authorizer.tokenOf(request) }));
}

/** The OpenAPI document as sent: the same bytes to every client. */
function documentOf(document: object): { readonly bytes: Buffer; readonly etag: string } {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, etag: `"${hash('sha256', bytes, 'base64url').slice(0, 22)}"` };
}

async function answer(
  route: Route,
  request: FastifyRequest,
  signal: AbortSignal,
  deps: HttpDeps,
  keys: IdempotencyKeys,
  authorizer: Authorizer,
  traceparent: string | undefined,
): Promise<RouteAnswer> {
  const authorized = authorizer.authorized(request);
  const call: RouteCall = {
    params: request.params,
    query: request.query,
    body: request.body,
    stream: request.raw,
    ...authorized,
    accept: request.headers.accept ?? '',
    header: (name) => request.headers[name]?.toString(),
    signal,
    elsewhere: async (path) =>
      (await deps.otherNodes?.gather(listRequest(request, path))) ?? { lists: [], missing: [] },
    createAtOwner: async (stream, path, body) => {
      const made = { ...listRequest(request, path), method: 'POST' };
      const answer = await deps.otherNodes?.askOwner(stream, made, body);
      if (answer && answer.status >= 400) throw fromProblem(answer.body);
      return answer?.body;
    },
    traceId: request.id,
    traceparent,
  };
  const key = request.headers['idempotency-key'];
  if (route.repeatable !== true || key === undefined) return route.answer(call, deps);
  const make = async () => route.answer(call, deps);
  const path = request.url.split('?', 1)[0];
  return keys.once(`${authorized.principal.owner} ${route.method} ${path}`, String(key), request.body, make);
}

function listRequest({ raw }: FastifyRequest, path: string | undefined): ListRequest {
  const { method, url, headers, socket, nodeSender: sender } = raw;
  return path === undefined
    ? { method, url, headers, socket, sender }
    : { method: 'GET', url: path, headers, socket, sender };
}

function fileClassOf({ tag, fileTypes }: Route): FileClass {
  if (tag === 'workers') return 'job';
  if (tag === 'players') return 'playlist';
  return fileTypes && tag !== 'cases' && tag !== 'angles' ? 'picture' : 'export';
}

/**
 * Aborts when the connection closes before the reply ends. The request's own `close` fires once its body is
 * read, which is too early.
 */
function signalOf({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableEnded) controller.abort(new DOMException('the client disconnected', 'AbortError'));
  });
  return controller.signal;
}

function endedByClient(cause: unknown): OxbowError {
  return new OxbowError('not-ready', 'The client disconnected before the answer was sent.', { cause });
}

function sendAnswer(reply: FastifyReply, { status = 200, headers = {}, body }: RouteAnswer): FastifyReply {
  reply.code(status).headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers });
  return reply.send(body);
}

function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  { filter, subscriber }: NonNullable<RouteAnswer['events']>,
  listeners: EventListeners | undefined,
): FastifyReply {
  if (!listeners) throw new OxbowError('not-ready', 'This server accepts no event subscriptions.');
  reply.headers({ ...sseHeaders, 'x-content-type-options': 'nosniff' });
  if (request.method === 'HEAD') return reply.send();
  const body = openSse(listeners, filter, subscriber);
  const { httpVersionMajor, socket } = request.raw;
  if (httpVersionMajor === 1) {
    // A client that ends its half of the connection has unsubscribed; the next heartbeat would notice it only
    // later.
    const leave = () => body.destroy();
    socket.once('end', leave);
    body.once('close', () => socket.off('end', leave));
  }
  return reply.send(body);
}

function sendLines(request: FastifyRequest, reply: FastifyReply, lines: OpenLines): FastifyReply {
  reply.headers({ ...lineHeaders, 'x-content-type-options': 'nosniff' });
  return request.method === 'HEAD' ? reply.send() : reply.send(openJsonLines(lines));
}

/** Throws `unsupported-media` for a file where the route takes JSON, and for JSON where it takes a file. */
function checkBodyType({ bodyTypes, streams }: Route, { headers }: FastifyRequest): void {
  if (streams) return;
  const contentType = headers['content-type'];
  if (bodyTypes) {
    if (contentType !== undefined && bodyTypes.includes(contentType)) return;
    const types = bodyTypes.join(', ');
    throw new OxbowError('unsupported-media', `The body must be one of these: ${types}.`, {
      extra: { hint: 'Send the file itself, with its media type in `Content-Type`.' },
    });
  }
  if (contentType?.startsWith('image/') || contentType === STREAM_TYPE) throw notJson();
}

/** A path that exists for other methods is 405, any other is 404. */
function notFound(routes: readonly Route[], { method, url }: FastifyRequest): OxbowError {
  const path = url.split('?', 1)[0]!;
  const methods = routes.filter((route) => matches(route.path, path)).map((route) => route.method);
  if (methods.length === 0) return new OxbowError('not-found', `There is no resource at ${path.slice(0, 200)}.`);
  const allow = [...new Set(methods.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])))].join(', ');
  return new OxbowError('method-not-allowed', `${method} is not supported at ${path.slice(0, 200)}. Use ${allow}.`, {
    extra: { allow },
  });
}

function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const parts = path.split('/');
  return expected.length === parts.length && expected.every((part, i) => part.startsWith(':') || part === parts[i]);
}

function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply, deps: HttpDeps): FastifyReply {
  const error = fromFastify(thrown);
  const where = `${request.method} ${request.url.split('?', 1)[0]}`;
  reportProblem(error, where, request.id, deps);
  const { status, headers, body } = toProblem(error, request.id);
  return reply
    .code(status)
    .headers(headers)
    .send(Buffer.from(JSON.stringify(body)));
}

/** Converts fastify's own errors to OxbowError. */
function fromFastify(thrown: unknown): unknown {
  if (thrown instanceof OxbowError) return thrown;
  const error = thrown as FastifyError;
  if (error.validation) return fromValidation(error.validation, error.validationContext ?? 'body');
  switch (error.statusCode) {
    case 413:
      return new OxbowError('payload-too-large', 'The body is too large.', { cause: error });
    case 415:
      return notJson(error);
    case 404:
      return new OxbowError('not-found', 'The file does not exist.', { cause: error });
    default:
      if (error.statusCode === undefined || error.statusCode < 400 || error.statusCode > 499) return error;
      return new OxbowError('bad-request', sentenceOf(error), { cause: error });
  }
}

function notJson(cause?: unknown): OxbowError {
  const extra = { hint: 'Send JSON with `Content-Type: application/json`.' };
  return new OxbowError('unsupported-media', 'The body must be JSON.', { cause, extra });
}

/** The class of a request for metrics. */
function classOf(routes: readonly Route[], request: FastifyRequest): string {
  const pattern = request.routeOptions.url ?? '';
  if (pattern.startsWith('/api/')) return 'api';
  const route = routes.find(({ path }) => path === pattern);
  if (!route) return 'page';
  return route.tag === 'players' ? 'playlist' : 'health';
}
