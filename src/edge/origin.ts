/**
 * Requests objects from the origin, and stops for a while when it does not answer.
 * In: targets. Out: responses, within bounds of size and time. RFC 9110 7.6.3; docs/architecture.md,
 * Outgoing requests.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { SignedRequest } from '../cluster/requests/node-signature.ts';
import { SIGN_FIELD } from '../delivery/signed-addresses.ts';
import { CircuitBreaker, doublingPause } from '../lib/breaker/circuit-breaker.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Net, NetResponse } from '../net/net.ts';
import { countryFields } from '../serve/client/client-country.ts';
import { isFailure } from './cache/freshness.ts';

/** Longest answer that is not held, ms. */
const DEADLINE_MS = 30_000;
/** Longest hold of a reload: three of the longest target durations, and time for the answer, ms. */
const HELD_DEADLINE_MS = 75_000;
/** Longest time without a byte, ms. */
const IDLE_MS = 15_000;
/** Of the question whether the origin answers again. */
const PROBE_MS = 5000;
const MAX_PROBE_BYTES = 64 * 1024;
/** Failures in a row after which the origin gets no requests, and for how long, ms. */
const FAILURES = 5;
const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5000;

/** Why the origin is requested. */
export type OriginReason = 'miss' | 'revalidate' | 'prefetch' | 'warm' | 'check';

/** How an object is requested. */
interface OriginRequest {
  /** Path and query, with a token before them or without. */
  readonly target: string;
  /** The origin may hold the answer until media exists. */
  readonly mayHold: boolean;
  /** Of the copy that is here, without quotes. */
  readonly etag?: string | undefined;
  /** Address of the client; undefined for prefetches. */
  readonly clientAddress?: string | undefined;
  /** Country of the client, as its proxy says; undefined: unknown. */
  readonly clientCountry?: string | undefined;
  /** `Via` of the client's request. */
  readonly via?: string | undefined;
}

/** The origin of an edge. */
export interface Origin extends AsyncDisposable {
  readonly url: URL;
  /** Name of this edge in `Via`, different in each process. */
  readonly name: string;
  /** It has not answered lately, and gets no requests now. */
  readonly isDown: boolean;
  /** The error of a client that got no answer: `not-ready`. */
  unanswered(cause?: unknown): OxbowError;
  /**
   * Sends one request. Any status is a response.
   *
   * @throws OxbowError `not-ready` while the origin gets no requests, `source-failed` if it does not answer;
   *   the signal's reason
   */
  ask(request: OriginRequest, options: { readonly signal: AbortSignal }): Promise<NetResponse>;
}

/** Signs a request that is sent once. @returns header fields by which the origin knows the sender */
type SignRequest = (request: SignedRequest) => Readonly<Record<string, string>>;

/** Options of `openOrigin`. */
export interface OriginOptions {
  readonly url: URL;
  readonly net: Net;
  /** Most bytes of an object. */
  readonly maxBytes: number;
  readonly clock: { monotonicMs(): number };
  /** Called when requests to the origin stop or start again. */
  readonly onDown?: (isDown: boolean) => void;
  /** In `Via`; by default a name of this process. */
  readonly name?: string;
  /** Header fields by which the origin knows the sender. */
  readonly sign?: SignRequest;
  /** Header field with the country of a client, in lower case; default: none. */
  readonly countryHeader?: string | undefined;
  /** Whether it is known to be gone: then it gets no requests. */
  readonly isGone?: () => boolean;
  /** See `Origin.unanswered`; by default that of an edge. */
  readonly unanswered?: Origin['unanswered'];
}

/** Opens the connection to an origin; closes `net` with it. */
export function openOrigin({ url, net, maxBytes, clock, onDown, ...options }: OriginOptions): Origin {
  const { countryHeader = '' } = options;
  const { name = `oxbow-edge-${randomBytes(6).toString('hex')}`, isGone = () => false, sign = () => ({}) } = options;
  const unanswered = options.unanswered ?? edgeUnanswered;
  const breaker = new CircuitBreaker({
    nowMs: () => clock.monotonicMs(),
    failures: FAILURES,
    pauseMs: doublingPause(MIN_PAUSE_MS, MAX_PAUSE_MS),
  });
  const report = (isAnswered: boolean) => {
    const wasOpen = breaker.isOpen;
    if (isAnswered) breaker.succeeded();
    else breaker.failed();
    if (breaker.isOpen !== wasOpen) onDown?.(breaker.isOpen);
  };
  const base = url.href.replace(/\/+$/, '');
  const basePath = url.pathname.replace(/\/+$/, '');
  /** A request that the origin may hold says nothing for long: first it must answer a small one. */
  async function probe(signal: AbortSignal): Promise<void> {
    const limits = { maxBytes: MAX_PROBE_BYTES, deadlineMs: PROBE_MS, idleMs: PROBE_MS };
    using response = await net.fetch(`${base}/livez`, {
      signal,
      trusted: url,
      ...limits,
      headers: { via: `1.1 ${name}` },
    });
    report(!isFailure(response.status));
  }
  return {
    url,
    name,
    unanswered,
    get isDown() {
      return isGone() || (breaker.isOpen && breaker.waitMs > 0);
    },
    async ask({ target, mayHold, etag, clientAddress, clientCountry, via }, { signal }) {
      if (isGone() || !breaker.allows()) throw unanswered();
      if (breaker.isOpen) {
        try {
          await probe(signal);
        } catch (error) {
          report(false);
          throw error;
        }
      }
      const deadlineMs = mayHold ? HELD_DEADLINE_MS : DEADLINE_MS;
      try {
        const response = await net.fetch(`${base}${target}`, {
          signal,
          maxBytes,
          deadlineMs,
          idleMs: mayHold ? HELD_DEADLINE_MS : IDLE_MS,
          trusted: url,
          headers: {
            'accept-encoding': 'gzip',
            [SIGN_FIELD]: '?',
            via: [via, `1.1 ${name}`].filter((hop) => hop !== undefined).join(', '),
            ...(etag !== undefined && { 'if-none-match': `"${etag}", "${etag}-gz"` }),
            ...(clientAddress !== undefined && clientAddress !== '' && { 'x-forwarded-for': clientAddress }),
            ...countryFields(countryHeader, clientCountry),
            ...sign({ method: 'GET', target: basePath + target }),
          },
        });
        // A 503 comes from a server that answers: too many wait, or the media is late.
        report(!isFailure(response.status) || response.status === 503);
        return response;
      } catch (error) {
        if (signal.aborted) report(true);
        else report(false);
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => net.close(),
  };
}

/** The error of an edge whose origin does not answer. */
export function edgeUnanswered(cause?: unknown): OxbowError {
  return new OxbowError('not-ready', 'The origin of this edge does not answer.', {
    ...(cause !== undefined && { cause }),
    extra: { retryAfterSeconds: 2 },
  });
}

/** Whether a request has come through this edge already, or through too many (RFC 9110 7.6.3). */
export function isLoop({ via }: Pick<IncomingHttpHeaders, 'via'>, name: string): boolean {
  if (via === undefined) return false;
  const hops = via.split(',');
  return hops.length > MAX_HOPS || hops.some((hop) => hop.trim().split(/\s+/)[1] === name);
}

/** Servers that a request may pass. */
const MAX_HOPS = 16;
