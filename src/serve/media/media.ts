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
  printMediaAddress,
} from '../../api/media-address.ts';
import type { Reply } from '../../delivery/reply.ts';
import { replyFor, SIGN_FIELD } from '../../delivery/signed-addresses.ts';
import { withInstants } from '../../delivery/typed-time.ts';
import type { WorkBudget } from '../../delivery/work-budget.ts';
import { OxbowError } from '../../lib/errors.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import { type Authenticator, createAuthenticator } from '../client/authenticate.ts';
import { createAddressOf } from '../client/client-address.ts';
import { type CountryOf, createClientCountry } from '../client/client-country.ts';
import { cmcdTextOf, isOptedOut, readCmcd } from '../client/cmcd.ts';
import type { ForeignPages } from '../client/foreign-pages.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { viewerKey } from '../client/viewer-key.ts';
import type { ServeDeps } from '../deps.ts';
import { type Exchange, type HeadFields, pathOf } from '../exchange/exchange.ts';
import { joinFields, MEDIA_METHODS, preflight, sendPlainProblem } from '../exchange/media-answer.ts';
import { reportProblem, toProblem } from '../exchange/problem.ts';
import { BY_ADDRESS } from '../exchange/representation.ts';
import { WaitLimiter, waitLimits } from '../wait-limiter.ts';
import { answerLicencePreflight, isLicence, readLicenceRequest } from './licences.ts';
import { MediaSender } from './media-sender.ts';
import { directHeadOf, redirectOf } from './presigned.ts';
import { RepeatedRequests } from './repeated-requests.ts';
import { createBudget, hoursOf, isPreview, OpenAnswers, weightOf } from './request-cost.ts';
import { createSessionReports, type SessionReports } from './session-reports.ts';
import { createSteeringAnswer } from './steering-answer.ts';
import { sharingOf, WatchAccess } from './watch-access.ts';

/**
 * A client that requests one of these is a viewer. Probes and previews request Multivariant Playlists, stills
 * and clips too.
 */
