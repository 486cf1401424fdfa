/**
 * One try to bring an event to a webhook.
 * In: a webhook, a body. Out: how it went; never an error but the signal's.
 */
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Net } from '../net/net.ts';
import { sign } from './signature.ts';
import type { Webhook } from './webhook-table.ts';

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

/**
 * Sends a body, signed. Any 2xx is success (Standard Webhooks); redirects are not followed.
 *
 * @param id of the event: the same at each try
 */
export async function sendOnce(
  { net, clock }: { readonly net: Pick<Net, 'fetch'>; readonly clock: Clock },
  { url, secret }: Pick<Webhook, 'url' | 'secret'>,
  id: string,
  body: string,
  { signal }: { signal: AbortSignal },
): Promise<Outcome> {
  const trusted = new URL(url);
  const headers = { 'content-type': 'application/json', ...sign(secret, id, clock.nowMs(), body) };
  const patience = { maxBytes: MAX_ANSWER_BYTES, deadlineMs: DEADLINE_MS, idleMs: DEADLINE_MS };
  try {
    using answer = await net.fetch(trusted, { signal, headers, trusted, post: Buffer.from(body), ...patience });
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
    signal.throwIfAborted();
    return { ok: false, status: null, error: messageOf(error), retryAfterMs: undefined };
  }
}
