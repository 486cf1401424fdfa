/**
 * The handle of a socket of Node: its descriptor, and calls that `node:dgram` does not offer.
 * In: a bound socket. Out: its handle, where it has the form that is known here.
 */
import type { Socket } from 'node:dgram';

/** It is not documented, so its form is checked. Calls return 0, or the negative number of an error. */
export interface UdpHandle {
  readonly fd: number;
  bind(address: string, port: number, flags: number): number;
  connect(address: string, port: number): number;
  /** Ends reading: datagrams wait in the buffer of the system. */
  recvStop(): number;
  recvStart(): number;
}

const CALLS = ['bind', 'connect', 'recvStop', 'recvStart'] as const;

/** Undefined where the handle of a socket has another form, and on systems without descriptors. */
export function handleOf(socket: Socket): UdpHandle | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  const state = key && (socket as never as Record<symbol, { readonly handle?: Partial<UdpHandle> } | undefined>)[key];
  const { handle } = state ?? {};
  const isKnown = CALLS.every((call) => typeof handle?.[call] === 'function');
  return isKnown && Number.isInteger(handle!.fd) && handle!.fd! >= 0 ? (handle as UdpHandle) : undefined;
}
