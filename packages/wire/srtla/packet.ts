/**
 * Packets of SRTLA: registration, keep-alives and acknowledgements around the SRT packets of a sender.
 * In: datagrams. Out: their type and fields; packets to send. Pure. Described by BELABOX.
 *
 * The first 16 bits are the type. SRT packets have other values there: their control types end at 0x8008.
 */
import { readU32, writeU32 } from '../srt/packet/header.ts';

/** Types of packets. */
export const srtlaType = {
  keepAlive: 0x9000,
  ack: 0x9100,
  /** A sender begins a group: its half of the id, in 256 bytes. */
  register: 0x9200,
  /** The id of a group: from the receiver to the sender, then from each of its links. */
  identify: 0x9201,
  /** The link belongs to the group. */
  accepted: 0x9202,
  /** Refused for now. */
  error: 0x9210,
  /** There is no group of this id: the sender begins again. */
  noGroup: 0x9211,
  refused: 0x9212,
} as const;

/** Length of the id of a group, bytes; the first half is from the sender. */
export const GROUP_ID_BYTES = 256;
export const HALF_ID_BYTES = GROUP_ID_BYTES / 2;
/** Length of packets that carry an id, bytes. */
export const REGISTER_BYTES = 2 + GROUP_ID_BYTES;
/** Data packets that one acknowledgement names. */
export const ACK_PACKETS = 10;
const ACK_BYTES = 4 + 4 * ACK_PACKETS;
/** Keep-alives may carry figures of the sender; longer ones are none. */
const MAX_KEEP_ALIVE_BYTES = 64;

/** Type of a datagram: one of `srtlaType`, or undefined for SRT and for what is malformed. */
export function typeOf(packet: Uint8Array): number | undefined {
  if (packet.length < 2) return undefined;
  const type = (packet[0]! << 8) | packet[1]!;
  switch (type) {
    case srtlaType.keepAlive:
      return packet.length <= MAX_KEEP_ALIVE_BYTES ? type : undefined;
    case srtlaType.ack:
      return packet.length === ACK_BYTES ? type : undefined;
    case srtlaType.register:
    case srtlaType.identify:
      return packet.length === REGISTER_BYTES ? type : undefined;
    case srtlaType.accepted:
    case srtlaType.error:
    case srtlaType.noGroup:
    case srtlaType.refused:
      return packet.length === 2 ? type : undefined;
    default:
      return undefined;
  }
}

/** Whether a datagram has a type of SRTLA, also one that is malformed. */
export function isSrtla(packet: Uint8Array): boolean {
  return packet.length >= 2 && packet[0]! >= 0x90 && packet[0]! <= 0x92;
}

/** The id in a packet of type `register` or `identify`, 256 bytes; a view. */
export function groupIdOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(2, REGISTER_BYTES);
}

/** A packet that is only a type. */
export function printType(type: number): Uint8Array {
  return Uint8Array.of(type >> 8, type & 0xff);
}

/** A packet of type `register` or `identify`. @param id 256 bytes */
export function printId(type: number, id: Uint8Array): Uint8Array {
  const packet = new Uint8Array(REGISTER_BYTES);
  packet.set(printType(type));
  packet.set(id, 2);
  return packet;
}

/** An acknowledgement of ten data packets. @param sequences SRT sequence numbers, 31 bits */
export function printAck(sequences: readonly number[]): Uint8Array {
  const packet = new Uint8Array(ACK_BYTES);
  writeU32(packet, 0, srtlaType.ack * 0x1_0000);
  for (let i = 0; i < ACK_PACKETS; i++) writeU32(packet, 4 + 4 * i, sequences[i]!);
  return packet;
}

/** The sequence numbers of an acknowledgement. @param packet of type `ack` */
export function parseAck(packet: Uint8Array): readonly number[] {
  return Array.from({ length: ACK_PACKETS }, (_, i) => readU32(packet, 4 + 4 * i) & 0x7fff_ffff);
}
