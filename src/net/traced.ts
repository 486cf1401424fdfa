/**
 * An HTTP client that sends the trace of one request of a client.
 * In: a client, a `traceparent`. Out: the same client with that header on each request. W3C Trace Context, 3.2.
 */
import type { Net } from './net.ts';

/** @param traceparent undefined: tracing is off, no header is sent */
export function tracedNet(net: Net, traceparent: string | undefined): Net {
  if (traceparent === undefined) return net;
  return {
    fetch: (url, request) => net.fetch(url, { ...request, traceparent }),
    openProxy: (options) => net.openProxy(options),
    resolveHost: (host, port, request) => net.resolveHost(host, port, request),
    get idleConnections() {
      return net.idleConnections;
    },
    close: () => net.close(),
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  };
}
