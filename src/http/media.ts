/**
 * Answers media paths straight on node:http and node:http2: whole, by range, unchanged, or with a problem; held requests wait here.
 * In: requests below /live, /vod, /clip, /thumb and /start; delivery's Reply. Out: responses. RFC 9110; MEDIA.md, 27 and 28.
 */
import { parseSignedPath } from '../accounts/signed-path.ts';
import { streamUnknown } from '../api/stream-name.ts';
import type { Reply } from '../delivery/reply.ts';
import { OxbowError } from '../lib/errors.ts';
import { traceIdOf } from '../observe/trace.ts';
import { createClientAddress } from './client-address.ts';
import { readCmcd } from './cmcd.ts';
import type { HttpDeps } from './deps.ts';
import { type Exchange, type HeadFields, pathOf } from './exchange.ts';
import type { ForeignPages } from './foreign-pages.ts';
import { readForwarded } from './forwarded.ts';
import { HeldRequests, heldLimits } from './held.ts';
import { isLocalRequest } from './local-request.ts';
import { joinFields, sendPlainProblem } from './media-answer.ts';
import { reportProblem, toProblem } from './problem.ts';
import type { LimitedClient } from './rate-limit.ts';
import { representationOf } from './representation.ts';
import { areInMemory, readBlocks, sendBlocks, sendMemory } from './send.ts';
import { viewerKey } from './viewer-key.ts';
import { refuseWatching, signedClassOf } from './watching.ts';
import { createWho } from './who.ts';

const MEDIA = /^\/(live|vod|clip|thumb|start)\/([^/]*)/;
const METHODS = 'GET, HEAD, OPTIONS';

/** Who asks for one of these watches; who looks at stills, or takes a clip home, does not. */
const WATCHING: ReadonlySet<string> = new Set(['playlist', 'window', 'segment', 'part']);
/** What there is to choose from, which probes and previews ask for too. */
const INDEX = /\/index\.m3u8$/;

/** What was deleted stays deleted; caches may spare us the question for a while. */
const GONE_CACHING = 'public, max-age=60';

const preflight = {
  'access-control-allow-methods': METHODS,
  'access-control-allow-headers':
    'Accept, Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, If-None-Match, If-Range, Range, traceparent',
  'access-control-max-age': '86400',
} as const;

/** The server of media. */
export interface MediaResponder {
  /** Whether the path is one of media; then `respond` answers it. */
  owns(path: string): boolean;
  /** Answers; never rejects. */
  respond(exchange: Exchange): Promise<void>;
  /** Refuses a request that waited elsewhere. */
  refuse(exchange: Exchange, reason: unknown): void;
  /** Those that wait here; how many may is counted together with those that wait elsewhere. */
  readonly held: HeldRequests;
}

/**
 * @param deps what answers, reads, counts
 * @param pages what pages of other sites may read
 */