const WATCHING: ReadonlySet<MediaAddress['kind']> = new Set([
  'playlist',
  'part',
  'segment',
  'stored-segment',
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

/** Answers requests for media. */
export interface MediaResponder {
  /** Answers; never rejects. */
  respond(exchange: Exchange, target: MediaTarget): Promise<void>;
  /** Refuses a request for media that waited elsewhere. */
  refuse(exchange: Exchange, reason: unknown): void;
  /** Limits waiting requests, here and in the hot responder together. */
  readonly waitLimiter: WaitLimiter;
}

/** A request for media whose access has been decided. */
interface Admitted {
  readonly exchange: Exchange;
  readonly target: MediaTarget;
  /** Of the player's CMCD fields. */
  readonly session: string | undefined;
  readonly isPrivate: boolean;
  /** The broadcaster's rules for the past do not concern the client. */
  readonly isExempt: boolean;
  /** Aborts when the client disconnects, or oxbow stops. */
  readonly controller: AbortController;
}

export class OwnMedia implements MediaResponder {
  readonly waitLimiter: WaitLimiter;
  readonly #deps: ServeDeps;
  readonly #pages: ForeignPages;
  readonly #addressOf: ReturnType<typeof createAddressOf>;
  readonly #countryOf: CountryOf;
  readonly #authenticator: Authenticator;
  readonly #watchAccess: WatchAccess;
  readonly #sessionReports: SessionReports;
  readonly #steer: ReturnType<typeof createSteeringAnswer>;
  readonly #sender: MediaSender;
  readonly #open: OpenAnswers;
  readonly #redirected: RepeatedRequests;

  /** @param pages CORS policy */
  constructor(deps: ServeDeps, pages: ForeignPages) {
    this.#deps = deps;
    this.#pages = pages;
    this.waitLimiter = new WaitLimiter(waitLimits, (change) => deps.metrics.heldRequests.inc(change));
    const addressOf = createAddressOf(deps.trustedProxies ?? []);
    this.#addressOf = addressOf;
    this.#authenticator = createAuthenticator(deps);
    const countryOf = createClientCountry(deps);
    this.#countryOf = countryOf;
    this.#watchAccess = new WatchAccess({ deps, authenticator: this.#authenticator, addressOf, countryOf });
    this.#sessionReports = createSessionReports({ deps, watchAccess: this.#watchAccess, addressOf, countryOf });
    this.#steer = createSteeringAnswer(deps, addressOf, countryOf);
    this.#sender = new MediaSender({ deps, waitLimiter: this.waitLimiter, addressOf });
    this.#open = new OpenAnswers(deps.metrics);
    this.#redirected = new RepeatedRequests(() => deps.clock.monotonicMs());
  }

  async respond(exchange: Exchange, target: MediaTarget): Promise<void> {
    const { method } = exchange;
    this.#countEnd(exchange, mediaClassOf(target.address));
    try {
      if (target.address.kind === 'session') {
        await this.#sessionReports.answer(exchange, target, this.#commonFields(exchange, target));
        return;
      }
      if (isLicence(target)) {
        if (method === 'OPTIONS') return answerLicencePreflight(exchange, this.#commonFields(exchange, target));
        if (method === 'POST') return await this.#answer(exchange, await readLicenceRequest(exchange, target));
      }
      if (method === 'OPTIONS') {
        exchange.head(204, { ...this.#commonFields(exchange, target), ...preflight, allow: MEDIA_METHODS });
        exchange.body.end();
        return;
      }
      if (method !== 'GET' && method !== 'HEAD') {
        exchange.refuseBody();
        throw new OxbowError('method-not-allowed', `${method} is not supported for media. Use ${MEDIA_METHODS}.`, {
          extra: { allow: MEDIA_METHODS },
        });
      }
      await this.#answer(exchange, target);
    } catch (error) {
      this.#refuse(exchange, error, target);
    }
  }

  refuse(exchange: Exchange, reason: unknown): void {
    const target = mediaTargetOf(exchange.target)!; // only media waits
    this.#countEnd(exchange, mediaClassOf(target.address));
    this.#refuse(exchange, reason, target);
  }

  async #answer(exchange: Exchange, target: MediaTarget): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    let isSent = false;
    exchange.body.once('close', () => {
      if (!isSent) controller.abort(new DOMException('the viewer disconnected', 'AbortError'));
    });
    const session = this.#readCmcd(exchange, target);
    const watched = this.#watchAccess.check(target, exchange, { signal });
    const { isPrivate, sharing } = watched instanceof Promise ? await watched : watched;
    if (session !== undefined) this.#noteCmcd(exchange, target);
    const common = this.#commonFields(exchange, target);
    if (target.address.kind === 'steering') {
      this.#steer(exchange, target, common);
      isSent = true;
      return;
    }
    const isExempt = this.#watchAccess.isExempt(target, exchange);
    const exact = withInstants(target.address, this.#nowMsFor(target.address, isExempt));
    if (exact) {
      const location = pathOf(exchange.target).replace(target.path, () => printMediaAddress(exact));
      exchange.head(302, { ...common, location, 'cache-control': 'no-store' });
      exchange.body.end();
      isSent = true;
      return;
    }
    const limitFields = this.#takeTurn(exchange, target.address);
    const made = await this.#made({ exchange, target, session, isPrivate, isExempt, controller });
    const { reply, fields: further } = replyFor(made, target.token, exchange.headers[SIGN_FIELD] !== undefined);
    const { address } = target;
    const redirect =
      address.kind === 'asset-original'
        ? await redirectOf(exchange.method, reply, this.#deps)
        : await this.#directHeadOf(exchange, reply, target);
    const how = {
      class: mediaClassOf(address),
      fields: joinFields(joinFields(common, limitFields), further),
      isHead: exchange.method === 'HEAD',
      sharing,
    } as const;
    if (redirect) {
      exchange.head(302, { ...how.fields, ...redirect });
      exchange.body.end();
    } else if (reply.grows && !how.isHead) {
      await this.#sender.sendGrowing(exchange, reply, how, controller);
    } else {
      const hold = (body: Reply['body']) =>
        this.#open.hold(this.#clientOf(exchange), weightOf(reply, body, address), exchange.body, reply.shared);
      await this.#sender.send(exchange, reply, how, hold);
    }
    isSent = true;
  }

  /** See `directHeadOf`. */
  #directHeadOf(exchange: Exchange, reply: Reply, { path, query }: MediaTarget): Promise<HeadFields | undefined> {
    const isRepeated = () =>
      this.#redirected.isRepeated(`${this.#addressOf(exchange)} ${path} ${exchange.headers.range}`);
    return directHeadOf(exchange, reply, { query, isRepeated }, this.#deps);
  }

  /** The reply to a request, which may wait for it; its client counts as a viewer meanwhile. */
  async #made(admitted: Admitted): Promise<Reply> {
    const { exchange, target, session, isExempt, controller } = admitted;
    const { answer, viewers } = this.#deps;
    const { address } = target;
    const { signal } = controller;
    const budget = this.#budgetOf(admitted);
    const leave = this.waitLimiter.register(controller);
    const stream = this.#watchedStream(exchange, address);
    const from = () => this.#addressOf(exchange);
    const player = stream === undefined ? '' : viewerKey(session, from(), exchange.headers['user-agent']);
    const stopWaiting = stream === undefined ? undefined : viewers.waits(stream, player);
    let reply: Reply;
    try {
      const made = answer(address, new URLSearchParams(target.query), { signal, budget, isExempt });
      reply = made instanceof Promise ? await this.waitLimiter.wait(made, from(), signal) : made;
    } finally {
      leave();
      stopWaiting?.();
    }
    if (stream !== undefined) {
      viewers.seen(stream, player, session === undefined && includesStart(exchange) ? address : undefined);
    }
    return reply;
  }

  /** The time for typed times, ms since 1970: viewers who see a stream later have a later `now`. */
  #nowMsFor({ stream }: MediaAddress, isExempt: boolean): number {
    const nowMs = this.#deps.clock.nowMs();
    const rules = stream === undefined || isExempt ? undefined : this.#deps.streams.pastRulesOf(stream);
    return nowMs - (rules?.delayMs ?? 0);
  }

  /** The budget of the request; undefined where it costs nothing that is counted. */
  #budgetOf({ exchange, target, isPrivate }: Admitted): WorkBudget | undefined {
    const { address, token } = target;
    if (mediaClassOf(address) !== 'clip' || address.kind === 'unknown') return undefined;
    // The authorization server is not called for streams that are open to all: a token proves nothing there.
    const isAuthorized = isPrivate || (token !== undefined && !this.#deps.auth);
    const parts = { deps: this.#deps, authenticator: this.#authenticator };
    return createBudget(exchange, isAuthorized, this.#clientOf(exchange), parts);
  }

  /** The stream that the client of a request watches; undefined: it only looks. */
  #watchedStream({ method }: Exchange, address: MediaAddress): string | undefined {
    if (method !== 'GET' || !WATCHING.has(address.kind)) return undefined;
    return address.stream ?? this.#deps.defaultStream?.();
  }

  #readCmcd({ headers }: Exchange, { address, query }: MediaTarget): string | undefined {
    const { metrics } = this.#deps;
    const cmcd = readCmcd(query, headers);
    if (cmcd) metrics.cmcdRequests.inc({ class: mediaClassOf(address) });
    if (cmcd?.isStarved) metrics.bufferStarvations.inc();
    return cmcd?.session;
  }

  /** What the player of an admitted request says with it, for insight. */
  #noteCmcd(exchange: Exchange, { address, path, query }: MediaTarget): void {
    if (exchange.method !== 'GET' || !(WATCHING.has(address.kind) || assetOf(address) !== undefined)) return;
    const { headers } = exchange;
    this.#deps.viewers.requested(path, {
      cmcd: cmcdTextOf(query, headers),
      address: this.#addressOf(exchange),
      country: this.#countryOf(exchange),
      host: headers.host ?? '',
      isOptedOut: isOptedOut(headers),
    });
  }

  #clientOf(exchange: Exchange): LimitedClient {
    return { address: this.#addressOf(exchange), isLocal: isLocalRequest(exchange) };
  }

  /** The stream of an address; of an asset or a clip the name that its playback tokens are signed for. */
  #nameOf(address: MediaAddress): string | undefined {
    const asset = assetOf(address);
    const clip = clipOf(address);
    if (clip !== undefined) return clipTokenNameOf(clip);
    return asset === undefined ? (address.stream ?? this.#deps.defaultStream?.()) : tokenNameOf(asset);
  }

  /** Fields of every answer to the request, including refusals. */
  #commonFields(exchange: Exchange, { address, token }: MediaTarget): HeadFields {
    return this.#pages.fieldsFor(exchange, { stream: this.#nameOf(address), token });
  }

  /**
   * Applies the rate limits of clips and stills, which are created per request, also for HEAD; small stills
   * are stored. The player of a shared clip requests many ranges: only those with the start of the file
   * count. Of windows, those that are long count by their hours.
   */
  #takeTurn(exchange: Exchange, address: MediaAddress): Readonly<Record<string, string>> {
    const { limits, streams } = this.#deps;
    const kind = mediaClassOf(address);
    const hours = hoursOf(address);
    if (hours === 0 && (address.kind === 'small-still' || (kind !== 'clip' && kind !== 'thumb'))) return {};
    if (address.kind === 'clip-file' && !includesStart(exchange)) return {};
    // A private stream was refused before. One that does not exist costs no turn either, so that they do not
    // differ.
    if (address.stream !== undefined && streams.revision(address.stream) === undefined) return {};
    const client = this.#clientOf(exchange);
    if (hours > 0) return limits.take('windows', client, hours);
    if (kind !== 'clip') return limits.take('stills', client);
    return limits.take(isPreview(address) ? 'previews' : 'clips', client);
  }

  #countEnd(exchange: Exchange, kind: MediaClass): void {
    const { metrics } = this.#deps;
    const startedAt = performance.now();
    exchange.body.once('close', () => {
      metrics.httpRequests.inc({ class: kind, status: exchange.status ?? 499 });
      metrics.httpRequestSeconds.observe({ class: kind }, (performance.now() - startedAt) / 1000);
    });
  }

  #refuse(exchange: Exchange, error: unknown, target: MediaTarget): void {
    const { body, method, headers } = exchange;
    if (body.destroyed && !body.headersSent) return; // the client has disconnected
    const traceId = traceIdOf(headers.traceparent);
    reportProblem(error, `${method} ${target.path}`, traceId, this.#deps);
    if (body.headersSent) {
      exchange.cut();
      return;
    }
    const problem = toProblem(error, traceId);
    const name = this.#nameOf(target.address) ?? '';
    const mayBeKept = problem.body.code === 'gone' && sharingOf(this.#deps.streams, name) === 'all';
    const common = this.#commonFields(exchange, target);
    // Other refusals do not say that there are rules: a private stream must not differ from an unknown one.
    const isByAddress = problem.body.code === 'watch-denied-here';
    sendPlainProblem(exchange, problem, {
      ...(isByAddress ? joinFields(common, { vary: BY_ADDRESS }) : common),
      ...(mayBeKept && { 'cache-control': GONE_CACHING }),
    });
  }
}

/** Whether the request includes the first byte: a player that fetches a segment in ranges is counted once. */
function includesStart({ headers }: Exchange): boolean {
  return headers.range === undefined || headers.range.startsWith('bytes=0-');
}
