/**
 * Requests to upgrade a connection to WebSocket: those for events, and those that features add.
 * In: requests of node:http. Out: the connection, or the refusal. RFC 9110 7.8; RFC 6455 4.2.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AuthRequest } from '../serve/client/authenticate.ts';
import { refuseOtherHosts } from '../serve/client/host-check.ts';
import type { ConnectionsOptions } from '../serve/connections.ts';
import { pathOf } from '../serve/exchange/exchange.ts';
import { toProblem } from '../serve/exchange/problem.ts';
import { requestSourceOf } from '../serve/exchange/request-source.ts';
import type { OtherNodes } from '../serve/other-nodes.ts';
import { eventsTarget } from './events/subscriber.ts';

/** Takes over a connection, or refuses. */
export type Upgrade<T> = (request: IncomingMessage, socket: Duplex, head: Buffer, target: T) => void | Promise<void>;

/** WebSockets that a feature adds. */
interface AddedUpgrade {
  /** The object of a path; undefined: no socket of the feature. */
  targetOf(path: string): string | undefined;
  readonly open: Upgrade<string>;
}

/** Returns whether to upgrade a request. All others are answered as if they had not requested an upgrade. */
export function createUpgradeTest(added: readonly Pick<AddedUpgrade, 'targetOf'>[]) {
  return ({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean => {
    if (headers.upgrade?.toLowerCase() !== 'websocket') return false;
    const path = pathOf(url);
    return added.some(({ targetOf }) => targetOf(path) !== undefined) || eventsTarget(path) !== undefined;
  };
}

/** The parts of a request to upgrade that authenticate it. */
export function socketRequestOf(message: IncomingMessage): AuthRequest {
  const { method = '', socket } = message;
  return { ...requestSourceOf(message), method, secure: 'encrypted' in socket };
}

/**
 * Upgrades requests; a refusal is answered as to any other request.
 *
 * @param added of features
 * @param options.others get those of features first; undefined: there are none
 */
export function createUpgrades(
  toEvents: Upgrade<NonNullable<ReturnType<typeof eventsTarget>>>,
  added: readonly AddedUpgrade[],
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
      for (const { targetOf, open } of added) {
        const named = targetOf(path);
        if (named === undefined) continue;
        if (await others?.upgrade(request, socket, head)) return;
        return await open(request, socket, head, named);
      }
      const events = eventsTarget(path);
      if (!events) throw new TypeError('only requests for WebSockets that exist are upgraded');
      await toEvents(request, socket, head, events);
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
