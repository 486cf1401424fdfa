/**
 * The UDP ports of an RTP session: one for RTP, the next one for RTCP, for each media description.
 * In: an address with the first port, the media. Out: open sockets.
 * RFC 3550 11: RTP on an even port, RTCP on the next odd one; RFC 5761: one port for both.
 */

import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { openUdp, type UdpHandlers, type UdpSocket } from '@oxbow/wire/udp';
import { type Endpoint, printEndpoint } from '../../config/address.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Ports of all sessions, from the first one on: 25 sessions with 8 media. */
const PORTS = 400;
/** Attempts to find two free ports next to each other where the system picks them. */
const MAX_ATTEMPTS = 50;

/** A socket of a session. */
export type MediaSocket = Pick<UdpSocket, 'port' | 'transmit' | 'close'>;

/** The ports of one media description. */
export interface MediaPorts {
  readonly mediaIndex: number;
  readonly rtp: MediaSocket;
  /** The same socket where RTCP shares the port. */
  readonly rtcp: MediaSocket;
}

/** What the sockets call. */
export interface PortHandlers {
  receive(kind: 'rtp' | 'rtcp', mediaIndex: number, packet: Uint8Array, address: string, port: number): void;
  onError(error: Error): void;
}

/**
 * Opens ports for all usable media.
 *
 * @param listen port 0: the system picks free ones; otherwise the first that are free from this one on
 * @throws OxbowError `not-ready` if there are no free ports
 */
export async function openSessionPorts(
  listen: Endpoint,
  media: readonly RtpMedia[],
  handlers: PortHandlers,
): Promise<MediaPorts[]> {
  const opened: MediaPorts[] = [];
  try {
    for (const [mediaIndex, { isUsable, isMuxed }] of media.entries()) {
      if (isUsable) opened.push(await openPair(listen, mediaIndex, isMuxed, handlers));
    }
    return opened;
  } catch (error) {
    await closePorts(opened);
    throw error;
  }
}

/** Closes all sockets. */
export async function closePorts(ports: readonly MediaPorts[]): Promise<void> {
  await Promise.all(ports.flatMap(({ rtp, rtcp }) => [rtp.close(), rtcp.close()]));
}

async function openPair(
  listen: Endpoint,
  mediaIndex: number,
  isMuxed: boolean,
  { receive, onError }: PortHandlers,
): Promise<MediaPorts> {
  const handlersOf = (kind: 'rtp' | 'rtcp'): UdpHandlers => ({
    receive: (packet, from, port) => receive(kind, mediaIndex, packet, from, port),
    tick: () => false,
    onError,
  });
  const { address } = listen;
  const open = (kind: 'rtp' | 'rtcp', port: number) => openUdp({ address, port }, undefined, handlersOf(kind));
  let last: unknown;
  const ports = portsFrom(listen.port);
  for (const port of ports) {
    let rtp: UdpSocket | undefined;
    try {
      rtp = await open('rtp', port);
      if (isMuxed) return { mediaIndex, rtp, rtcp: rtp };
      if (rtp.port % 2 === 0) return { mediaIndex, rtp, rtcp: await open('rtcp', rtp.port + 1) };
    } catch (error) {
      last = error;
    }
    await rtp?.close();
  }
  const where = listen.port === 0 ? address : `${printEndpoint(listen)} to ${(ports.at(-1) ?? listen.port) + 1}`;
  throw new OxbowError('not-ready', `There are no two free UDP ports next to each other on ${where}.`, { cause: last });
}

/** Ports to try for RTP. */
function portsFrom(first: number): readonly number[] {
  if (first === 0) return new Array<number>(MAX_ATTEMPTS).fill(0);
  const even = first + (first % 2);
  return Array.from({ length: PORTS / 2 }, (_, i) => even + 2 * i).filter((port) => port < 65_535);
}
