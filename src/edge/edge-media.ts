/**
 * The slow path of an edge for media: ranges, conditions, HEAD, HTTP/2, segments in progress, refusals, and
 * what only the origin answers.
 * In: requests with a media address. Out: answers from the copies, or the origin's. RFC 9110 13 and 14;
 * RFC 9111.
 */
import { type MediaTarget, parseMediaTarget } from '../api/media-address.ts';
import { settle } from '../delivery/live/pending-reply.ts';
import type { Reply } from '../delivery/reply.ts';
import { replyFor, SIGN_FIELD } from '../delivery/signed-addresses.ts';
import { withInstants } from '../delivery/typed-time.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { traceIdOf } from '../observe/traces/trace.ts';
import type { CountryOf } from '../serve/client/client-country.ts';
import { readCmcd } from '../serve/client/cmcd.ts';
import { isFromForeignPage } from '../serve/client/foreign-pages.ts';
import { type Exchange, type HeadFields, pathOf } from '../serve/exchange/exchange.ts';
import { joinFields, MEDIA_METHODS, preflight, sendPlainProblem } from '../serve/exchange/media-answer.ts';
import { toProblem } from '../serve/exchange/problem.ts';
import { representationOf } from '../serve/exchange/representation.ts';
import type { RequestSource } from '../serve/exchange/request-source.ts';
import { sendBlocks, sendMemory } from '../serve/exchange/send.ts';
import type { MediaResponder } from '../serve/media/media.ts';
import type { WaitLimiter } from '../serve/wait-limiter.ts';
import type { EdgeCache } from './cache/edge-cache.ts';
import type { EdgeCounts } from './edge-counts.ts';
import { type EdgeTarget, edgeTargetOf } from './edge-target.ts';
import { isLoop } from './origin.ts';
import type { Passer } from './pass-on.ts';
import { AskAgain, isRefusal, OriginRefusal, PassOn } from './refusal.ts';

/** Look-ups of one request: the answer to another client's token is not for this client. */
const MAX_TRIES = 3;

/** Dependencies of the responder. */
interface EdgeMediaDeps {
  readonly cache: EdgeCache;
  readonly passer: Passer;
  readonly counts: EdgeCounts;
  readonly clock: Clock;
  /** Of this edge, in `Via`. */
  readonly name: string;
  /** Address of a client. */
  readonly addressOf: (request: RequestSource) => string;
  /** Country of a client; undefined: unknown. */
  readonly countryOf: CountryOf;
  /** Fields of every answer. */
  readonly head: HeadFields;
  /** Only this computer can reach the edge: pages of other sites may not read answers. */
  readonly isGuarded: boolean;
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
}

/** An answer of the cache. */
interface Answer {
  readonly reply: Reply;
  readonly isPrivate: boolean;
  readonly bornMs: number;
}

/** The responder. */
export class EdgeMedia implements MediaResponder {
  /** Shared with the hot responder. */
  readonly waitLimiter: WaitLimiter;
  readonly #deps: EdgeMediaDeps;

  constructor(deps: EdgeMediaDeps, waitLimiter: WaitLimiter) {
    this.#deps = deps;
    this.waitLimiter = waitLimiter;
  }

  async respond(exchange: Exchange, target: MediaTarget): Promise<void> {
    try {
      await this.#answer(exchange, target);
    } catch (error) {
      await this.#refuse(exchange, error);
    }
  }

  refuse(exchange: Exchange, reason: unknown): void {
    if (reason instanceof AskAgain) void this.respond(exchange, parseMediaTarget(pathOf(exchange.target))!);
    else void this.#refuse(exchange, reason);
  }

  async #find(exchange: Exchange, target: EdgeTarget, signal: AbortSignal): Promise<Answer> {
    const address = this.#deps.addressOf(exchange);
    const country = this.#deps.countryOf(exchange);
    for (let tries = 1; ; tries++) {
      try {
        const finding = this.#deps.cache.find(target, { address, country, via: exchange.headers.via });
        if ('copy' in finding) {
          const { reply, freshness } = finding.copy;
          return { reply, isPrivate: finding.isPrivate, bornMs: freshness.bornMs };
        }
        const pending = finding.flight.pending(finding.hasToken);
        const reply = await this.waitLimiter.wait(settle(pending, { signal }), address, signal);
        const outcome = finding.flight.outcome!;
        return 'reply' in outcome
          ? { ...outcome, reply }
          : { reply, isPrivate: true, bornMs: this.#deps.clock.nowMs() };
      } catch (error) {
        if (!(error instanceof AskAgain) || tries >= MAX_TRIES) throw error;
      }
    }
  }