export function createMediaResponder(deps: HttpDeps, pages: ForeignPages): MediaResponder {
  const { metrics } = deps;
  const held = new HeldRequests(heldLimits, (change) => metrics.heldRequests.inc(change));
  const clientAddress = createClientAddress(deps.trustedProxies ?? []);
  const who = createWho(deps);

  async function answer(exchange: Exchange, { path, query, token }: MediaTarget, session?: string): Promise<void> {
    const { headers, body } = exchange;
    const address = () => clientAddress(exchange.remoteAddress, readForwarded(headers).for);
    const isPrivate = mayWatch(path, token, exchange);
    const common = commonFields(exchange);
    const client = () => ({ address: address(), isLocal: isLocalRequest(exchange) });
    const fields = exchange.method === 'GET' ? takeTurn(path, client) : {};
    const controller = new AbortController();
    const { signal } = controller;
    let isSent = false;
    body.once('close', () => {
      if (!isSent) controller.abort(new DOMException('the viewer went away', 'AbortError'));
    });
    const leave = held.enter(controller);
    const isWatching = exchange.method === 'GET' && WATCHING.has(classOf(path)) && !INDEX.test(path);
    const name = isWatching ? (nameIn(path) ?? deps.defaultStream?.()) : undefined;
    const player = name === undefined ? '' : viewerKey(session, address, headers['user-agent']);
    const stopWaiting = name === undefined ? undefined : deps.viewers.waits(name, player);
    let reply: Reply;
    try {
      const made = deps.answer(path, new URLSearchParams(query), { signal, accept: headers.accept ?? '' });
      reply = made instanceof Promise ? await held.hold(made, address(), signal) : made;
    } finally {
      leave();
      stopWaiting?.();
    }
    if (name !== undefined)
      deps.viewers.seen(name, player, session === undefined && asksFromStart(exchange) ? path : undefined);
    await send(exchange, reply, {
      path,
      fields: joinFields(common, fields),
      isHead: exchange.method === 'HEAD',
      isPrivate,
    });
    isSent = true;
  }

  /**
   * Refuses what is not for everyone to whoever has no right to it, as if it were not there; tells whether it is such. Cookies are not
   * looked at: a page that is signed in makes itself a right to watch.
   */
  function mayWatch(path: string, token: string | undefined, exchange: Exchange): boolean {
    const named = nameIn(path);
    const stream = named ?? deps.defaultStream?.() ?? '';
    const isPrivate = deps.streams.isPrivate(stream);
    if (token !== undefined) {
      refuseWatching(deps.access.watch.verify(token, stream, signedClassOf(path), deps.clock.nowMs()));
      return isPrivate;
    }
    if (!isPrivate) return false;
    const { authorization } = exchange.headers;
    if (authorization !== undefined) {
      const { remoteAddress, headers } = exchange;
      who.tryToken({ headers, remoteAddress, secure: false });
      if (who.whoAsks({ headers: { authorization }, remoteAddress, secure: false }).seesAll) return true;
    }
    throw streamUnknown(named);
  }

  /** Fields of every answer to it, refusals too. */
  function commonFields(exchange: Exchange): HeadFields {
    const { path, token } = targetOf(exchange);
    return pages.fieldsFor(exchange, { stream: nameIn(path) ?? deps.defaultStream?.(), token });
  }

  /** What is made for whoever asks costs us something. */
  function takeTurn(path: string, client: () => LimitedClient): Readonly<Record<string, string>> {
    const kind = classOf(path);
    if (kind !== 'clip' && kind !== 'thumb') return {};
    return deps.limits.take(kind === 'clip' ? 'clips' : 'stills', client());
  }

  async function send(
    exchange: Exchange,
    reply: Reply,
    how: {
      readonly path: string;
      readonly fields: HeadFields;
      readonly isHead: boolean;
      readonly isPrivate: boolean;
    },
  ): Promise<void> {
    const { status, headers, pieces, length } = representationOf(exchange.headers, reply, how);
    const head = joinFields(how.fields, headers);
    if (how.isHead || status === 304) {
      exchange.head(status, head);
      exchange.body.end();
      return;
    }
    if (areInMemory(pieces)) {
      exchange.head(status, head);
      sendMemory(exchange, pieces);
    } else {
      const blocks = readBlocks(pieces, deps.reader);
      const first = await firstOf(blocks);
      exchange.head(status, head);
      await sendBlocks(exchange, first);
    }
    metrics.servedBytes.inc({ class: classOf(how.path) }, length);
  }

  function countEnd(exchange: Exchange, kind: string): void {
    const startedAt = performance.now();
    exchange.body.once('close', () => {
      metrics.httpRequests.inc({ class: kind, status: exchange.status ?? 499 });
      metrics.httpRequestSeconds.observe({ class: kind }, (performance.now() - startedAt) / 1000);
    });
  }

  function refuse(exchange: Exchange, error: unknown, path: string): void {
    const { body, method, headers } = exchange;
    if (body.destroyed && !body.headersSent) return; // nobody waits any more
    const traceId = traceIdOf(headers.traceparent);
    reportProblem(error, `${method} ${path}`, traceId, deps);
    if (body.headersSent) {
      exchange.cut();
      return;
    }
    const problem = toProblem(toGone(error), traceId);
    const name = nameIn(path) ?? deps.defaultStream?.() ?? '';
    const mayBeKept = problem.body.code === 'gone' && !deps.streams.isPrivate(name);
    sendPlainProblem(exchange, problem, {
      ...commonFields(exchange),
      ...(mayBeKept && { 'cache-control': GONE_CACHING }),
    });
  }

  return {
    owns: (path) => MEDIA.test(parseSignedPath(path)?.path ?? path),

    async respond(exchange) {
      const { method } = exchange;
      const target = targetOf(exchange);
      const { path, query } = target;
      const kind = classOf(path);
      countEnd(exchange, kind);
      try {
        if (method === 'OPTIONS') {
          exchange.head(204, { ...commonFields(exchange), ...preflight, allow: METHODS });
          exchange.body.end();
          return;
        }
        if (method !== 'GET' && method !== 'HEAD') {
          exchange.refuseBody();
          throw new OxbowError('method-not-allowed', `${method} is not for media.`, { extra: { allow: METHODS } });
        }
        const told = readCmcd(query, exchange.headers);
        if (told) metrics.cmcdRequests.inc({ class: kind });
        if (told?.isStarved) metrics.bufferStarvations.inc();
        await answer(exchange, target, told?.session);
      } catch (error) {
        refuse(exchange, error, path);
      }
    },

    refuse: (exchange, reason) => {
      const { path } = targetOf(exchange);
      countEnd(exchange, classOf(path));
      refuse(exchange, reason, path);
    },

    held,
  };
}

