/**
 * Remembers which requests another node of the cluster has signed. Their sender counts as a trusted proxy,
 * whatever its address is.
 * In: header fields of checked requests. Out: yes or no, by the same object. docs/decisions/0055.
 */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Header fields of requests from nodes, with the hash of the body. A client cannot get into it: only the
 * check of a signature adds.
 */
const signed = new WeakMap<IncomingHttpHeaders, string | undefined>();

/** Remembers that another node has signed the request with these fields. @param bodyHash see NodeSender */
export function markFromNode(headers: IncomingHttpHeaders, bodyHash?: string): void {
  signed.set(headers, bodyHash);
}

/**
 * Hash of the body that another node has signed: who reads the body compares it first. Undefined: there is
 * nothing to compare.
 */
export function signedBodyHash(headers: IncomingHttpHeaders): string | undefined {
  return signed.get(headers);
}

/** Whether another node has signed the request with these fields. */
export function isFromNode(headers: IncomingHttpHeaders): boolean {
  return signed.has(headers);
}

/** A part of the header fields of a request, from the same sender. */
export function partOf(headers: IncomingHttpHeaders, names: readonly string[]): IncomingHttpHeaders {
  const part: IncomingHttpHeaders = {};
  for (const name of names) if (headers[name] !== undefined) part[name] = headers[name];
  if (isFromNode(headers)) markFromNode(part);
  return part;
}
