/**
 * Sends an event to a webhook, once.
 * In: a webhook, a body. Out: the outcome. Throws only if the signal aborts.
 */
import { createHash } from 'node:crypto';
import { shownHook } from '../config/public-address.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { type Net, type NetRequest, portOf, shownUrl } from '../net/net.ts';
import type { Telemetry } from '../observe/traces/telemetry.ts';
import { sign } from './signature.ts';
import type { Webhook } from './webhook-table.ts';

/** Dependencies of `sendOnce`. */
export interface SendTools {
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Clock;
  /** Records a span for each attempt. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
}

/** The outcome of an attempt. */
export interface Outcome {
  readonly ok: boolean;
  /** HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** Empty after success. */
  readonly error: string;
  /** Retry-After of the answer, ms. */
  readonly retryAfterMs: number | undefined;
}

const DEADLINE_MS = 10_000;
/** Longest body of an answer, bytes; it is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;
const LONGEST_RETRY_MS = 3_600_000;
const bounds = { maxBytes: MAX_ANSWER_BYTES, deadlineMs: DEADLINE_MS, idleMs: DEADLINE_MS };

/**
 * Sends a signed body. Any 2xx is success (Standard Webhooks); redirects are not followed. With tracing on,
 * the attempt is a span, and the request has its `traceparent`.
 *
 * @param id of the event: the same for each attempt
 * @param options.traceparent of the request that caused it; without, all attempts of an event, to every
 *   webhook, are one trace
 */
export async function sendOnce(
  { net, clock, telemetry }: SendTools,
  { url, secret }: Pick<Webhook, 'url' | 'secret'>,
  id: string,
  body: string,
  { signal, traceparent }: { signal: AbortSignal; traceparent?: string | undefined },
): Promise<Outcome> {
  const trusted = new URL(url);
  const span = telemetry?.begin({ traceId: createHash('sha256').update(id).digest('hex').slice(0, 32), traceparent });
  const headers = { 'content-type': 'application/json', ...sign(secret, id, clock.nowMs(), body) };
  const startedMs = clock.monotonicMs();
  const request = { signal, headers, trusted, post: Buffer.from(body), traceparent: span?.traceparent, ...bounds };
  const outcome = await send(net, trusted, request);
  const { status, error } = outcome;
  telemetry?.ended({
    kind: 'webhook',
    name: 'send webhook',
    tookMs: clock.monotonicMs() - startedMs,
    span,
    traceparent,
    attributes: {
      'messaging.system': 'oxbow',
      'messaging.operation.type': 'send',
      'messaging.message.id': id,
      'http.request.method': 'POST',
      'url.full': shownHook(url),
      'server.address': trusted.hostname,
      'server.port': portOf(trusted),
      ...(status !== null && { 'http.response.status_code': status }),
      ...(error !== '' && { 'error.type': status === null ? 'unreachable' : String(status) }),
    },
    error: error === '' ? undefined : error,
  });
  return outcome;
}

async function send(net: SendTools['net'], url: URL, request: NetRequest): Promise<Outcome> {
  try {
    using answer = await net.fetch(url, request);
    const { status } = answer;
    const ok = status >= 200 && status <= 299;
    const after = answer.headers['retry-after'];
    const retryAfterMs = after !== undefined && /^\d{1,6}$/.test(after) ? Number(after) * 1000 : undefined;
    return {
      ok,
      status,
      error: ok ? '' : `HTTP ${status}`,
      retryAfterMs: retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, LONGEST_RETRY_MS),
    };
  } catch (error) {
    request.signal.throwIfAborted();
    // Its path may be a key.
    const shown = messageOf(error).replaceAll(shownUrl(url), () => shownHook(url.href));
    return { ok: false, status: null, error: shown, retryAfterMs: undefined };
  }
}
