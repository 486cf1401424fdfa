/**
 * Events over WebSocket, at the same address as over SSE and as the same JSON, a message each.
 * In: requests to upgrade. Out: connections until either side ends them. RFC 6455; close codes 7.4: 1001 oxbow ends, 4008 too slow,
 * 4001 and 4003 the right has ended (as 401 and 403 over HTTP).
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { toProblem } from '../api/problem.ts';
import { pathOf } from '../media/exchange.ts';
import { type EventFilter, type EventSubscriber, readFilter } from './event-filter.ts';
import type { EndOfListening, EventListeners } from './listeners.ts';
import { eventsTarget } from './subscriber.ts';

/** A message from a listener is not awaited and not read; it may have this many bytes. */
const MAX_MESSAGE = 1024;
/** No more than this goes to a socket before it has taken some, bytes. */
const MAX_BUFFERED = 64 * 1024;
/** A socket that does not close itself is cut off after this, ms. */
const CLOSE_WITHIN_MS = 2000;

const endings: Readonly<Record<EndOfListening, readonly [code: number, reason: string]>> = {
  ending: [1001, 'oxbow is ending; come back with ?after='],
  'too-slow': [4008, 'too slow; come back with ?after='],
  'watch-expired': [4003, 'watch-expired: the right to watch that the link gave has ended'],
  'watch-refused': [4003, 'watch-refused: the right to watch was taken back'],
  unauthorized: [4001, 'unauthorized: the session or the token has ended'],
};

/** Whether a request is to be taken over: all others are answered as if they had not asked for it. */
export function wantsEvents({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && eventsTarget(pathOf(url)) !== undefined;
}

/**
 * Takes over requests to upgrade.
 *
 * @param subscriberOf who asks, by the right to watch in front of the path or by header; may refuse
 */
export function createEventSockets(
  listeners: EventListeners,
  subscriberOf: (request: IncomingMessage, token: string | undefined, filter: EventFilter) => EventSubscriber,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE });
  return (request, socket, head) => {
    socket.on('error', () => {}); // its close is what counts
    try {
      const target = eventsTarget(pathOf(request.url ?? ''));
      if (!target) throw new TypeError('only requests that want events are taken over');
      const query = Object.fromEntries(new URL(target.path, 'http://oxbow').searchParams);
      const filter = readFilter(query, undefined);
      const subscriber = subscriberOf(request, target.token, filter);
      server.handleUpgrade(request, socket, head, (webSocket) => speak(webSocket, listeners, filter, subscriber));
    } catch (error) {
      refuse(socket, error);
    }
  };
}

function speak(
  socket: WebSocket,
  listeners: EventListeners,
  filter: Parameters<EventListeners['add']>[0],
  subscriber: EventSubscriber,
): void {
  let isAlive = true;
  socket.on('error', () => {}); // its close is what counts
  socket.on('pong', () => {
    isAlive = true;
  });
  const close = (why: EndOfListening) => {
    socket.close(...endings[why]);
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
        ring: pump,
        beat() {
          if (!isAlive) return socket.terminate();
          isAlive = false;
          socket.ping();
        },
        end: close,
      };
    });
    socket.once('close', leave);
  } catch {
    // Full, or ending: the sockets that are open already say which.
    socket.close(1013, 'come back later');
  }
}

/** An answer by hand: the request was taken from the server that would have written it. */
function refuse(socket: Duplex, error: unknown): void {
  const { status, headers, body } = toProblem(error, '');
  const text = JSON.stringify(body);
  const fields = { ...headers, connection: 'close', 'content-length': String(Buffer.byteLength(text)) };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${body.title}\r\n${head.join('')}\r\n${text}`);
}
