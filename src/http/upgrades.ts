/**
 * Requests to upgrade a connection to WebSocket: those for events and for rooms.
 * In: requests of node:http. Out: the connection, or the refusal. RFC 9110 7.8; RFC 6455 4.2.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseOtherHosts } from '../serve/client/host-check.ts';
import type { ConnectionsOptions } from '../serve/connections.ts';
import { pathOf } from '../serve/exchange/exchange.ts';
import { toProblem } from '../serve/exchange/problem.ts';
import { requestSourceOf } from '../serve/exchange/request-source.ts';
import type { OtherNodes } from '../serve/other-nodes.ts';
import { eventsTarget } from './events/subscriber.ts';
import { roomTarget } from './rooms/room-target.ts';

/** Takes over a connection, or refuses. */
export type Upgrade<T> = (request: IncomingMessage, socket: Duplex, head: Buffer, target: T) => void | Promise<void>;

/** Whether to upgrade a request. All others are answered as if they had not requested an upgrade. */
export function wantsUpgrade({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return false;
  const path = pathOf(url);
  return roomTarget(path) !== undefined || eventsTarget(path) !== undefined;
}

/**
 * Upgrades requests; a refusal is answered as to any other request.
 *
 * @param options.others asked first about rooms; undefined: there are none
 */
export function createUpgrades(
  toEvents: Upgrade<NonNullable<ReturnType<typeof eventsTarget>>>,
  toRoom: Upgrade<string>,
  {
    ownHosts,
    others,
    recognise,
  }: Pick<ConnectionsOptions, 'ownHosts' | 'recognise'> & {
    readonly others: OtherNodes | undefined;
  },
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    socket.on('error', () => {}); // its close is what counts
    try {
      const { method = '', url: target = '', headers } = request;
      request.nodeSender = recognise?.({
        method,
        target,
        headers,
        remoteAddress: request.socket.remoteAddress ?? '',
      });
      refuseOtherHosts(ownHosts, requestSourceOf(request));
      const path = pathOf(target);
      const room = roomTarget(path);
      const events = eventsTarget(path);
      if (room !== undefined && (await others?.upgrade(request, socket, head))) return;
      if (room !== undefined) await toRoom(request, socket, head, room);
      else if (events) await toEvents(request, socket, head, events);
      else throw new TypeError('only requests for events and rooms are upgraded');
    } catch (error) {
      refuse(socket, error);
    }
  };
  return (request, socket, head) => void upgrade(request, socket, head);
}

/** Writes the answer itself: node:http has already handed over the socket. */
function refuse(socket: Duplex, error: unknown): void {
  const { status, headers, body } = toProblem(error, '');
  const text = JSON.stringify(body);
  const fields = { ...headers, connection: 'close', 'content-length': String(Buffer.byteLength(text)) };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${body.title}\r\n${head.join('')}\r\n${text}`);
}