  async #send(
    exchange: Exchange,
    { reply: shared, isPrivate, bornMs }: Answer,
    { token, signal }: { readonly token: string | undefined; readonly signal: AbortSignal },
  ): Promise<void> {
    const isHead = exchange.method === 'HEAD';
    const { reply, fields } = replyFor(shared, token, exchange.headers[SIGN_FIELD] !== undefined);
    const { status, headers, body, length } = representationOf(exchange.headers, reply, {
      isHead,
      sharing: isPrivate ? 'some' : 'all',
    });
    const age = Math.max(0, Math.floor((this.#deps.clock.nowMs() - bornMs) / 1000));
    exchange.head(status, { ...joinFields(this.#fieldsFor(exchange), headers), ...fields, age });
    if (isHead || status === 304) exchange.body.end();
    else if (reply.grows) await sendBlocks(exchange, reply.grows({ signal }));
    else {
      sendMemory(exchange, body as readonly Uint8Array[]);
      this.#deps.counts.servedBytes += length;
    }
  }

  async #pass(exchange: Exchange): Promise<void> {
    this.#deps.counts.requests.passed++;
    await this.#deps.passer.exchange(exchange);
  }

  async #answer(exchange: Exchange, { address }: MediaTarget): Promise<void> {
    const { method, headers } = exchange;
    if (isLoop(headers, this.#deps.name))
      throw new OxbowError('edge-loop', 'The request has come through this edge before.');
    const isPosted = address.kind === 'session' || address.kind === 'licence' || address.kind === 'asset-licence';
    if (isPosted && (method === 'POST' || method === 'OPTIONS')) return this.#pass(exchange);
    if (method === 'OPTIONS') {
      exchange.head(204, { ...this.#fieldsFor(exchange), ...preflight, allow: MEDIA_METHODS });
      exchange.body.end();
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      exchange.refuseBody();
      const extra = { allow: MEDIA_METHODS };
      throw new OxbowError('method-not-allowed', `${method} is not supported for media. Use ${MEDIA_METHODS}.`, {
        extra,
      });
    }
    const target = edgeTargetOf(pathOf(exchange.target));
    // A typed time is one in the zone of the origin.
    const isTyped = withInstants(address, this.#deps.clock.nowMs()) !== undefined;
    if (!target || isTyped || headers.authorization !== undefined) return this.#pass(exchange);
    const cmcd = readCmcd(exchange.target.split('?')[1] ?? '', headers);
    if (cmcd) this.#deps.counts.cmcd++;
    if (cmcd?.isStarved) this.#deps.counts.starved++;
    const controller = new AbortController();
    const { signal } = controller;
    const onClose = () => controller.abort(new DOMException('the viewer disconnected', 'AbortError'));
    exchange.body.once('close', onClose);
    const leave = this.waitLimiter.register(controller);
    try {
      await this.#send(exchange, await this.#find(exchange, target, signal), { token: target.token, signal });
    } finally {
      leave();
      exchange.body.off('close', onClose);
    }
  }

  #sendRefusal(exchange: Exchange, { status, fields, body }: OriginRefusal): void {
    this.#deps.counts.requests.refused++;
    exchange.head(status, { ...this.#fieldsFor(exchange), ...fields, 'content-length': body.length });
    exchange.body.end(exchange.method === 'HEAD' ? undefined : body);
  }

  /** Never rejects. */
  async #refuse(exchange: Exchange, reason: unknown): Promise<void> {
    const { body, headers, method } = exchange;
    if (body.destroyed && !body.headersSent) return; // the client has disconnected
    if (!isRefusal(reason)) this.#deps.failed(reason, `${method} ${pathOf(exchange.target).split('?')[0]}`);
    if (body.headersSent) {
      exchange.cut();
      return;
    }
    if (reason instanceof PassOn) {
      await this.#pass(exchange).catch((error) => this.#refuse(exchange, error));
      return;
    }
    if (reason instanceof OriginRefusal) return this.#sendRefusal(exchange, reason);
    this.#deps.counts.requests.refused++;
    sendPlainProblem(exchange, toProblem(reason, traceIdOf(headers.traceparent)), this.#fieldsFor(exchange));
  }

  #fieldsFor({ headers }: Exchange): HeadFields {
    const { isGuarded, head } = this.#deps;
    return isGuarded && isFromForeignPage(headers) ? { vary: 'Origin' } : head;
  }
}
