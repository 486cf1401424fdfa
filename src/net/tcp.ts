/**
 * Opens TCP connections to checked hosts, with TLS where the protocol has it.
 * In: addresses of `net.resolveHost`. Out: a connected socket. Node.js net and tls; docs/architecture.md,
 * Outgoing requests.
 */

import { readSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket, type SocketConstructorOpts } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { withDeadline } from '../lib/abort.ts';
import { messageOf } from '../lib/errors.ts';
import { isLinux } from '../lib/platform.ts';
import type { CheckedHost } from './net.ts';

/** A read fills it, and is used up before the next one: Node otherwise allocates 64 KiB for each read. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A socket that always has more is left for the next call after this many reads. */
const MAX_READS = 16;

/** Connecting has to succeed within this time, ms. */
const CONNECT_MS = 10_000;

/** How a connection is opened. */
export interface OpenTcpOptions {
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /**
   * Takes the read bytes; the socket then has no `data` events.
   *
   * @param bytes overwritten after the call
   * @returns false: nothing is read until `resume` of the socket, except with TLS
   */
  readonly onBytes?: ((bytes: Uint8Array) => boolean) | undefined;
}

/**
 * Connects to the first address that answers.
 *
 * @throws Error with the reason of the last one; TimeoutError after 10 s; the signal's reason
 */
export async function openTcp(host: CheckedHost, isTls: boolean, options: OpenTcpOptions): Promise<Socket> {
  using deadline = withDeadline(CONNECT_MS, 'connecting', options);
  const { signal } = deadline;
  let last: unknown;
  for (const { address } of host.addresses) {
    signal.throwIfAborted();
    try {
      return await openOne(address, host, isTls, { ...options, signal });
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw last;
}

function openOne(
  address: string,
  { host, port }: CheckedHost,
  isTls: boolean,
  { signal, onBytes }: OpenTcpOptions,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // The address is checked: the name is only for the certificate.
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const to = { host: address, port };
    const socket = isTls ? connectTls({ ...to, ...servername }) : connectTcp({ ...to, ...readingOf(onBytes) });
    if (isTls && onBytes) socket.on('data', onBytes);
    const fail = (error: unknown) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(new Error(`${host} port ${port}: ${messageOf(error)}`, { cause: error }));
    const onOpen = () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    };
    const opened = isTls ? 'secureConnect' : 'connect';
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off(opened, onOpen);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once(opened, onOpen);
  });
}

function readingOf(onBytes: OpenTcpOptions['onBytes']): Pick<SocketConstructorOpts, 'onread'> {
  if (!onBytes) return {};
  // A read that fills the buffer has left something.
  const callback = (length: number) => onBytes(buffer.subarray(0, length)) || length === buffer.length;
  return { onread: { buffer, callback } };
}

/**
 * Reads what waits in a socket, at once and without the event loop: Node would watch the socket, wait for it,
 * read, and be woken once more by the bytes that come after it stopped. Node reads the socket no longer. An
 * error destroys the socket.
 *
 * @param onBytes as that of `openTcp`; its result is ignored
 * @returns false if this cannot be done, or the socket has ended: Node has to read it, by `resume`, unless it
 *   is destroyed
 */
export function readWaiting(socket: Socket, onBytes: (bytes: Uint8Array) => void): boolean {
  if (!isLinux || socket instanceof TLSSocket) return false;
  if (!socket.isPaused()) socket.pause();
  for (let reads = 0; reads < MAX_READS; reads++) {
    const fd = descriptorOf(socket);
    if (fd === undefined) return false;
    let length: number;
    try {
      length = readSync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true;
      // The system reports it once: Node would take it for an end.
      socket.destroy(error as Error);
      return false;
    }
    if (length === 0) return false;
    onBytes(buffer.subarray(0, length));
    if (length < buffer.length) return true;
  }
  return true;
}

/** No part of Node's public interface: undefined where it has none, and when the socket is closed. */
function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as { readonly _handle?: { readonly fd?: unknown } | null })._handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
