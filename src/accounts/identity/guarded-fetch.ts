/**
 * The requests of openid-client through the guarded client: checked addresses, time and size limits.
 * In: requests of the library. Out: replies as the library expects them. docs/architecture.md,
 * Outgoing requests.
 */
import type { CustomFetch } from 'openid-client';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';

/** Largest reply: a JWK Set, or a person. */
const MAX_BYTES = 512 * 1024;
/** Of one request, ms. */
export const IDENTITY_TIMEOUT_MS = 10_000;

/** Where requests go. */
export interface GuardedFetchOptions {
  readonly net: Pick<Net, 'fetch'>;
  /**
   * Address of the service in the settings: its host may be private. Other private hosts need `net.allow`.
   */
  readonly trusted: URL;
  /** Ends requests. */
  readonly signal: AbortSignal;
}

/** Creates the function. It rejects as `Net.fetch` does. */
export function createGuardedFetch({ net, trusted, signal }: GuardedFetchOptions): CustomFetch {
  return async (url, { method, headers, body, signal: ending }) => {
    if (method !== 'GET' && method !== 'POST') throw new TypeError(`${method} is not supported`);
    const { 'user-agent': _, ...fields } = lowered(headers);
    using answer = await net.fetch(url, {
      trusted,
      headers: fields,
      home: new URL(url),
      signal: ending ? AbortSignal.any([signal, ending]) : signal,
      maxBytes: MAX_BYTES,
      deadlineMs: IDENTITY_TIMEOUT_MS,
      idleMs: IDENTITY_TIMEOUT_MS,
      ...(method === 'POST' && { post: bytesOf(body) }),
    });
    const bytes = await answer.body();
    const type = answer.headers['content-type'];
    const challenge = answer.headers['www-authenticate'];
    return new Response(answer.status === 204 || answer.status === 304 ? null : Buffer.from(bytes), {
      status: answer.status,
      headers: { ...(type && { 'content-type': type }), ...(challenge && { 'www-authenticate': challenge }) },
    });
  };
}

/**
 * The refusal of a failed exchange with a service: `identity-unavailable` if it could not be reached or
 * answered nonsense, otherwise `identity-refused`.
 */
export function toIdentityError(error: unknown, name: string): OxbowError {
  if (error instanceof OxbowError && error.code.startsWith('identity-')) return error;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const isTimeout = cause.name === 'TimeoutError' || cause.name === 'AbortError';
    if ((cause instanceof OxbowError && cause.code !== 'identity-refused') || isTimeout || isServerFault(cause)) {
      return new OxbowError('identity-unavailable', `${name} did not answer as expected.`, { cause: error });
    }
  }
  return new OxbowError('identity-refused', `${name} did not confirm the sign-in.`, { cause: error });
}

/** A page of an error in place of an answer. */
function isServerFault(error: Error): boolean {
  const { code, cause } = error as Error & { code?: unknown };
  return (
    (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' || code === 'OAUTH_RESPONSE_IS_NOT_JSON') &&
    cause instanceof Response &&
    cause.status >= 500
  );
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(body === null || body === undefined ? '' : String(body as URLSearchParams | string));
}
