/**
 * One try to bring an event to a webhook.
 * In: a webhook, a body. Out: how it went; never an error but the signal's.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Net, NetRequest } from '../net/net.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import { sign } from './signature.ts';
import type { Webhook } from './webhook-table.ts';

/** What a try is made with. */
export interface SendTools {
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Clock;
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
}

/** How a try went. */
export interface Outcome {
  readonly ok: boolean;
  /** HTTP status; null where there was no answer. */
  readonly status: number | null;
  /** Empty where all went well. */
  readonly error: string;
  /** When the other side wants to be asked again, ms from now. */
  readonly retryAfterMs: number | undefined;
}

const DEADLINE_MS = 10_000;
/** What an answer says is not read; one that is longer is cut off. */
const MAX_ANSWER_BYTES = 64 * 1024;
const LONGEST_RETRY_MS = 3_600_000;
const bounds = { maxBytes: MAX_ANSWER_BYTES, deadlineMs: DEADLINE_MS, idleMs: DEADLINE_MS };

/**
 * Sends a body, signed. Any 2xx is success (Standard Webhooks); redirects are not followed. Where tracing is on, the try is a span, and
 * the other side is told which.
 *
 * @param id of the event: the same at each try
 * @param options.traceparent of the request that asked for it; without one, all tries of an event, to every webhook, are one trace
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
  const ask = { signal, headers, trusted, post: Buffer.from(body), traceparent: span?.traceparent, ...bounds };
  const outcome = await answerOf(net, trusted, ask);
  const { status, error } = outcome;
  telemetry?.ended({
    kind: 'webhook',
    name: 'POST',
    tookMs: clock.monotonicMs() - startedMs,
    span,
    traceparent,
    attributes: { 'server.address': trusted.host, ...(status !== null && { 'http.response.status_code': status }) },
    error: error === '' ? undefined : error,
  });
  return outcome;
}

async function answerOf(net: SendTools['net'], url: URL, request: NetRequest): Promise<Outcome> {
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
    return { ok: false, status: null, error: messageOf(error), retryAfterMs: undefined };
  }
}
