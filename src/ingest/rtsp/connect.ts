/**
 * Connects to an RTSP server by the rules of outgoing connections.
 * In: the configured address, the address of a hop. Out: a socket.
 */
import type { Socket } from 'node:net';
import type { RtspAddress } from '@oxbow/wire/rtsp/rtsp-url';
import { reasonOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import { type OpenTcpOptions, openTcp } from '../../net/tcp.ts';

/** The server that is configured, and the rules for its hosts. */
interface RtspServer {
  readonly address: RtspAddress;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'resolveHost'>;
}

/**
 * Connects to the server, or to one that it redirects to. A server may redirect to itself; any other private
 * address is refused.
 *
 * @throws OxbowError `address-refused`; an Error with the reason; the signal's reason
 */
export async function connectRtsp(server: RtspServer, to: RtspAddress, within: OpenTcpOptions): Promise<Socket> {
  const trusted = server.trusted && to.host === server.address.host;
  const host = await server.net.resolveHost(to.host, to.port, { signal: within.signal, trusted });
  return openTcp(host, to.isSecure, within).catch((error: unknown) => {
    throw new Error(`cannot be reached: ${reasonOf((error as Error).cause ?? error)}`, { cause: error });
  });
}
