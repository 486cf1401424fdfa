/**
 * Checks that events pass a proxy: server-sent events at once, and WebSockets, which rooms need.
 * In: a public server. Out: findings.
 */
import { messageOf } from '../../../lib/errors.ts';
import { type Finding, failed, ok } from '../finding.ts';
import type { PublicServer } from './public-server.ts';

const PATH = '/api/v1/events';
/** The first event comes at once, ms. */
const FIRST_MS = 5000;

const isReady = (text: string): boolean => text.includes('events.ready');

/** Checks server-sent events: the first one must come although the answer does not end. */
export async function checkEvents(
  server: Pick<PublicServer, 'ask'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Finding> {
  const name = 'server-sent events';
  const hint = 'Switch off buffering for text/event-stream, and compression of it.';
  try {
    const headers = { accept: 'text/event-stream' };
    const { status, text, ms } = await server.ask(PATH, { signal, headers, timeoutMs: FIRST_MS, isEnough: isReady });
    if (status === 200 && isReady(text)) return ok(name, `the first one came after ${Math.round(ms)} ms`);
    return failed(name, `HTTP ${status}, without an event`, 'Let the proxy forward every path unchanged.');
  } catch (error) {
    signal.throwIfAborted();
    return failed(name, `none came: ${messageOf(error)}`, hint);
  }
}

/** Checks that a request for a WebSocket is upgraded, and that its first message comes. */
export async function checkSocket(
  server: Pick<PublicServer, 'openSocket'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Finding> {
  const name = 'WebSocket';
  const hint = 'Let the proxy forward Upgrade and Connection over HTTP/1.1: rooms need it.';
  try {
    const { status, text, ms } = await server.openSocket(PATH, { signal, timeoutMs: FIRST_MS, isEnough: isReady });
    if (status === 101 && isReady(text)) return ok(name, `opened, with a message after ${Math.round(ms)} ms`);
    return failed(
      name,
      status === 101 ? 'opened, but it ended without a message' : `refused with HTTP ${status}`,
      hint,
    );
  } catch (error) {
    signal.throwIfAborted();
    return failed(name, `it does not open: ${messageOf(error)}`, hint);
  }
}
