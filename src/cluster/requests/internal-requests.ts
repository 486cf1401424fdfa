/**
 * Requests between nodes: files of this node, copies of media in its memory, streams that move, the
 * live edge of streams, and that it reads the changes. Only signed requests are answered.
 * In: HTTP requests below `/internal/`. Out: responses. docs/decisions/0055.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  isMissing,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  segmentLocation,
} from '../../archive/segment-store.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { InboxSinks } from '../../live/inbox.ts';
import { withinSpan } from '../../observe/traces/current-span.ts';
import { noTelemetry, type Telemetry } from '../../observe/traces/telemetry.ts';
import { sendFrames } from './frames/send-frames.ts';

const PREFIX = '/internal/';
/** Largest range of a file in one reply, bytes. */
export const MAX_RANGE_BYTES = 16 * 1024 * 1024;

/** Media that other nodes may have copies of. */
export interface PurgedThing {
  readonly kind: 'stream' | 'asset' | 'clip';
  /** Name of the stream; id of the asset or clip. */
  readonly id: string;
}

/** Dependencies of the requests. */
export interface InternalRequestDeps {
  /** The files of this node. */
  readonly files: SegmentStore;
  /** The nodes are processes on one folder: there is nothing to delete again. */
  readonly isOneFolder?: boolean;
  /** Closes readers of files of this node, and drops copies in memory. */
  release(prefix: SegmentPrefix): void;
  /** Drops the copies in memory of a thing that another node has deleted. */
  purge(thing: PurgedThing): Promise<unknown>;
  /** Reads the rows that other nodes have changed. */
  look(): Promise<void>;
  /**
   * Gives a stream to another node.
   *
   * @param options.waits a publisher that was led away may leave first
   * @returns false: its publisher was led away, and has not left
   * @throws OxbowError if it cannot
   */
  give(stream: string, node: string, options: { readonly waits: boolean }): Promise<boolean>;
  /** Where publishers reach this node over RTMP; undefined: they should not come. */
  publishUrls(): readonly string[] | undefined;
  /**
   * The live edge of a stream of this node, and whether it is live, for rooms and channels.
   * @throws OxbowError if it does not run here
   */
  edge(stream: string): object;
  /** Where the frames of a stream of this node go, for nodes that follow it. @throws as `edge` */
  sinks(stream: string): InboxSinks;
  /** Ends what has no end. */
  readonly signal: AbortSignal;
  /** The first media of a stream that ends after a position, unix ms; null: none yet. @throws as `edge` */
  span(stream: string, positionMs: number): Promise<object | null>;
  /**
   * Takes note of the epoch of a node, and returns that of this one; undefined: there are no epochs.
   * docs/decisions/0099.
   */
  epoch?: ((theirs: number, node: string) => number) | undefined;
  /** What this process of several says of itself; undefined: there is no such view. */
  view?: ((name: string) => Promise<unknown> | undefined) | undefined;
  /** Spans of changes by another node, below its spans. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'> | undefined;
  /** Called with a bug. */
  failed(error: unknown): void;
}

/** The targets of internal requests. */
export const internalTarget = {
  /** Bytes of a file; fewer at its end. */
  range: (location: string, offset: number, length: number): string =>
    `${PREFIX}files/${location}?offset=${offset}&length=${length}`,
  size: (location: string): string => `${PREFIX}files/${location}`,
  /** DELETE: everything with that prefix. */
  files: (prefix: string): string => `${PREFIX}files/${prefix}`,
  /** DELETE: the copies of media of a stream, an asset or a clip in the memory of the node. */
  copies: ({ kind, id }: PurgedThing): string => `${PREFIX}copies/${kind}/${encodeURIComponent(id)}`,
  /** POST: answered when the node has read the rows that other nodes have changed. */
  changes: `${PREFIX}changes`,
  /** POST: notifies of the fencing epoch of a node; answered with that of the receiver. */
  epoch: (own: number): string => `${PREFIX}epoch?own=${own}`,
  /**
   * POST: the stream moves to the node that requests it. Answered with 202 while a publisher that was led
   * away has not left, unless the request waits for that.
   */
  give: (stream: string, waits = false): string => `${PREFIX}streams/${stream}/give${waits ? '?wait=1' : ''}`,
  /** Where publishers reach the node over RTMP, as JSON. */
  publishUrls: `${PREFIX}publish-urls`,
  /** The live edge of a stream, for rooms of the node that requests it. */
  edge: (stream: string): string => `${PREFIX}streams/${stream}/edge`,
  /** The frames of a stream, without an end, from its next or its last key frame on. */
  frames: (stream: string, fromKeyFrame: boolean): string =>
    `${PREFIX}streams/${stream}/frames${fromKeyFrame ? '?from=key-frame' : ''}`,
  /** POST: requests a key frame from the publisher of a stream. */
  keyFrame: (stream: string): string => `${PREFIX}streams/${stream}/key-frame`,
  /** What a process says of itself, as JSON. */
  view: (name: string): string => `${PREFIX}views/${name}`,
  /** Its first media that ends after a position, unix ms. */
  span: (stream: string, positionMs: number): string => `${PREFIX}streams/${stream}/span?at=${positionMs}`,
};

