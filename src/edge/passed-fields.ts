/**
 * The header fields of a request or response that is passed on: fields of one connection are left out and set
 * for the next one.
 * In: fields of node:http. Out: fields for the next server or for the client. Pure. RFC 9110 7.6.1; RFC
 * 9112 6.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { NODE_HEADER } from '../cluster/requests/node-signature.ts';
import { isCountryHeader } from '../config/sections/watch-rules-section.ts';

/**
 * Fields of one connection only (RFC 9110 7.6.1), of one server only (Alt-Svc, RFC 7838 2.1), and those that
 * this edge sets itself.
 */
const DROPPED: ReadonlySet<string> = new Set([
  ...[
    'connection',
    'keep-alive',
    'transfer-encoding',
    'te',
    'trailer',
    'upgrade',
    'proxy-connection',
    'http2-settings',
    'alt-svc',
  ],
  ...['host', 'expect', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', NODE_HEADER],
]);

/** Fields without those of the connection. */
export function passedFields(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = new Set(
    String(headers.connection ?? '')
      .split(',')
      .map((option) => option.trim().toLowerCase()),
  );
  const kept = Object.entries(headers).filter(
    ([name, value]) =>
      value !== undefined &&
      !name.startsWith(':') &&
      !DROPPED.has(name) &&
      !named.has(name) &&
      // The next server trusts this one: a client must not say where it is.
      !isCountryHeader(name),
  );
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

/** The length is that of a body which may not be sent. */
export function withoutLength({ 'content-length': _, ...fields }: Record<string, string | string[]>): typeof fields {
  return fields;
}

/**
 * How the body of a request is framed when it is sent on. Without it Node writes the body of a GET or DELETE
 * that came in chunks as it is, and the next server takes it for another request. RFC 9112 6.
 */
export function framingOf(request: IncomingMessage): Readonly<Record<string, string>> {
  const { headers } = request;
  const length = headers['content-length'];
  if (length !== undefined) return { 'content-length': length };
  const { stream } = request as { stream?: { readonly endAfterHeaders: boolean } }; // of HTTP/2
  const hasBody = stream ? !stream.endAfterHeaders : headers['transfer-encoding'] !== undefined;
  return hasBody ? { 'transfer-encoding': 'chunked' } : {};
}

/** Prints the head of a response. @param more replace fields of it */
export function printHead(
  { statusCode, statusMessage, headers }: IncomingMessage,
  more: Readonly<Record<string, string>>,
): string {
  const fields = Object.entries({ ...passedFields(headers), ...more }).flatMap(([name, value]) =>
    [value].flat().map((item) => `${name}: ${item}\r\n`),
  );
  return `HTTP/1.1 ${statusCode} ${statusMessage ?? ''}\r\n${fields.join('')}\r\n`;
}
