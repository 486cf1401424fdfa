/**
 * Asks a UDP port whether a server of QUIC is there, without a library for QUIC: a server answers a first
 * packet of a version that it does not know with those that it knows.
 * In: an address and port. Out: versions. RFC 9000 6, 15, 17.2.1; RFC 8999.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { waitFor, withDeadline } from '../../../lib/abort.ts';
import { messageOf } from '../../../lib/errors.ts';

/** Datagrams may be lost. */
const TRIES = 4;
const TRY_MS = 700;
/** Servers ignore shorter first packets (RFC 9000 14.1). */
const PACKET_BYTES = 1200;
const ID_BYTES = 8;
/** Long header, fixed bit. */
const FIRST_BYTE = 0xc0;
/** Reserved: no server knows it. */
const VERSION = 0x1a2a3a4a;

/**
 * Asks up to four times within three seconds.
 *
 * @param where.address IP address
 * @returns versions that the server knows, as `printVersion` has them; undefined: nothing answered
 */
export async function probeQuic(
  { address, port }: { readonly address: string; readonly port: number },
  { signal, tryMs = TRY_MS }: { readonly signal: AbortSignal; readonly tryMs?: number },
): Promise<readonly string[] | undefined> {
  const source = randomBytes(ID_BYTES);
  const packet = printPacket(randomBytes(ID_BYTES), source);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const answered = Promise.withResolvers<readonly string[]>();
  // For example a port that is closed: the next try may reach it.
  socket.on('error', () => {});
  socket.on('message', (bytes) => {
    const versions = parseVersions(bytes, source);
    if (versions) answered.resolve(versions);
  });
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      socket.send(packet, port, address, () => {});
      using deadline = withDeadline(tryMs, 'an answer over UDP', { signal });
      const versions = await waitFor(answered.promise, deadline).catch((error: unknown) => {
        if (signal.aborted) throw error;
        return messageOf(error);
      });
      if (typeof versions !== 'string') return versions;
    }
    return undefined;
  } finally {
    socket.close();
  }
}

/** A first packet of a reserved version (RFC 8999 5.1), padded. */
function printPacket(destination: Uint8Array, source: Uint8Array): Buffer {
  const head = Buffer.from([FIRST_BYTE, 0, 0, 0, 0, destination.length, ...destination, source.length, ...source]);
  head.writeUInt32BE(VERSION, 1);
  return Buffer.concat([head, Buffer.alloc(PACKET_BYTES - head.length)]);
}

/**
 * The versions of a Version Negotiation packet; undefined for any other packet, or one for another client.
 *
 * @param client the connection ID that the client has chosen
 */
export function parseVersions(bytes: Uint8Array, client: Uint8Array): readonly string[] | undefined {
  const packet = Buffer.from(bytes);
  if (packet.length < 7 || (packet[0]! & 0x80) === 0 || packet.readUInt32BE(1) !== 0) return undefined;
  const destinationEnd = 6 + packet[5]!;
  if (!packet.subarray(6, destinationEnd).equals(client)) return undefined;
  const at = destinationEnd + 1 + (packet[destinationEnd] ?? 0);
  const versions: string[] = [];
  for (let i = at; i + 4 <= packet.length; i += 4) {
    const version = packet.readUInt32BE(i);
    // RFC 9000 15: reserved ones are there so that clients ignore what they do not know.
    if ((version & 0x0f0f0f0f) !== 0x0a0a0a0a) versions.push(printVersion(version));
  }
  return versions;
}

/** `1`, `2` (RFC 9369), or a draft in hexadecimal digits. */
function printVersion(version: number): string {
  if (version === 1) return '1';
  return version === 0x6b3343cf ? '2' : version.toString(16).padStart(8, '0');
}
