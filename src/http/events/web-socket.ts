/**
 * Events over WebSocket, at the same address and as the same JSON as over SSE; one message per event.
 * In: requests to upgrade. Out: connections until either side ends them. RFC 6455; close codes 7.4: 1001
 * oxbow stops, 4008 too slow, 4001 and 4003 the permission ended (as 401 and 403 over HTTP).
 */
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { OxbowError } from '../../lib/errors.ts';
import type { Upgrade } from '../upgrades.ts';
import { type EventFilter, type EventSubscriber, readFilter } from './event-filter.ts';
import type { EndReason, EventListeners } from './listeners.ts';

/** Longest message from a client, bytes; messages are ignored. */
const MAX_MESSAGE = 1024;
/** Most bytes buffered in a socket. */
const MAX_BUFFERED = 64 * 1024;
/** A client that does not answer the close frame within this is disconnected, ms. */
const CLOSE_WITHIN_MS = 2000;

const closeFrames: Readonly<Record<EndReason, readonly [code: number, reason: string]>> = {
  ending: [1001, 'oxbow is stopping; reconnect with ?after='],
  'too-slow': [4008, 'too slow; reconnect with ?after='],
  'watch-expired': [4003, 'watch-expired: the playback token of the link has expired'],
  'watch-refused': [4003, 'watch-refused: the playback token was revoked'],
  unauthorized: [4001, 'unauthorized: the session or the token has ended'],
};

/**
 * Upgrades requests for events.
 *
 * @param subscriberOf authorizes the sender, by the playback token of the path or by header; rejects with a
 *   refusal
 */
export function createEventSockets(
  listeners: EventListeners,
  subscriberOf: (request: IncomingMessage, token: string | undefined, filter: EventFilter) => Promise<EventSubscriber>,
): Upgrade<{ readonly path: string; readonly token: string | undefined }> {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE });
  return async (request, socket, head, { path, token }) => {
    const query = Object.fromEntries(new URL(path, 'http://oxbow').searchParams);
    if (query.since !== undefined) {
      throw new OxbowError('bad-request', '`since` answers a page of past events, which a WebSocket does not.', {
        extra: { hint: 'Send `after` with the id of the last event that was received.' },
      });
    }
    const filter = readFilter(query, undefined);
    const subscriber = await subscriberOf(request, token, filter);
    server.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, listeners, filter, subscriber));
  };
}

function serve(socket: WebSocket, listeners: EventListeners, filter: EventFilter, subscriber: EventSubscriber): void {
  let isAlive = true;
  socket.on('error', () => {}); // its close is what counts
  socket.on('pong', () => {
    isAlive = true;
  });
  const close = (reason: EndReason) => {
    socket.close(...closeFrames[reason]);
    const late = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS);
    socket.once('close', () => clearTimeout(late));
  };
  try {
    const leave = listeners.add(filter, subscriber, (queue) => {
      const pump = () => {
        while (socket.readyState === socket.OPEN && socket.bufferedAmount < MAX_BUFFERED) {
          const message = queue.take();
          if (!message) return;
          socket.send(message.json, pump);
        }
      };
      return {
        flush: pump,
        heartbeat() {
          if (!isAlive) return socket.terminate();
          isAlive = false;
          socket.ping();
        },
        end: close,
      };
    });
    socket.once('close', leave);
  } catch {
    // Too many subscribers, or oxbow is stopping.
    socket.close(1013, 'reconnect later');
  }
}
