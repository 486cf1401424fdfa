/**
 * The UDP ports that an SDP names, on this computer or of a multicast group.
 * In: the media of a description. Out: open sockets. RFC 8866 5.7 and 5.14, RFC 3605 (a=rtcp).
 */
import type { Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { isMulticast } from '../../config/udp-url.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openUdpSocket } from '../udp/udp-socket.ts';
import { closePorts, type MediaPorts, type MediaSocket, type PortHandlers } from './session-ports.ts';

/** Who sends, and where a group is joined. */
interface FixedPortOptions {
  readonly senders: readonly string[];
  readonly networkInterface: string | undefined;
}

/**
 * Opens the ports of all usable media.
 *
 * @throws OxbowError `source-failed` if the SDP names none, or one of them cannot be opened
 */
export async function openFixedPorts(
  media: readonly RtpMedia[],
  options: FixedPortOptions,
  handlers: PortHandlers,
): Promise<MediaPorts[]> {
  const opened: MediaPorts[] = [];
  try {
    for (const [mediaIndex, each] of media.entries()) {
      if (each.isUsable) opened.push(await openMedia(mediaIndex, each, options, handlers));
    }
    return opened;
  } catch (error) {
    await closePorts(opened);
    throw error;
  }
}

async function openMedia(
  mediaIndex: number,
  { kind, port, rtcpPort, isMuxed, address = '0.0.0.0' }: RtpMedia,
  options: FixedPortOptions,
  handlers: PortHandlers,
): Promise<MediaPorts> {
  if (isIP(address) === 0) {
    throw new OxbowError('source-failed', `The SDP has no IP address for its ${kind}: write c=IN IP4 0.0.0.0.`);
  }
  if (port === 0) throw new OxbowError('source-failed', `The SDP has no port for its ${kind}: write m=${kind} 5004 ….`);
  const place = { address, isMulticast: isMulticast(address), program: undefined, ...options };
  const rtp = attach(await openUdpSocket({ ...place, port }), 'rtp', mediaIndex, handlers);
  if (isMuxed || rtcpPort === port) return { mediaIndex, rtp, rtcp: rtp };
  try {
    const rtcp = await openUdpSocket({ ...place, port: rtcpPort ?? port + 1 });
    return { mediaIndex, rtp, rtcp: attach(rtcp, 'rtcp', mediaIndex, handlers) };
  } catch (error) {
    await rtp.close();
    throw error;
  }
}

function attach(
  socket: Socket,
  kind: 'rtp' | 'rtcp',
  mediaIndex: number,
  { receive, onError }: PortHandlers,
): MediaSocket {
  const closed = new Promise<void>((resolve) => {
    socket.once('close', resolve);
  });
  let isOpen = true;
  socket.on('message', (packet, { address, port }) => {
    if (isOpen) receive(kind, mediaIndex, packet, address, port);
  });
  socket.on('error', onError);
  return {
    port: socket.address().port,
    transmit(packet, address, port) {
      if (isOpen && port !== 0) socket.send(packet, port, address, (error) => error && isOpen && onError(error));
    },
    close() {
      if (isOpen) socket.close();
      isOpen = false;
      return closed;
    },
  };
}
