/**
 * The answer of an authorization server.
 * In: status and body of its answer. Out: a verdict. Pure; docs/3-publish/auth.md.
 */

import { FormatError } from '@oxbow/media/errors';
import { isStreamName } from '../../api/stream/stream-name.ts';
import { parseDuration } from '../../lib/duration.ts';

/** The decision about one client. */
export type AuthVerdict =
  | {
      readonly isAllowed: true;
      /** The stream to publish to instead of the one that the client named. */
      readonly stream: string | undefined;
      /** Whether the stream is recorded; undefined: as it is set. */
      readonly record: boolean | undefined;
    }
  | {
      readonly isAllowed: false;
      /** Why, for the publisher and administrators; may be empty. */
      readonly detail: string;
    };

/** A verdict and how long it holds. */
interface AuthAnswer {
  readonly verdict: AuthVerdict;
  /** Ms; 0: for one question. */
  readonly ttlMs: number;
}

/** Most bytes of an answer. */
export const MAX_ANSWER_BYTES = 16 * 1024;
/** How long an answer without `ttl` holds, ms. */
const USUAL_TTL_MS = { allowed: 60_000, denied: 5000 } as const;
const MAX_TTL_MS = 24 * 3_600_000;
const MAX_DETAIL = 200;

/**
 * Reads an answer.
 *
 * @throws FormatError for any other status than 200, 204, 401 and 403, and for an invalid body of 200
 */
export function parseAuthAnswer(status: number, body: Uint8Array): AuthAnswer {
  switch (status) {
    case 200:
    case 204:
      return parseAllowed(fieldsOf(body));
    case 401:
    case 403:
      return parseDenied(body);
    default:
      throw new FormatError(`HTTP ${status}; 200, 401 or 403 was expected`, 0);
  }
}

function parseAllowed({ stream, record, ttl }: Readonly<Record<string, unknown>>): AuthAnswer {
  if (stream !== undefined && (typeof stream !== 'string' || !isStreamName(stream))) {
    throw new FormatError('`stream` of the answer is not a valid name of a stream', 0);
  }
  if (record !== undefined && typeof record !== 'boolean') {
    throw new FormatError('`record` of the answer is neither true nor false', 0);
  }
  return { verdict: { isAllowed: true, stream, record }, ttlMs: parseTtl(ttl, USUAL_TTL_MS.allowed) };
}

/** The body of a denial is optional: pages of errors are ignored. */
function parseDenied(body: Uint8Array): AuthAnswer {
  try {
    const { detail, ttl } = fieldsOf(body);
    const text = typeof detail === 'string' ? detail.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim() : '';
    return {
      verdict: { isAllowed: false, detail: text.slice(0, MAX_DETAIL) },
      ttlMs: parseTtl(ttl, USUAL_TTL_MS.denied),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { verdict: { isAllowed: false, detail: '' }, ttlMs: USUAL_TTL_MS.denied };
  }
}

function fieldsOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  const text = new TextDecoder().decode(body).trim();
  if (text === '') return {};
  const value = parseJson(text);
  // A web server that answers each address with a page is no authorization server.
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FormatError('the answer is not a JSON object', 0);
  }
  return value as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError('the answer is not JSON', 0);
  }
}

/** Seconds, or a duration as `10m`. */
function parseTtl(ttl: unknown, usualMs: number): number {
  if (ttl === undefined) return usualMs;
  const ms = typeof ttl === 'number' ? ttl * 1000 : typeof ttl === 'string' ? parseDuration(ttl) : Number.NaN;
  if (!Number.isFinite(ms) || ms < 0) throw new FormatError('`ttl` of the answer is not a duration', 0);
  return Math.min(MAX_TTL_MS, ms);
}
