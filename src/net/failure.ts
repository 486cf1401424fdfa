/**
 * Errors of outgoing requests, with a flag whether a retry may help.
 * In: errors of node:http, zlib or the resolver. Out: OxbowError `address-refused` or `source-failed`.
 */
import { publicPath } from '../config/public-address.ts';
import { messageOf, OxbowError, sentenceOf } from '../lib/errors.ts';

/** Why a request failed; `extra.reason` of the error. */
export type NetReason =
  | 'address'
  | 'url'
  | 'redirects'
  | 'too-large'
  | 'encoding'
  | 'deadline'
  | 'idle'
  | 'slow'
  | 'resolve'
  | 'tls'
  | 'connection';

const retryable: ReadonlySet<NetReason> = new Set(['deadline', 'idle', 'slow', 'resolve', 'connection']);

/**
 * A failed request.
 *
 * @param detail for users, without secrets
 */
export function netFailure(reason: NetReason, detail: string, cause?: unknown): OxbowError {
  const code = reason === 'address' || reason === 'url' ? 'address-refused' : 'source-failed';
  return new OxbowError(code, detail, {
    ...(cause !== undefined && { cause }),
    extra: { reason, retryable: retryable.has(reason) },
  });
}

/** Whether the same request may succeed later. */
export function isRetryable(error: unknown): boolean {
  return error instanceof OxbowError && error.extra.retryable === true;
}

/**
 * A URL for messages and logs: without user name, password, query, fragment, and what may be a key in its
 * path.
 */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${publicPath(url.pathname)}`.slice(0, 200);
}

/**
 * Converts an error of a socket, the resolver or a decoder; returns an OxbowError unchanged.
 */
export function toNetFailure(error: unknown, url: URL): OxbowError {
  if (error instanceof OxbowError) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  const sentence = `${shownUrl(url)}: ${sentenceOf(messageOf(error) || code)}`;
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    return netFailure('resolve', `The name ${url.hostname} cannot be resolved (${code}).`, error);
  }
  if (code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('_SIGNATURE') || code === 'EPROTO') {
    return netFailure('tls', sentence, error);
  }
  if (code.startsWith('Z_') || code.startsWith('ERR_BROTLI') || code.startsWith('ERR__ERROR_FORMAT')) {
    return netFailure('encoding', sentence, error);
  }
  if (code.startsWith('ERR_INVALID') || code.startsWith('ERR_UNESCAPED')) return netFailure('url', sentence, error);
  if (code === 'ECONNREFUSED') return netFailure('connection', `${url.host} refuses connections.`, error);
  return netFailure('connection', sentence, error);
}
