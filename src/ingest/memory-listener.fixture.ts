/**
 * Servers of node:http in this process that are reached without the network, so that no byte takes time.
 * In: a server, connections of any http.Agent to its port. Out: the same HTTP over streams in memory. For
 * tests on virtual time.
 */
import { Agent, type Server } from 'node:http';
import { Duplex } from 'node:stream';

/** Of the servers in memory: ports of the system, on which no program listens. */
const FIRST_PORT = 1;
const servers = new Map<number, Server>();
/** Of `Agent`, while no server is in memory. */
let createConnection: typeof Agent.prototype.createConnection | undefined;

/**
 * One end of a connection. What one end writes, the other one reads; when one closes, the other one reads the
 * end.
 */
class MemorySocket extends Duplex {
  #peer: MemorySocket | undefined;
  /** Ends the write that waits until this end's peer has read. */
  #written: ((error?: Error) => void) | undefined;

  static pair(): readonly [MemorySocket, MemorySocket] {
    const [one, other] = [new MemorySocket(), new MemorySocket()];
    one.#peer = other;
    other.#peer = one;
    return [one, other];
  }

  override _read(): void {
    const peer = this.#peer;
    if (peer) peer.#endWrite();
  }

  override _write(chunk: Uint8Array, _: string, done: (error?: Error) => void): void {
    if (!this.#peer || this.#peer.destroyed) done(brokenPipe());
    else if (this.#peer.push(chunk)) done();
    else this.#written = done;
  }

  override _final(done: () => void): void {
    this.#peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.#peer;
    process.nextTick(() => {
      if (!peer || peer.destroyed) return;
      peer.push(null);
      peer.#endWrite(brokenPipe());
    });
    done(error);
  }

  #endWrite(error?: Error): void {
    const written = this.#written;
    this.#written = undefined;
    written?.(error);
  }

  // What agents call on a socket of the system.
  setTimeout(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
}

/**
 * Lets the agents of this process connect to the server at a port of 127.0.0.1 that no other process can
 * reach, until the server closes.
 *
 * @returns the port
 */
export async function listenInMemory(server: Server): Promise<number> {
  let port = FIRST_PORT;
  while (servers.has(port)) port++;
  servers.set(port, server);
  if (createConnection === undefined) {
    createConnection = Agent.prototype.createConnection;
    Agent.prototype.createConnection = connectInMemory;
  }
  const sockets = new Set<Duplex>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const { closeAllConnections } = server;
  server.closeAllConnections = () => {
    closeAllConnections.call(server);
    for (const socket of sockets) socket.destroy();
  };
  server.once('close', () => {
    servers.delete(port);
    if (servers.size > 0) return;
    Agent.prototype.createConnection = createConnection!;
    createConnection = undefined;
  });
  return port;
}

const connectInMemory: typeof Agent.prototype.createConnection = function (this: Agent, options, callback) {
  const server = servers.get(Number(options.port));
  if (!server) return createConnection!.call(this, options, callback);
  const [client, accepted] = MemorySocket.pair();
  server.emit('connection', accepted);
  return client;
};