/** What a media request asks for; `token` is the right to watch that stood in front of the path. */
interface MediaTarget {
  readonly path: string;
  readonly query: string;
  readonly token: string | undefined;
}

function targetOf(exchange: Exchange): MediaTarget {
  const target = pathOf(exchange.target);
  const mark = target.indexOf('?');
  const whole = mark < 0 ? target : target.slice(0, mark);
  const signed = parseSignedPath(whole);
  return { path: signed?.path ?? whole, query: mark < 0 ? '' : target.slice(mark + 1), token: signed?.token };
}

/** A player that takes a segment in ranges requests it more than once. */
function asksFromStart({ headers }: Exchange): boolean {
  return headers.range === undefined || headers.range.startsWith('bytes=0-');
}

/** Reads the first block before it gives the blocks back, so that what cannot be read is noticed in time. */
async function firstOf(blocks: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await blocks.next();
  return {
    async *[Symbol.asyncIterator]() {
      if (!first.done) yield first.value;
      yield* blocks;
    },
  };
}

/** A file that is not there any more was deleted by retention between the look into the index and the read. */
function toGone(error: unknown): unknown {
  if ((error as { code?: unknown } | null)?.code !== 'ENOENT') return error;
  return new OxbowError('gone', 'The recording was deleted a moment ago.', { cause: error });
}

/** The stream that a media address names; undefined for those of VSR, which mean the default stream: /start/…, /live/stream.m3u8. */
function nameIn(path: string): string | undefined {
  const [, area, name = ''] = MEDIA.exec(path) ?? [];
  // No name of a stream has a dot.
  return area === 'start' || name.includes('.') ? undefined : name;
}

/** The class of a media address, for metrics: playlist, part, segment, init, clip, thumb. */
function classOf(path: string): string {
  const [, area] = MEDIA.exec(path) ?? [];
  if (area === 'clip' || area === 'thumb') return area;
  if (path.includes('.m3u8')) return area === 'vod' || area === 'start' ? 'window' : 'playlist';
  if (/\/init-\d+\.mp4/.test(path)) return 'init';
  if (/\/\d+\.\d+\.m4s/.test(path)) return 'part';
  return 'segment';
}
