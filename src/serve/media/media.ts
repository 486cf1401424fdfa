/**
 * Answers requests for media directly on node:http and node:http2: whole, by range, 304, or with a problem.
 * Blocking requests wait here.
 * In: requests with a media address; delivery's Reply. Out: responses. RFC 9110; docs/media.md 27 and 28.
 */
import type { LimitedClient } from '../../accounts/rate-limit.ts';
import { clipTokenNameOf } from '../../api/clips/clips-api.ts';
import { tokenNameOf } from '../../api/library/assets-api.ts';
import {
  assetOf,
  clipOf,
  type MediaAddress,
  type MediaClass,
  type MediaTarget,
  mediaClassOf,
  parseMediaTarget,
} from '../../api/media-address.ts';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import { createAuthenticator } from '../client/authenticate.ts';
import { createAddressOf } from '../client/client-address.ts';
import { readCmcd } from '../client/cmcd.ts';
import type { ForeignPages } from '../client/foreign-pages.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { viewerKey } from '../client/viewer-key.ts';
import type { ServeDeps } from '../deps.ts';
import { type Exchange, type HeadFields, pathOf } from '../exchange/exchange.ts';
import { joinFields, MEDIA_METHODS, preflight, sendPlainProblem } from '../exchange/media-answer.ts';
import { reportProblem, toProblem } from '../exchange/problem.ts';
import { representationOf } from '../exchange/representation.ts';
import { areInMemory, readBlocks, sendBlocks, sendMemory } from '../exchange/send.ts';
import { WaitLimiter, waitLimits } from '../wait-limiter.ts';
import { redirectOf } from './presigned.ts';
import { createBudget, hoursOf, isPreview, OpenAnswers, weightOf } from './request-cost.ts';
import { createSessionReports } from './session-reports.ts';
import { createWatchAccess } from './watch-access.ts';

/**
 * A client that requests one of these is a viewer. Probes and previews request Multivariant Playlists, stills
 * and clips too.
 */
const WATCHING: ReadonlySet<MediaAddress['kind']> = new Set([
  'playlist',
  'part',
  'segment',
  'dvr-playlist',
  'ts-playlist',
  'ts-segment',
  'ts-catch-up',
  'subtitles',
  'window-playlist',
  'vsr-live',
  'vsr-window',
  'vsr-segment',
]);

/** Caching of 410: deleted media never returns, so caches may answer for a while. */
const GONE_CACHING = 'public, max-age=60';

/** The media address and query of a request; undefined if its path is not one of media. */
export function mediaTargetOf(target: string): MediaTarget | undefined {
  return parseMediaTarget(pathOf(target));
}

/** How a reply is sent. */
interface Sending {
  readonly class: MediaClass;
  readonly fields: HeadFields;
  readonly isHead: boolean;
  readonly isPrivate: boolean;
}

/** Answers requests for media. */
export interface MediaResponder {
  /** Answers; never rejects. */
  respond(exchange: Exchange, target: MediaTarget): Promise<void>;
  /** Refuses a request for media that waited elsewhere. */
  refuse(exchange: Exchange, reason: unknown): void;
  /** Limits waiting requests, here and in the hot responder together. */
  readonly waitLimiter: WaitLimiter;
}

