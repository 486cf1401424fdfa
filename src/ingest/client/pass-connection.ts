/**
 * Passes the connection of a client to the process of this server that has its stream. A connection with TLS
 * ends here: what it carries goes over a connection within this computer, whose other end is passed.
 * In: a connection that is paused, and what was read of it. Out: the connection, at the other process.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { PassedClient, ProcessLink } from '../../cluster/processes/process-link.ts';
import { unreadSocket } from '../../lib/unread-socket.ts';
import { openLocalPair } from './local-pair.ts';

/** What the other process sent last has this long to leave, ms. */
const FLUSH_MS = 2000;

/** Where a connection is passed to. */
export interface PassTarget {
  readonly link: Pick<ProcessLink, 'pass'>;
  /** Name of the process. */
  readonly process: string;
}

/** @param socket without unsent bytes; it is closed, and the connection is not */
export function passConnection({ link, process }: PassTarget, client: PassedClient, socket: Socket): void {
  const passed = unreadSocket(socket);
  if (passed) link.pass(process, client, passed);
}

/**
 * Resolves when the other process has the other end, or rejects. Each end closes with the other one; their
 * time limits are those of the other process.
 */
export async function passSecured(
  { link, process }: PassTarget,
  client: PassedClient,
  secured: TLSSocket,
): Promise<void> {
  const [near, far] = await openLocalPair();
  near.on('error', () => {}); // its close is what counts
  secured.once('close', () => near.destroySoon());
  near.once('close', () => {
    secured.destroySoon();
    const late = setTimeout(() => secured.destroy(), FLUSH_MS);
    secured.once('close', () => clearTimeout(late));
  });
  if (secured.destroyed) near.destroy();
  link.pass(process, client, far);
  secured.pipe(near);
  near.pipe(secured);
}
