/**
 * Opens the socket of a feed: a local port, or a multicast group on an interface.
 * In: a parsed address. Out: a bound dgram socket. RFC 1112, RFC 4607 (source-specific multicast).
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { UdpAddress } from '../../config/udp-url.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { isWindows } from '../../lib/platform.ts';

/**
 * Bytes of the system's receive queue; the system may grant less. At 50 Mbps 8 MiB are more than one second.
 */
const RECEIVE_BYTES = 8 * 1024 * 1024;

/**
 * Opens the socket. The caller closes it.
 *
 * @throws OxbowError `source-failed` if the port is in use, the address is not of this computer, or the group
 *   cannot be joined
 */
export async function openUdpSocket(address: UdpAddress): Promise<Socket> {
  const isIpv6 = isIP(address.address) === 6;
  const socket = createSocket({
    type: isIpv6 ? 'udp6' : 'udp4',
    // Several programs may receive one multicast group; a unicast datagram would reach only one of them.
    reuseAddr: address.isMulticast,
    recvBufferSize: RECEIVE_BYTES,
  });
  try {
    // Bound to the group, the socket does not get datagrams of other groups on the same port.
    const local = address.isMulticast && isWindows ? undefined : address.address;
    const bound = once(socket, 'listening');
    socket.bind(address.port, local);
    await bound;
    if (address.isMulticast) join(socket, address, isIpv6);
    return socket;
  } catch (error) {
    socket.close();
    throw new OxbowError('source-failed', `Cannot receive on ${textOf(address)}: ${why(error)}.`, { cause: error });
  }
}

/** The address as in a URL. */
export function textOf({ address, port }: Pick<UdpAddress, 'address' | 'port'>): string {
  return `udp://${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
}

function join(socket: Socket, { address, networkInterface, senders }: UdpAddress, isIpv6: boolean): void {
  const local = networkInterface === undefined ? undefined : interfaceAddress(networkInterface, isIpv6);
  const single = senders.filter((sender) => isIP(sender) !== 0);
  if (senders.length > 0 && single.length === senders.length) {
    for (const sender of single) socket.addSourceSpecificMembership(sender, address, local);
  } else socket.addMembership(address, local);
}

/** What the system wants: the address of the interface for IPv4, its scope for IPv6. */
function interfaceAddress(nameOrAddress: string, isIpv6: boolean): string {
  const interfaces = networkInterfaces();
  if (isIP(nameOrAddress) !== 0 && !isIpv6) return nameOrAddress;
  const name =
    isIP(nameOrAddress) === 0
      ? nameOrAddress
      : Object.keys(interfaces).find((each) => interfaces[each]?.some((entry) => entry.address === nameOrAddress));
  const addresses = name === undefined ? undefined : interfaces[name];
  const ipv4 = addresses?.find(({ family }) => family === 'IPv4')?.address;
  if (isIpv6 && addresses) return `::%${isWindows ? addresses.find(({ family }) => family === 'IPv6')?.scopeid : name}`;
  if (!isIpv6 && ipv4 !== undefined) return ipv4;
  throw new Error(`this computer has no interface "${nameOrAddress}" with ${isIpv6 ? 'IPv6' : 'IPv4'}`);
}

function why(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'another program, or another stream, uses the port';
    case 'EADDRNOTAVAIL':
      return 'this computer has no such address';
    case 'EACCES':
      return 'the system does not allow it';
    case 'ENODEV':
      return 'no network interface can join the group; set interface=';
    default:
      return messageOf(error);
  }
}
