/**
 * HTTP clients whose requests belong to something in traces: to the request of a client, or to a stream.
 * In: a client. Out: the same client, each request with a `traceparent` or a subject. W3C Trace Context, 3.2.
 */
import type { FetchSubject, Net, NetRequest } from './net.ts';

/** @param traceparent undefined: tracing is off, no header is sent */
export function tracedNet(net: Net, traceparent: string | undefined): Net {
  return traceparent === undefined ? net : netWith(net, { traceparent });
}

/** The client of a stream's source. Its servers get no `traceparent`: they belong to others. */
export function netAbout(net: Net, about: FetchSubject): Net {
  return netWith(net, { about });
}

function netWith(net: Net, more: Pick<NetRequest, 'traceparent' | 'about'>): Net {
  return {
    fetch: (url, request) => net.fetch(url, { ...request, ...more }),
    openProxy: (options) => net.openProxy(options),
    resolveHost: (host, port, request) => net.resolveHost(host, port, request),
    get idleConnections() {
      return net.idleConnections;
    },
    close: () => net.close(),
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  };
}
