/**
 * Headers of SRT packets: data and control.
 * In: datagrams. Out: their fields; headers of outgoing packets. Pure. draft-sharabayko-srt-01 3.
 *
 * The receiving path reads single fields in place instead of building an object for each packet.
 */

/** Length of the header of every packet, bytes. */
export const HEADER_BYTES = 16;
/** Largest datagram: an Ethernet frame without the headers of IPv4 and UDP, bytes. */
export const MAX_PACKET_BYTES = 1472;
/** Largest payload of a data packet, bytes. */
export const MAX_PAYLOAD_BYTES = MAX_PACKET_BYTES - HEADER_BYTES;
/** Payload of 7 MPEG-TS packets, which live mode sends usually, bytes. */
export const LIVE_PAYLOAD_BYTES = 1316;

/** Types of control packets (draft-sharabayko-srt-01 3.2). */
export const control = {
  handshake: 0x0000,
  keepAlive: 0x0001,
  ack: 0x0002,
  nak: 0x0003,
  congestion: 0x0004,
  shutdown: 0x0005,
  ackAck: 0x0006,
  dropRequest: 0x0007,
  peerError: 0x0008,
  extension: 0x7fff,
} as const;

/** Subtypes of the extension type: a key refresh and its answer (3.2.2). */
export const keyMessage = { request: 3, response: 4 } as const;

/** Which key encrypted a payload (the KK field). */
export const keyFlag = { none: 0, even: 1, odd: 2 } as const;

/** Whether a datagram of at least 16 bytes is a control packet. */
export function isControl(packet: Uint8Array): boolean {
  return (packet[0]! & 0x80) !== 0;
}

/** Reads 32 bits, big-endian, unsigned; the offset is inside the packet. */
export function readU32(packet: Uint8Array, at: number): number {
  return ((packet[at]! << 24) | (packet[at + 1]! << 16) | (packet[at + 2]! << 8) | packet[at + 3]!) >>> 0;
}

/** Writes 32 bits, big-endian. */
export function writeU32(packet: Uint8Array, at: number, value: number): void {
  packet[at] = value >>> 24;
  packet[at + 1] = value >>> 16;
  packet[at + 2] = value >>> 8;
  packet[at + 3] = value;
}

/** Type of a control packet. */
export function controlType(packet: Uint8Array): number {
  return ((packet[0]! & 0x7f) << 8) | packet[1]!;
}

/** Subtype of a control packet. */
export function controlSubtype(packet: Uint8Array): number {
  return (packet[2]! << 8) | packet[3]!;
}

/** The type-specific word of a control packet: acknowledgement or message number. */
export function typeSpecific(packet: Uint8Array): number {
  return readU32(packet, 4);
}

/** Sequence number of a data packet, 31 bits. */
export function dataSequence(packet: Uint8Array): number {
  return readU32(packet, 0) & 0x7fff_ffff;
}

/** KK field of a data packet: one of `keyFlag`, or 3, which data packets never have. */
export function dataKey(packet: Uint8Array): number {
  return (packet[4]! >> 3) & 3;
}

/** Whether a data packet is a retransmission. */
export function isRetransmitted(packet: Uint8Array): boolean {
  return (packet[4]! & 0x04) !== 0;
}

/** Timestamp of a packet: µs since the sender's connection began, 32 bits. */
export function timestampOf(packet: Uint8Array): number {
  return readU32(packet, 8);
}

/** Socket id of the receiver of a packet; 0 for handshakes of callers. */
export function destinationOf(packet: Uint8Array): number {
  return readU32(packet, 12);
}

/** Fields of the header of a data packet. */
export interface DataHeader {
  /** 31 bits. */
  readonly sequence: number;
  /** 26 bits, 1 and above. */
  readonly message: number;
  /** One of `keyFlag`. */
  readonly key: number;
  /** µs, 32 bits. */
  readonly timestamp: number;
  /** Socket id of the receiver. */
  readonly destination: number;
}

/** Writes the header of a data packet that is a complete message, sent the first time. */
export function writeDataHeader(packet: Uint8Array, header: DataHeader): void {
  writeU32(packet, 0, header.sequence & 0x7fff_ffff);
  // 11 = the first and last packet of its message; order is not required, as in libsrt's live mode.
  writeU32(packet, 4, 0xc000_0000 | (header.key << 27) | (header.message & 0x03ff_ffff));
  writeU32(packet, 8, header.timestamp);
  writeU32(packet, 12, header.destination);
}

/** Marks a data packet as retransmission. */
export function markRetransmitted(packet: Uint8Array): void {
  packet[4] = packet[4]! | 0x04;
}

/** Writes the header of a control packet. */
export function writeControlHeader(
  packet: Uint8Array,
  type: number,
  subtype: number,
  specific: number,
  timestamp: number,
  destination: number,
): void {
  writeU32(packet, 0, 0x8000_0000 | (type << 16) | subtype);
  writeU32(packet, 4, specific);
  writeU32(packet, 8, timestamp);
  writeU32(packet, 12, destination);
}