/** @param pages CORS policy */
export function createMediaResponder(deps: ServeDeps, pages: ForeignPages): MediaResponder {
  const { metrics } = deps;
  const waitLimiter = new WaitLimiter(waitLimits, (change) => metrics.heldRequests.inc(change));
  const addressOf = createAddressOf(deps.trustedProxies ?? []);
  const authenticator = createAuthenticator(deps);
  const watchAccess = createWatchAccess({ deps, authenticator, addressOf });
  const open = new OpenAnswers(metrics);

  const sessionReports = createSessionReports({ deps, watchAccess, addressOf });

  async function answer(exchange: Exchange, target: MediaTarget, session?: string): Promise<void> {
    const media = target.address;
    const { headers, body } = exchange;
    const address = () => addressOf(exchange);
    const controller = new AbortController();
    const { signal } = controller;
    let isSent = false;
    body.once('close', () => {
      if (!isSent) controller.abort(new DOMException('the viewer disconnected', 'AbortError'));
    });
    const watched = watchAccess.check(target, exchange, { signal });
    const isPrivate = typeof watched === 'boolean' ? watched : await watched;
    const common = commonFields(exchange, target);
    const client = () => ({ address: address(), isLocal: isLocalRequest(exchange) });
    const fields = applyRateLimit(media, client, exchange);
    const costs = mediaClassOf(media) === 'clip' && media.kind !== 'unknown';
    // An authorization server is not asked about streams that are open to all: a token proves nothing there.
    const isAuthorized = isPrivate || (target.token !== undefined && !deps.auth);
    const budget = costs ? createBudget(exchange, isAuthorized, client(), { deps, authenticator }) : undefined;
    const leave = waitLimiter.register(controller);
    const isWatching = exchange.method === 'GET' && WATCHING.has(media.kind);
    const name = isWatching ? (media.stream ?? deps.defaultStream?.()) : undefined;
    const player = name === undefined ? '' : viewerKey(session, address(), headers['user-agent']);
    const stopWaiting = name === undefined ? undefined : deps.viewers.waits(name, player);
    let reply: Reply;
    try {
      const made = deps.answer(media, new URLSearchParams(target.query), { signal, budget });
      reply = made instanceof Promise ? await waitLimiter.wait(made, address(), signal) : made;
    } finally {
      leave();
      stopWaiting?.();
    }
    if (name !== undefined)
      deps.viewers.seen(name, player, session === undefined && includesStart(exchange) ? media : undefined);
    const how = {
      class: mediaClassOf(media),
      fields: joinFields(common, fields),
      isHead: exchange.method === 'HEAD',
      isPrivate,
    };
    const redirect = media.kind === 'asset-original' ? await redirectOf(exchange.method, reply, deps) : undefined;
    if (redirect) {
      exchange.head(302, { ...how.fields, ...redirect });
      exchange.body.end();
    } else if (reply.grows && !how.isHead) await sendGrowing(exchange, reply, how, controller);
    else await send(exchange, reply, how, (sent) => open.hold(client(), weightOf(reply, sent, media), exchange.body));
    isSent = true;
  }

  /** The stream of an address; of an asset or a clip the name that its playback tokens are signed for. */
  function nameOf(address: MediaAddress): string | undefined {
    const asset = assetOf(address);
    const clip = clipOf(address);
    if (clip !== undefined) return clipTokenNameOf(clip);
    return asset === undefined ? (address.stream ?? deps.defaultStream?.()) : tokenNameOf(asset);
  }

  /** Fields of every answer to the request, including refusals. */
  function commonFields(exchange: Exchange, { address, token }: MediaTarget): HeadFields {
    return pages.fieldsFor(exchange, { stream: nameOf(address), token });
  }

  /**
   * Applies the rate limits of clips and stills, which are created per request, also for HEAD; small stills
   * are stored. The player of a shared clip requests many ranges: only those with the start of the file
   * count. Of windows, those that are long count by their hours.
   */
  function applyRateLimit(
    address: MediaAddress,
    client: () => LimitedClient,
    exchange: Exchange,
  ): Readonly<Record<string, string>> {
    const kind = mediaClassOf(address);
    const hours = hoursOf(address);
    if (hours === 0 && (address.kind === 'small-still' || (kind !== 'clip' && kind !== 'thumb'))) return {};
    if (address.kind === 'clip-file' && !includesStart(exchange)) return {};
    // A private stream was refused before. One that does not exist costs no turn either, so that they do not
    // differ.
    if (address.stream !== undefined && deps.streams.revision(address.stream) === undefined) return {};
    if (hours > 0) return deps.limits.take('windows', client(), hours);
    if (kind !== 'clip') return deps.limits.take('stills', client());
    return deps.limits.take(isPreview(address) ? 'previews' : 'clips', client());
  }

  /** Sends a reply that is not complete yet. Until its end it counts as a waiting request. */
  async function sendGrowing(exchange: Exchange, reply: Reply, how: Sending, waiting: AbortController): Promise<void> {
    const { signal } = waiting;
    const stopCounting = waitLimiter.acquire(addressOf(exchange));
    const leave = waitLimiter.register(waiting);
    const { status, headers } = representationOf(exchange.headers, reply, how);
    let length = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const bytes of reply.grows!({ signal })) {
        length += bytes.length;
        yield bytes;
      }
    }
    try {
      exchange.head(status, joinFields(how.fields, headers));
      await sendBlocks(exchange, counted());
    } catch (error) {
      if (!exchange.body.destroyed || !signal.aborted) throw error; // otherwise the client has disconnected
    } finally {
      leave();
      stopCounting();
      metrics.servedBytes.inc({ class: how.class }, length);
    }
  }

  /** @param hold counts what the body holds; may refuse it */
  async function send(
    exchange: Exchange,
    reply: Reply,
    how: Sending,
    hold: (body: Reply['body']) => void,
  ): Promise<void> {
    const { status, headers, body, length } = representationOf(exchange.headers, reply, how);
    const head = joinFields(how.fields, headers);
    if (how.isHead || status === 304) {
      exchange.head(status, head);
      exchange.body.end();
      return;
    }
    hold(body);
    if (areInMemory(body)) {
      exchange.head(status, head);
      sendMemory(exchange, body);
    } else {
      const blocks = readBlocks(body, deps.reader);
      const first = await firstOf(blocks);
      exchange.head(status, head);
      await sendBlocks(exchange, first);
    }
    metrics.servedBytes.inc({ class: how.class }, length);
  }

  function countEnd(exchange: Exchange, kind: MediaClass): void {
    const startedAt = performance.now();
    exchange.body.once('close', () => {
      metrics.httpRequests.inc({ class: kind, status: exchange.status ?? 499 });
      metrics.httpRequestSeconds.observe({ class: kind }, (performance.now() - startedAt) / 1000);
    });
  }

  function refuse(exchange: Exchange, error: unknown, target: MediaTarget): void {
    const { body, method, headers } = exchange;
    if (body.destroyed && !body.headersSent) return; // the client has disconnected
    const traceId = traceIdOf(headers.traceparent);
    reportProblem(error, `${method} ${target.path}`, traceId, deps);
    if (body.headersSent) {
      exchange.cut();
      return;
    }
    const problem = toProblem(error, traceId);
    const name = nameOf(target.address) ?? '';
    const mayBeKept = problem.body.code === 'gone' && !deps.streams.isPrivate(name);
    sendPlainProblem(exchange, problem, {
      ...commonFields(exchange, target),
      ...(mayBeKept && { 'cache-control': GONE_CACHING }),
    });
  }

  return {
    async respond(exchange, target) {
      const { method } = exchange;
      const kind = mediaClassOf(target.address);
      countEnd(exchange, kind);
      try {
        if (target.address.kind === 'session') {
          await sessionReports.answer(exchange, target, commonFields(exchange, target));
          return;
        }
        if (method === 'OPTIONS') {
          exchange.head(204, { ...commonFields(exchange, target), ...preflight, allow: MEDIA_METHODS });
          exchange.body.end();
          return;
        }
        if (method !== 'GET' && method !== 'HEAD') {
          exchange.refuseBody();
          throw new OxbowError('method-not-allowed', `${method} is not supported for media. Use ${MEDIA_METHODS}.`, {
            extra: { allow: MEDIA_METHODS },
          });
        }
        const cmcd = readCmcd(target.query, exchange.headers);
        if (cmcd) metrics.cmcdRequests.inc({ class: kind });
        if (cmcd?.isStarved) metrics.bufferStarvations.inc();
        await answer(exchange, target, cmcd?.session);
      } catch (error) {
        refuse(exchange, error, target);
      }
    },

    refuse: (exchange, reason) => {
      const target = mediaTargetOf(exchange.target)!; // only media waits
      countEnd(exchange, mediaClassOf(target.address));
      refuse(exchange, reason, target);
    },

    waitLimiter,
  };
}

/** Whether the request includes the first byte: a player that fetches a segment in ranges is counted once. */
function includesStart({ headers }: Exchange): boolean {
  return headers.range === undefined || headers.range.startsWith('bytes=0-');
}

/**
 * Reads the first block before it returns the blocks, so that a read error can still become a problem
 * document.
 */
async function firstOf(blocks: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await blocks.next();
  return {
    async *[Symbol.asyncIterator]() {
      if (!first.done) yield first.value;
      yield* blocks;
    },
  };
}
