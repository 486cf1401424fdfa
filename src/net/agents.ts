/**
 * Keep-alive connections, within bounds.
 * In: requests. Out: sockets. A connection to a trusted host is never used for a request that is not
 * trusted: the two have separate agents.
 */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { http, https } from '../lib/memory/node-http.ts';

/** Most connections that wait for a request: of all hosts, and of one; most connections to one host. */
export const MAX_IDLE = 100;
export const MAX_IDLE_PER_HOST = 10;
export const MAX_PER_HOST = 256;
const IDLE_MS = 90_000;
/** Most bytes of one read from a socket. */
const READ_BYTES = 64 * 1024;

/**
 * Reads all plain connections into one buffer: Node would allocate 64 KiB for each read, of which the parser
 * of HTTP copies the body. When the event ends, the parser has read the bytes. A socket that keeps them,
 * because it is paused or waits for a request, gets a copy. TLS may deliver bytes within a write, so it has
 * buffers of Node.
 */
function readIntoOne() {
  const buffer = new Uint8Array(READ_BYTES);
  return {
    onread: {
      buffer,
      callback(this: Socket, length: number): boolean {
        const isPassedOn = this.readableFlowing && this.readableLength === 0 && this.listenerCount('data') > 0;
        if (!isPassedOn) return this.push(Buffer.from(buffer.subarray(0, length)));
        this.emit('data', Buffer.from(buffer.buffer, 0, length));
        return true;
      },
    },
  };
}

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
 * @param idleElsewhere idle connections of another client, which count too
 */
export function createAgents(maxPerHost?: number, idleElsewhere: () => number = () => 0): Agents {
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
    const mayKeep = () => idle() + idleElsewhere() < MAX_IDLE;
    agent.keepSocketAlive = ((socket: Duplex) => mayKeep() && keep.call(agent, socket)) as never;
    created.push(agent);
    return agent;
  };
  const reading = readIntoOne();
  const plainOptions = Object.assign({}, options, reading);
  const plain = { guarded: add(new http.Agent(plainOptions)), trusted: add(new http.Agent(plainOptions)) };
  const tls = { guarded: add(new https.Agent(options)), trusted: add(new https.Agent(options)) };
  const once = { maxSockets: maxPerHost ?? MAX_PER_HOST } as const;
  const unkept = { plain: new http.Agent(Object.assign({}, once, reading)), tls: new https.Agent(once) };
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
