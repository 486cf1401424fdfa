/**
 * The transport of the media of an RTSP session: channels of the connection, or UDP ports.
 * In: a client, the media of its description. Out: packets with the index of their media; a way to send RTCP.
 * RFC 2326 10.4 and 12.39.
 */

import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { type RtspClient, RtspRefused } from '@oxbow/wire/rtsp/client';
import type { RtspTransport } from '@oxbow/wire/rtsp/rtsp-url';
import { controlUrl, printDatagrams, printInterleaved } from '@oxbow/wire/rtsp/transport';
import { closePorts, openSessionPorts } from '../rtp/session-ports.ts';

/** The server offers another transport only. */
const UNSUPPORTED_TRANSPORT = 461;

/** Receives a packet. */
type TakePacket = (kind: 'rtp' | 'rtcp', mediaIndex: number, packet: Uint8Array) => void;

/** Media that were set up. */
export interface RtspMediaTransport {
  readonly transport: RtspTransport;
  /** Takes a packet of a channel. */
  packet(channel: number, packet: Uint8Array): void;
  /** Sends RTCP about one media. */
  report(mediaIndex: number, packet: Uint8Array): void;
  close(): Promise<void>;
}

/** What is set up. */
interface RtspMediaOptions {
  readonly client: RtspClient;
  /** All media of the description; those that are usable are set up. */
  readonly media: readonly RtpMedia[];
  /** The transport to try first. */
  readonly first: RtspTransport;
  /** The connection has TLS: media in datagrams would not be encrypted. */
  readonly isSecure: boolean;
  /** Addresses of both ends of the connection: datagrams of others are dropped. */
  readonly local: string;
  readonly peer: string;
  readonly take: TakePacket;
}

/**
 * Sets up all usable media with one transport; with the other one if the server does not offer the first,
 * unless the connection has TLS.
 *
 * @throws RtspRefused; OxbowError `not-ready` without free UDP ports; an Error for an unusable answer
 */
export async function setUpMedia(options: RtspMediaOptions): Promise<RtspMediaTransport> {
  const other = options.first === 'tcp' ? 'udp' : 'tcp';
  try {
    return await setUp[options.first](options);
  } catch (error) {
    const isOther = error instanceof RtspRefused && error.status === UNSUPPORTED_TRANSPORT;
    if (!isOther || options.isSecure) throw error;
    return setUp[other](options);
  }
}

const setUp = { tcp: setUpChannels, udp: setUpPorts } as const;

async function setUpChannels({ client, media, take }: RtspMediaOptions): Promise<RtspMediaTransport> {
  const channels = new Map<number, { readonly kind: 'rtp' | 'rtcp'; readonly mediaIndex: number }>();
  const reports = new Map<number, number>();
  let next = 0;
  for (const [mediaIndex, { isUsable, control }] of media.entries()) {
    if (!isUsable) continue;
    const wanted = [next, next + 1] as const;
    next += 2;
    const chosen = await client.setup(controlUrl(client.base, control), printInterleaved(wanted[0]));
    if (!chosen.isInterleaved) throw new Error('answers SETUP over TCP with another transport');
    const [rtp, rtcp] = chosen.channels ?? wanted;
    channels.set(rtp, { kind: 'rtp', mediaIndex });
    channels.set(rtcp, { kind: 'rtcp', mediaIndex });
    reports.set(mediaIndex, rtcp);
  }
  return {
    transport: 'tcp',
    packet(channel, packet) {
      const media = channels.get(channel);
      if (media) take(media.kind, media.mediaIndex, packet);
    },
    report: (mediaIndex, packet) => client.send(reports.get(mediaIndex)!, packet),
    close: async () => {},
  };
}

async function setUpPorts({ client, media, take, local, peer }: RtspMediaOptions): Promise<RtspMediaTransport> {
  const ports = await openSessionPorts({ address: local, port: 0 }, media, {
    receive(kind, mediaIndex, packet, address) {
      if (address === peer) take(kind, mediaIndex, packet);
    },
    // A report that was not sent is like one that was lost.
    onError: () => {},
  });
  const reports = new Map<number, number>();
  try {
    for (const { mediaIndex, rtp, rtcp } of ports) {
      const url = controlUrl(client.base, media[mediaIndex]!.control);
      const chosen = await client.setup(url, printDatagrams(rtp.port, rtcp.port));
      if (chosen.isInterleaved || chosen.isMulticast) throw new Error('answers SETUP over UDP with another transport');
      if (chosen.serverPorts) reports.set(mediaIndex, chosen.serverPorts[1]);
    }
  } catch (error) {
    await closePorts(ports);
    throw error;
  }
  return {
    transport: 'udp',
    packet() {},
    report(mediaIndex, packet) {
      const port = reports.get(mediaIndex);
      const socket = ports.find((each) => each.mediaIndex === mediaIndex)?.rtcp;
      if (port !== undefined && port > 0) socket?.transmit(packet, peer, port);
    },
    close: () => closePorts(ports),
  };
}
