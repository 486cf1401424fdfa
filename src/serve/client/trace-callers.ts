/**
 * Whose `traceparent` counts: a stranger who names a trace decides whether it is sampled, and can write into
 * the traces of others.
 * In: header fields of requests, after the check of the signatures of nodes. Out: the same without those that
 * do not count. W3C Trace Context, 3.3.
 */
import type { RequestSource } from '../exchange/request-source.ts';
import { createProxyCheck } from './client-address.ts';

/**
 * Callers whose trace is continued: of anyone, of trusted proxies and nodes, only of nodes of the cluster.
 */
export type TraceCallers = 'any' | 'proxies' | 'nodes';

/**
 * Creates the filter that removes the trace context of all other callers from the header fields; undefined:
 * each counts.
 *
 * @param trusted networks and addresses of proxies, such as edges
 */
export function createTraceFilter(
  callers: TraceCallers,
  trusted: readonly string[],
): ((request: RequestSource) => void) | undefined {
  if (callers === 'any') return undefined;
  const isProxy = callers === 'proxies' ? createProxyCheck(trusted) : () => false;
  return ({ headers, remoteAddress, sender }) => {
    if (sender || isProxy(remoteAddress)) return;
    delete headers.traceparent;
    delete headers.tracestate;
  };
}
