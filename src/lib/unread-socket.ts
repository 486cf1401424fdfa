/**
 * Moves a connection to a socket that does not read: its bytes wait in the system for the process or the code
 * that reads next.
 * In: a socket. Out: another one with the same connection.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';

/**
 * The given socket is not used any more. Node begins to read a socket that comes from another process before
 * it is emitted, so call this in the same turn.
 *
 * @returns undefined if the connection has ended
 */
export function unreadSocket(socket: Socket): Socket | undefined {
  const inner = socket as unknown as { _handle: unknown };
  const handle = inner._handle;
  inner._handle = null;
  socket.destroy();
  if (!handle) return undefined;
  return new Socket({
    handle,
    pauseOnCreate: true,
    readable: true,
    writable: true,
  } as unknown as SocketConstructorOpts);
}
