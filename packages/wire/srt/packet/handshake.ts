/**
 * Handshake packets of version 4 and 5 with their extensions.
 * In: datagrams. Out: handshakes, and back. Pure. draft-sharabayko-srt-01 3.2.1.
 */
import { FormatError } from '@oxbow/media/errors';
import { HEADER_BYTES, readU32, writeU32 } from './header.ts';
import { parseStreamId, printStreamId } from './stream-id.ts';

/** Values of the handshake type field; others from 1000 on are rejections. */
export const handshakeType = {
  waveAHand: 0,
  induction: 1,
  done: 0xffff_fffd,
  agreement: 0xffff_fffe,
  conclusion: 0xffff_ffff,
} as const;

/** Value of the extension field in the answer to an induction. */
export const SRT_MAGIC = 0x4a17;
/** Length of a handshake without extensions, with the packet header, bytes. */
export const HANDSHAKE_BYTES = HEADER_BYTES + 48;

const extensionType = {
  request: 1,
  response: 2,
  keyRequest: 3,
  keyResponse: 4,
  streamId: 5,
  congestion: 6,
  filter: 7,
  group: 8,
} as const;

/** Flags of the HSREQ and HSRSP extensions (3.2.1.1.1). */
export const srtFlag = {
  tsbpdSender: 0x01,
  tsbpdReceiver: 0x02,
  encryption: 0x04,
  tooLateDrop: 0x08,
  periodicNak: 0x10,
  retransmitFlag: 0x20,
  stream: 0x40,
  packetFilter: 0x80,
} as const;

/** The HSREQ or HSRSP extension. */
export interface SrtParameters {
  /** SRT version: major * 65,536 + minor * 256 + patch. */
  readonly version: number;
  /** Bits of `srtFlag`. */
  readonly flags: number;
  /** Latency in the direction in which the writer receives, ms. */
  readonly receiveLatencyMs: number;
  /** Latency in the direction in which the writer sends, ms. */
  readonly sendLatencyMs: number;
}

export interface Handshake {
  /** 4 or 5; others are refused by the connection. */
  readonly version: number;
  /** Key length / 8: 0, 2, 3 or 4. */
  readonly encryption: number;
  /** `SRT_MAGIC`, the socket type of version 4, or bits for the extensions, which the printer sets itself. */
  readonly extensionField: number;
  /** Initial sequence number, 31 bits. */
  readonly sequence: number;
  /** Largest packet, bytes, IP and UDP headers included. */
  readonly mtu: number;
  /** Packets that may be in flight. */
  readonly flowWindow: number;
  /** One of `handshakeType`, or a rejection. */
  readonly type: number;
  /** Socket id of the writer. */
  readonly socketId: number;
  readonly cookie: number;
  /** Address of the other side, 16 bytes. */
  readonly peerAddress: Uint8Array;
  /** HSREQ, or HSRSP in an answer. */
  readonly parameters?: SrtParameters | undefined;
  /** Whether `parameters` and `keyMaterial` are answers. */
  readonly isAnswer?: boolean | undefined;
  /** KMREQ or KMRSP; not interpreted. */
  readonly keyMaterial?: Uint8Array | undefined;
  readonly streamId?: string | undefined;
  /** Name of the congestion control: `live` or `file`. */
  readonly congestion?: string | undefined;
  /** Configuration of the packet filter. */
  readonly filter?: string | undefined;
  /** Whether there is a group extension. */
  readonly group?: boolean | undefined;
}

/** Extensions that one handshake may have. */
const MAX_EXTENSIONS = 16;

/**
 * Parses a handshake packet.
 *
 * @param packet with its header
 * @throws FormatError if it is shorter than a handshake, or its extensions are malformed
 */
export function parseHandshake(packet: Uint8Array): Handshake {
  if (packet.length < HANDSHAKE_BYTES) throw new FormatError('handshake ends early', packet.length);
  const word = (index: number) => readU32(packet, HEADER_BYTES + 4 * index);
  const base = {
    version: word(0),
    encryption: word(1) >>> 16,
    extensionField: word(1) & 0xffff,
    sequence: word(2) & 0x7fff_ffff,
    mtu: word(3),
    flowWindow: word(4),
    type: word(5),
    socketId: word(6),
    cookie: word(7),
    peerAddress: packet.subarray(HEADER_BYTES + 32, HANDSHAKE_BYTES),
  };
  const hasExtensions = base.version === 5 && base.type === handshakeType.conclusion && base.extensionField !== 0;
  return hasExtensions ? { ...base, ...parseExtensions(packet) } : base;
}

