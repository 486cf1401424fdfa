/**
 * Events as `text/event-stream`.
 * In: the send queue of a subscriber. Out: a body that lasts until either side ends it. HTML Standard 9.2,
 * Server-sent events.
 */
import { Readable } from 'node:stream';
import type { EventFilter, EventSubscriber } from './event-filter.ts';
import type { EventListeners } from './listeners.ts';
import type { Message } from './send-queue.ts';

/** Browsers reconnect after this, ms. */
const RETRY_MS = 2000;
const MAX_BUFFERED = 16 * 1024;

/** Header fields of the answer. */
export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no', // keeps proxies from buffering
} as const;

/**
 * The events as a body; destroying it unsubscribes.
 *
 * @throws OxbowError as `EventListeners.add`
 */
export function openSse(listeners: EventListeners, filter: EventFilter, subscriber: EventSubscriber): Readable {
  let leave = () => {};
  let pump = () => {};
  const body = new Readable({
    highWaterMark: MAX_BUFFERED,
    read: () => pump(),
    destroy(error, done) {
      leave();
      done(error);
    },
  });
  body.push(`retry: ${RETRY_MS}\n\n`);
  leave = listeners.add(filter, subscriber, (queue) => {
    pump = () => {
      while (body.readableLength < MAX_BUFFERED) {
        const message = queue.take();
        if (!message) return;
        body.push(print(message));
      }
    };
    return {
      flush: () => pump(),
      heartbeat: () => void (body.readableLength === 0 && body.push(': still here\n\n')),
      end(reason) {
        leave();
        if (reason === 'too-slow') body.destroy();
        else body.push(null);
      },
    };
  });
  return body;
}

function print({ id, type, json }: Message): string {
  return `${id === '' ? '' : `id: ${id}\n`}event: ${type}\ndata: ${json}\n\n`;
}
