/**
 * RTP packets.
 * In: datagrams. Out: their fields and payload, and the reverse. Pure. RFC 3550 5.1, RFC 8285 (header
 * extensions).
 */
import { ByteReader, concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';

export interface RtpPacket {
  /** 0 to 127; its meaning is in the SDP. */
  readonly payloadType: number;
  /** For video: the last packet of an access unit. */
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, ticks of the clock rate of the payload type. */
  readonly timestamp: number;
  /** 32 bits. */
  readonly ssrc: number;
  /** Without padding; a view of the datagram. */
  readonly payload: Uint8Array;
  /** Header extensions by their id; absent where there are none. */
  readonly extensions?: ReadonlyMap<number, Uint8Array>;
}

const HEADER_BYTES = 12;
const ONE_BYTE_PROFILE = 0xbede;

/** @throws FormatError if it is no RTP, or ends early */
export function parseRtp(datagram: Uint8Array): RtpPacket {
  if (datagram.length < HEADER_BYTES) throw new FormatError('RTP packet ends early', datagram.length);
  const first = datagram[0]!;
  if (first >> 6 !== 2) throw new FormatError('the version of RTP is not 2', 0);
  let from = HEADER_BYTES + 4 * (first & 0x0f);
  let extensions: Map<number, Uint8Array> | undefined;
  if (first & 0x10 || from > datagram.length) {
    const reader = new ByteReader(datagram, 'RTP packet', HEADER_BYTES);
    reader.skip(from - HEADER_BYTES);
    extensions = parseExtensions(reader);
    from = reader.offset;
  }
  const padding = first & 0x20 ? datagram[datagram.length - 1]! : 0;
  if (padding > datagram.length - from || (first & 0x20 && padding === 0)) {
    throw new FormatError(`${padding} bytes of padding in an RTP packet`, datagram.length - 1);
  }
  const packet = {
    payloadType: datagram[1]! & 0x7f,
    marker: datagram[1]! >= 0x80,
    sequence: (datagram[2]! << 8) | datagram[3]!,
    timestamp: ((datagram[4]! << 24) | (datagram[5]! << 16) | (datagram[6]! << 8) | datagram[7]!) >>> 0,
    ssrc: ((datagram[8]! << 24) | (datagram[9]! << 16) | (datagram[10]! << 8) | datagram[11]!) >>> 0,
    payload: datagram.subarray(from, datagram.length - padding),
  };
  return extensions ? { ...packet, extensions } : packet;
}

/** A packet in two pieces: receivers with different headers share the payload. */
export interface RtpPieces {
  /** Fixed header, contributing sources and header extensions. */
  readonly header: Uint8Array;
  /** Not copied. */
  readonly payload: Uint8Array;
}

/**
 * Prints a packet without padding and contributing sources; header extensions in the form with one byte,
 * RFC 8285 4.2.
 */
export function printRtp(packet: RtpPacket): Uint8Array {
  const { header, payload } = printRtpPieces(packet, packet.extensions && constantExtensions([...packet.extensions]));
  return concatBytes([header, payload]);
}

/** The header extensions of one source, RFC 8285: a block whose length is the same in each packet. */
export interface PacketExtensions {
  /** Of the block, a multiple of 4. */
  readonly bytes: number;
  /**
   * Writes the block of the next packet.
   *
   * @param at offset in its header
   * @param nowMs when it is sent, any clock that does not go back
   */
  write(header: Uint8Array, at: number, nowMs: number): void;
}

/**
 * Prints a packet without padding and contributing sources, in pieces. The extensions of `packet` are not
 * read.
 */
export function printRtpPieces(packet: RtpPacket, extensions: PacketExtensions | undefined, nowMs = 0): RtpPieces {
  const header = new Uint8Array(printedHeaderBytes(extensions));
  writeRtpHeader(header, packet, packet.ssrc, packet.payloadType, extensions, nowMs);
  return { header, payload: packet.payload };
}

/** Of a packet without contributing sources. */
export function printedHeaderBytes(extensions: PacketExtensions | undefined): number {
  return HEADER_BYTES + (extensions?.bytes ?? 0);
}

/** Writes the header of `printRtpPieces`. @param header of `printedHeaderBytes` */
export function writeRtpHeader(
  header: Uint8Array,
  { marker, sequence, timestamp }: Pick<RtpPacket, 'marker' | 'sequence' | 'timestamp'>,
  ssrc: number,
  payloadType: number,
  extensions: PacketExtensions | undefined,
  nowMs: number,
): void {
  header[0] = extensions ? 0x90 : 0x80;
  header[1] = (marker ? 0x80 : 0) | payloadType;
  header[2] = sequence >> 8;
  header[3] = sequence;
  header[4] = timestamp >>> 24;
  header[5] = timestamp >>> 16;
  header[6] = timestamp >>> 8;
  header[7] = timestamp;
  header[8] = ssrc >>> 24;
  header[9] = ssrc >>> 16;
  header[10] = ssrc >>> 8;
  header[11] = ssrc;
  extensions?.write(header, HEADER_BYTES, nowMs);
}

/** A block whose values never change. */
export function constantExtensions(values: readonly (readonly [id: number, value: Uint8Array])[]): PacketExtensions {
  const block = printExtensions(values);
  return { bytes: block.length, write: (header, at) => header.set(block, at) };
}

/** The pieces of a packet; undefined if its header is longer than the packet. Padding is of the payload. */
export function splitRtp(packet: Uint8Array): RtpPieces | undefined {
  const headerBytes = rtpHeaderBytes(packet);
  if (packet.length < headerBytes) return undefined;
  return { header: packet.subarray(0, headerBytes), payload: packet.subarray(headerBytes) };
}

/** Bytes before the payload: fixed header, contributing sources, extensions; infinite if some are missing. */
export function rtpHeaderBytes(packet: Uint8Array): number {
  if (packet.length < HEADER_BYTES) return Number.POSITIVE_INFINITY;
  const bytes = HEADER_BYTES + 4 * (packet[0]! & 0x0f);
  if ((packet[0]! & 0x10) === 0) return bytes;
  if (packet.length < bytes + 4) return Number.POSITIVE_INFINITY;
  return bytes + 4 + 4 * ((packet[bytes + 2]! << 8) | packet[bytes + 3]!);
}

/** Forms with one and two bytes, RFC 8285 4.2 and 4.3; other profiles have no ids and are skipped. */
function parseExtensions(reader: ByteReader): Map<number, Uint8Array> {
  const profile = reader.u16();
  const block = reader.take(4 * reader.u16());
  const extensions = new Map<number, Uint8Array>();
  const inner = new ByteReader(block, 'RTP header extension');
  if (profile === ONE_BYTE_PROFILE) {
    while (inner.left > 0) {
      const head = inner.u8();
      if (head === 0) continue; // padding
      if (head >> 4 === 15) break;
      extensions.set(head >> 4, inner.take((head & 0x0f) + 1));
    }
  } else if (profile >> 4 === 0x100) {
    while (inner.left > 0) {
      const id = inner.u8();
      if (id !== 0) extensions.set(id, inner.take(inner.u8()));
    }
  }
  return extensions;
}

/** The form with one byte, RFC 8285 4.2. */
function printExtensions(values: readonly (readonly [id: number, value: Uint8Array])[]): Uint8Array {
  const pieces = values.flatMap(([id, value]) => [Uint8Array.of((id << 4) | (value.length - 1)), value]);
  const content = concatBytes(pieces);
  const words = Math.ceil(content.length / 4);
  const block = new Uint8Array(4 + 4 * words);
  block.set([ONE_BYTE_PROFILE >> 8, ONE_BYTE_PROFILE & 0xff, words >> 8, words & 0xff]);
  block.set(content, 4);
  return block;
}