type Extensions = Pick<
  Handshake,
  'parameters' | 'isAnswer' | 'keyMaterial' | 'streamId' | 'congestion' | 'filter' | 'group'
>;

function parseExtensions(packet: Uint8Array): Extensions {
  const extensions: { -readonly [Name in keyof Extensions]: Extensions[Name] } = {};
  let at = HANDSHAKE_BYTES;
  for (let count = 0; at + 4 <= packet.length; count++) {
    if (count === MAX_EXTENSIONS) throw new FormatError(`handshake with more than ${MAX_EXTENSIONS} extensions`, at);
    const type = readU32(packet, at) >>> 16;
    const length = (readU32(packet, at) & 0xffff) * 4;
    const start = at + 4;
    at = start + length;
    if (at > packet.length) throw new FormatError('handshake extension ends early', start);
    const body = packet.subarray(start, at);
    switch (type) {
      case extensionType.request:
      case extensionType.response:
        extensions.parameters = parseParameters(body, start);
        extensions.isAnswer = type === extensionType.response;
        break;
      case extensionType.keyRequest:
      case extensionType.keyResponse:
        extensions.keyMaterial = body;
        break;
      case extensionType.streamId:
        extensions.streamId = parseStreamId(body, start);
        break;
      case extensionType.congestion:
        extensions.congestion = parseStreamId(body, start);
        break;
      case extensionType.filter:
        extensions.filter = parseStreamId(body, start);
        break;
      case extensionType.group:
        extensions.group = true;
        break;
      default: // Unknown extensions are ignored (3.2.1.1).
    }
  }
  return extensions;
}

function parseParameters(body: Uint8Array, offset: number): SrtParameters {
  if (body.length < 12) throw new FormatError('handshake request extension ends early', offset + body.length);
  const latencies = readU32(body, 8);
  return {
    version: readU32(body, 0),
    flags: readU32(body, 4),
    receiveLatencyMs: latencies >>> 16,
    sendLatencyMs: latencies & 0xffff,
  };
}

/**
 * Prints a handshake with its extensions, and room for the header of the packet, which is not written.
 *
 * @returns a packet whose first 16 bytes are 0
 */
export function printHandshake(handshake: Handshake): Uint8Array {
  const parts: Uint8Array[] = [];
  let field = handshake.extensionField;
  if (handshake.parameters || handshake.keyMaterial || handshake.streamId || handshake.congestion) {
    const answer = handshake.isAnswer ? 1 : 0;
    field = 0;
    if (handshake.parameters) {
      field |= 1;
      parts.push(printExtension(extensionType.request + answer, printParameters(handshake.parameters)));
    }
    if (handshake.keyMaterial) {
      field |= 2;
      parts.push(printExtension(extensionType.keyRequest + answer, handshake.keyMaterial));
    }
    if (handshake.streamId || handshake.congestion) field |= 4;
    if (handshake.streamId) parts.push(printExtension(extensionType.streamId, printStreamId(handshake.streamId)));
    if (handshake.congestion) parts.push(printExtension(extensionType.congestion, printStreamId(handshake.congestion)));
  }
  const packet = new Uint8Array(parts.reduce((sum, part) => sum + part.length, HANDSHAKE_BYTES));
  const words = [
    handshake.version,
    handshake.encryption * 0x1_0000 + field,
    handshake.sequence,
    handshake.mtu,
    handshake.flowWindow,
    handshake.type,
    handshake.socketId,
    handshake.cookie,
  ];
  words.forEach((value, index) => {
    writeU32(packet, HEADER_BYTES + 4 * index, value);
  });
  packet.set(handshake.peerAddress.subarray(0, 16), HEADER_BYTES + 32);
  let at = HANDSHAKE_BYTES;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}

function printParameters(parameters: SrtParameters): Uint8Array {
  const body = new Uint8Array(12);
  writeU32(body, 0, parameters.version);
  writeU32(body, 4, parameters.flags);
  writeU32(body, 8, parameters.receiveLatencyMs * 0x1_0000 + parameters.sendLatencyMs);
  return body;
}

/** @param body a multiple of 4 bytes */
function printExtension(type: number, body: Uint8Array): Uint8Array {
  const extension = new Uint8Array(4 + body.length);
  writeU32(extension, 0, type * 0x1_0000 + body.length / 4);
  extension.set(body, 4);
  return extension;
}

/** An SRT version for people: `1.5.3`. */
export function printVersion(version: number): string {
  return `${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`;
}
