/**
 * Lines of JSON as a response that stays open.
 * In: a source of lines. Out: a body that lasts until either side ends it; `application/x-ndjson`.
 */
import { Readable } from 'node:stream';

/** Where lines are sent. */
interface JsonLines {
  send(line: object): void;
  /** Ends the response. */
  end(): void;
}

/** Begins to send lines; returns how to stop. */
export type OpenLines = (lines: JsonLines) => () => void;

/** A line without content is sent at this interval, ms: both sides notice a lost connection. */
const IDLE_MS = 2500;
/** A client that leaves this many bytes unread is disconnected. */
const MAX_UNREAD = 1024 * 1024;

/** Header fields of the answer. */
export const lineHeaders = {
  'content-type': 'application/x-ndjson',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no', // keeps proxies from buffering
} as const;

/**
 * The lines as a body; destroying it stops them.
 *
 * @throws OxbowError as `open`
 */
export function openJsonLines(open: OpenLines): Readable {
  let close = () => {};
  const body = new Readable({
    read() {},
    destroy(error, done) {
      clearInterval(idle);
      close();
      done(error);
    },
  });
  const send = (line: object) => {
    if (body.destroyed || body.readableEnded) return;
    if (body.readableLength > MAX_UNREAD) body.destroy();
    else body.push(`${JSON.stringify(line)}\n`);
  };
  const idle = setInterval(() => send({ type: 'idle' }), IDLE_MS);
  send({ type: 'idle' });
  try {
    close = open({
      send,
      end() {
        clearInterval(idle);
        if (!body.destroyed) body.push(null);
      },
    });
  } catch (error) {
    clearInterval(idle);
    throw error;
  }
  return body;
}
