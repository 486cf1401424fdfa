/**
 * The trace id that connects log lines, problem documents and traces of one request.
 * In: the `traceparent` header of a request, if any. Out: 32 hexadecimal digits. W3C Trace Context, 3.2.
 */
import { randomBytes } from 'node:crypto';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Parses the trace id of a `traceparent`.
 *
 * @returns 32 hexadecimal digits, or undefined if the header is invalid (the standard says: start a new
 *   trace)
 */
export function parseTraceparent(header: string): string | undefined {
  return parseParentSpan(header)?.traceId;
}

/**
 * The span of the caller that a `traceparent` names: ids in hexadecimal digits, flags as a number (1: the
 * caller keeps the trace).
 */
export function parseParentSpan(
  header: string,
): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number } | undefined {
  if (header.length > 512) return undefined;
  const match = TRACEPARENT.exec(header);
  if (!match || /^0+$/.test(match[1]!) || /^0+$/.test(match[2]!)) return undefined;
  // Version 00 has exactly four fields.
  if (match[4] !== undefined && header.startsWith('00')) return undefined;
  return { traceId: match[1]!, spanId: match[2]!, traceFlags: Number.parseInt(match[3]!, 16) };
}

/** The caller's trace id if valid, otherwise a new random one. */
export function traceIdOf(traceparent: string | string[] | undefined): string {
  const parent = typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined;
  return parent ?? randomBytes(16).toString('hex');
}
