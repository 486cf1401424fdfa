/**
 * Listens on the port of a server that is about to end, so that no client is refused in between: its
 * connections wait for the server of this process. Sockets that share a port share its new connections.
 * socket(7), SO_REUSEPORT.
 * In: the endpoint of the other server. Out: connections, held until they are taken.
 */
import { createServer, type Socket } from 'node:net';
import type { Endpoint } from '../config/address.ts';
import { type Listeners, openListener, openListeners } from './hot/listeners.ts';

/** More connections than this are closed while they wait: clients connect again. */
const MAX_HELD = 10_000;

/** A port whose connections wait. Disposing closes it, unless a server has taken it. */
export interface ClaimedPort extends AsyncDisposable {
  readonly port: number;
  /**
   * Gives the port to a server, which closes it; its connections still wait. Called once.
   *
   * @param begun called by `begin`, after the connections that waited
   */
  take(open: (socket: Socket) => void, begun?: () => void): Listeners;
  /** Passes on the connections that wait, and all later ones. Called once, after `take`. */
  begin(): void;
}

/**
 * Opens the port next to the server that has it, or takes a socket that listens already.
 *
 * @param where with the port of that server, not 0
 * @param options.isPaused whether the connections are not read, to be passed to another process; false by
 *   default
 * @throws the system's error if another program has the port
 */
export async function claimPort(
  where: Endpoint | { readonly fd: number },
  { isPaused = false }: { readonly isPaused?: boolean } = {},
): Promise<ClaimedPort> {
  let taker: ((socket: Socket) => void) | undefined;
  let onBegun: (() => void) | undefined;
  let hasBegun = false;
  const held = new Set<Socket>();
  const drop = (socket: Socket) => {
    held.delete(socket);
    socket.destroy();
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: isPaused }, (socket) => {
    if (hasBegun) return taker?.(socket);
    if (held.size >= MAX_HELD) return void socket.destroy();
    held.add(socket);
    socket.once('error', () => drop(socket));
  });
  const listeners =
    'fd' in where
      ? await openListener(server, where)
      : await openListeners(server, where, { isShared: true, isPaused });
  const close = async () => {
    for (const socket of held) drop(socket);
    await listeners.close();
  };
  return {
    port: listeners.port,
    take(open, begun) {
      taker = open;
      onBegun = begun;
      return { ...listeners, close };
    },
    begin() {
      hasBegun = true;
      for (const socket of held) {
        socket.removeAllListeners('error');
        if (!socket.destroyed) taker?.(socket);
      }
      held.clear();
      onBegun?.();
    },
    async [Symbol.asyncDispose]() {
      if (!taker) await close();
    },
  };
}
