/**
 * Clients that one process passes to another one, through the supervisor.
 * In: connections, whose bytes the supervisor does not read. Out: the same connections, at the other process.
 */
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { PassedClient, ToProcess } from '../../cluster/processes/process-link.ts';
import { unreadSocket } from '../../lib/unread-socket.ts';

/** Most connections that wait for one process, which may be frozen. */
const MAX_WAITING = 256;

export class PassedClients {
  /** Connections that their process has not received, by process. */
  readonly #waiting = new Map<Pick<ChildProcess, 'once'>, Set<Socket>>();

  /**
   * Passes a client on. Its connection is closed if the process does not run, or is too late.
   *
   * @param handle as it was received; undefined: the client has left
   */
  pass(to: Pick<ChildProcess, 'connected' | 'send' | 'once'> | undefined, client: PassedClient, handle: unknown): void {
    const socket = handle instanceof Socket ? unreadSocket(handle) : undefined;
    if (!socket) return;
    const waiting = to?.connected ? this.#waitingFor(to) : undefined;
    if (!to || !waiting || waiting.size >= MAX_WAITING) return void socket.destroy();
    waiting.add(socket);
    to.send({ t: 'client', client } satisfies ToProcess, socket, (error) => {
      waiting.delete(socket);
      if (error) socket.destroy();
    });
  }

  #waitingFor(to: Pick<ChildProcess, 'once'>): Set<Socket> {
    const known = this.#waiting.get(to);
    if (known) return known;
    const waiting = new Set<Socket>();
    this.#waiting.set(to, waiting);
    to.once('exit', () => {
      this.#waiting.delete(to);
      for (const socket of waiting) socket.destroy();
    });
    return waiting;
  }
}