/** Answers a request below `/internal/`; false: it is another one. */
export type InternalRequests = (request: IncomingMessage, response: ServerResponse) => boolean;

/** An answer to a node. */
interface InternalAnswer {
  readonly status: number;
  readonly body?: Uint8Array | string;
  /** Writes the head and the body; resolves at its end. */
  readonly send?: (response: ServerResponse) => Promise<void>;
}

/** Creates their handler. */
export function createInternalRequests(deps: InternalRequestDeps): InternalRequests {
  return (request, response) => {
    if (!request.url?.startsWith(PREFIX)) return false;
    answerSigned(deps, request).then(
      ({ status, body, send }) => {
        if (send) send(response).catch(deps.failed);
        else response.writeHead(status).end(body);
      },
      (error: unknown) => {
        const isRefusal = error instanceof OxbowError;
        if (!isRefusal) deps.failed(error);
        const status = isMissing(error) ? 404 : isRefusal ? statusOf(error) : 500;
        response.writeHead(status).end(isRefusal ? error.message : '');
      },
    );
    return true;
  };
}

async function answerSigned(deps: InternalRequestDeps, request: IncomingMessage): Promise<InternalAnswer> {
  const { method = 'GET', url = '/', nodeSender: sender } = request;
  // No such request has a body.
  if (!sender || sender.bodyHash !== undefined) return { status: 404 };
  return traced(deps, request, () => answer(deps, method, new URL(url, 'http://node'), sender.node));
}

/**
 * Changes that a node requests are a part of its trace. The header of anyone else is never read.
 */
async function traced<T extends { readonly status: number }>(
  { telemetry = noTelemetry }: InternalRequestDeps,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  work: () => Promise<T>,
): Promise<T> {
  const traceparent = headers.traceparent as string | undefined;
  const span = traceparent === undefined || method === 'GET' ? undefined : telemetry.begin({ traceparent });
  if (!span) return work();
  const startedAt = performance.now();
  const ended = (status: number | undefined, error?: string) =>
    telemetry.ended({
      kind: 'request',
      name: `${method} ${url.split('/', 3).join('/')}`,
      span,
      traceparent,
      error,
      tookMs: performance.now() - startedAt,
      attributes: {
        'http.request.method': method,
        'http.response.status_code': status,
        'url.path': url.split('?', 1)[0],
        'error.type': error === undefined ? undefined : 'failed',
      },
    });
  try {
    const answered = await withinSpan(span, work);
    ended(answered.status);
    return answered;
  } catch (error) {
    ended(undefined, messageOf(error));
    throw error;
  }
}

