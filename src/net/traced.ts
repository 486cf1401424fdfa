/**
 * The way out of what one request of a client asks for: the trace it belongs to goes along.
 * In: the way out, a `traceparent`. Out: the same way, with that header on each request. W3C Trace Context, 3.2.
 */
import type { Net } from './net.ts';

/** @param traceparent undefined: tracing is off, and nothing is sent along */
export function tracedNet(net: Net, traceparent: string | undefined): Net {
  if (traceparent === undefined) return net;
  return {
    fetch: (url, request) => net.fetch(url, { ...request, traceparent }),
    openProxy: (options) => net.openProxy(options),
    get idleConnections() {
      return net.idleConnections;
    },
    close: () => net.close(),
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  };
}
