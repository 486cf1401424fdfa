/**
 * Keep-alive connections, within bounds.
 * In: requests. Out: sockets. A connection to a trusted host is never used for a request that is not
 * trusted: the two have separate agents.
 */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { http, https } from '../lib/memory/node-http.ts';

const MAX_IDLE = 100;
const MAX_IDLE_PER_HOST = 10;
const MAX_PER_HOST = 256;
const IDLE_MS = 90_000;

/** The agents of one `Net`. */
export interface Agents {
  /** @param options.fresh open a connection that is used once and closed after the reply */
  of(url: URL, trusted: boolean, options?: { fresh?: boolean }): HttpAgent | HttpsAgent;
  /** Connections that wait for a request. */
  idle(): number;
  /** Drops every connection. */
  close(): void;
}

/**
 * Creates four agents (plain and TLS, trusted and not) with a shared bound: 100 idle connections, 10 per
 * host, 90 s; and two without keep-alive.
 *
 * @param maxPerHost most connections to one host. Where it is given, all idle connections may be to that host
 */
export function createAgents(maxPerHost?: number): Agents {
  const created: HttpAgent[] = [];
  const idle = () =>
    created.reduce((sum, agent) => {
      let count = sum;
      for (const name in agent.freeSockets) count += agent.freeSockets[name]?.length ?? 0;
      return count;
    }, 0);
  const options = {
    keepAlive: true,
    scheduling: 'lifo',
    maxSockets: maxPerHost ?? MAX_PER_HOST,
    maxFreeSockets: maxPerHost === undefined ? MAX_IDLE_PER_HOST : MAX_IDLE,
    timeout: IDLE_MS,
  } as const;
  const add = <A extends HttpAgent>(agent: A): A => {
    const keep = agent.keepSocketAlive as unknown as (socket: Duplex) => boolean;
    agent.keepSocketAlive = ((socket: Duplex) => idle() < MAX_IDLE && keep.call(agent, socket)) as never;
    created.push(agent);
    return agent;
  };
  const plain = { guarded: add(new http.Agent(options)), trusted: add(new http.Agent(options)) };
  const tls = { guarded: add(new https.Agent(options)), trusted: add(new https.Agent(options)) };
  const once = { maxSockets: maxPerHost ?? MAX_PER_HOST } as const;
  const unkept = { plain: new http.Agent(once), tls: new https.Agent(once) };
  return {
    of(url, trusted, { fresh = false } = {}) {
      const isTls = url.protocol === 'https:';
      if (fresh) return isTls ? unkept.tls : unkept.plain;
      return (isTls ? tls : plain)[trusted ? 'trusted' : 'guarded'];
    },
    idle,
    close() {
      for (const agent of [...created, unkept.plain, unkept.tls]) agent.destroy();
    },
  };
}