/** @param node the sender */
async function answer(deps: InternalRequestDeps, method: string, url: URL, node: string): Promise<InternalAnswer> {
  if (url.pathname === internalTarget.changes) {
    if (method !== 'POST') return { status: 405 };
    await deps.look();
    return { status: 204 };
  }
  if (url.pathname === `${PREFIX}epoch`) {
    const theirs = Number(url.searchParams.get('own') ?? Number.NaN);
    if (method !== 'POST' || !Number.isSafeInteger(theirs) || !deps.epoch) return { status: 404 };
    return { status: 200, body: String(deps.epoch(theirs, node)) };
  }
  if (url.pathname === internalTarget.publishUrls) {
    const urls = method === 'GET' ? deps.publishUrls() : undefined;
    return urls ? { status: 200, body: JSON.stringify(urls) } : { status: 404 };
  }
  const [, kind, path] = /^\/internal\/(files|streams|copies|views)\/(.+)$/.exec(url.pathname) ?? [];
  if (kind === 'streams' && method === 'POST' && path!.endsWith('/give')) {
    const isGiven = await deps.give(path!.slice(0, -'/give'.length), node, { waits: url.searchParams.has('wait') });
    return { status: isGiven ? 204 : 202 };
  }
  if (kind === 'streams' && method === 'POST' && path!.endsWith('/key-frame')) {
    deps.sinks(path!.slice(0, -'/key-frame'.length)).requestKeyFrame();
    return { status: 204 };
  }
  if (kind === 'streams' && method === 'GET' && path!.endsWith('/frames')) {
    const sinks = deps.sinks(path!.slice(0, -'/frames'.length));
    const options = { fromKeyFrame: url.searchParams.get('from') === 'key-frame', signal: deps.signal };
    return { status: 200, send: (response) => sendFrames(sinks, response, options) };
  }
  if (kind === 'streams' && method === 'GET')
    return { status: 200, body: JSON.stringify(await readStream(deps, path!, url)) };
  if (kind === 'views') {
    const view = deps.view?.(path!);
    return view ? { status: 200, body: JSON.stringify(await view) } : { status: 404 };
  }
  if (kind === 'copies') {
    const thing = method === 'DELETE' ? purgedThing(path!) : undefined;
    if (!thing) return { status: 404 };
    await deps.purge(thing);
    return { status: 204 };
  }
  return kind === 'files' ? answerFile(deps, method, path!, url) : { status: 404 };
}

/** The live edge of a stream, or its media at a position. */
async function readStream(deps: InternalRequestDeps, path: string, { searchParams }: URL): Promise<object | null> {
  const [stream = '', view] = path.split('/');
  if (view === 'edge') return deps.edge(stream);
  const at = Number(searchParams.get('at') ?? Number.NaN);
  if (view === 'span' && Number.isFinite(at)) return deps.span(stream, at);
  throw new OxbowError('not-found', 'There is no such request of nodes.');
}

/** Bytes of a file, its size, or its deletion. */
async function answerFile(
  deps: InternalRequestDeps,
  method: string,
  path: string,
  { searchParams }: URL,
): Promise<InternalAnswer> {
  const { files } = deps;
  const location = locationOf(path);
  if (location === undefined) return { status: 404 };
  if (method === 'DELETE') {
    // A process has deleted it for all, or has written it again without what is deleted.
    if (deps.isOneFolder) files.release(location);
    else await files.delete(location);
    deps.release(location);
    return { status: 204 };
  }
  if (method !== 'GET') return { status: 405 };
  const length = Number(searchParams.get('length') ?? Number.NaN);
  const offset = Number(searchParams.get('offset') ?? Number.NaN);
  if (Number.isNaN(length)) return { status: 200, body: String(await files.size(location)) };
  const isRange = Number.isSafeInteger(offset) && offset >= 0 && length > 0 && length <= MAX_RANGE_BYTES;
  if (!isRange) return { status: 400 };
  return { status: 200, body: await files.read(location, { offset, length }) };
}

function statusOf({ code }: OxbowError): number {
  return code === 'node-refused' ? 503 : 409;
}

function purgedThing(text: string): PurgedThing | undefined {
  const [, kind, id] = /^(stream|asset|clip)\/([^/]+)$/.exec(text) ?? [];
  return kind === undefined ? undefined : { kind: kind as PurgedThing['kind'], id: decodeURIComponent(id!) };
}

function locationOf(text: string): SegmentLocation | undefined {
  try {
    // A prefix ends with a slash, which is no location, but is one for a deletion.
    return text.endsWith('/') ? (`${segmentLocation(text.slice(0, -1))}/` as SegmentLocation) : segmentLocation(text);
  } catch {
    return undefined;
  }
}
