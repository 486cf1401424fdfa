/**
 * SRTP and SRTCP of one connection: protects what is sent, checks and decrypts what arrives.
 * In: RTP and RTCP packets. Out: protected packets, and the reverse. RFC 3711 3.3 and 3.4, RFC 7714.
 */
import type { SrtpSecret, SrtpSecrets } from '../dtls/handshake.ts';
import { createPacketCipher, type PacketCipher } from './packet-cipher.ts';
import { ReplayWindow } from './replay-window.ts';
import { deriveKeys } from './session-keys.ts';

const RTP_HEADER_BYTES = 12;
const RTCP_HEADER_BYTES = 8;
const INDEX_BYTES = 4;
/** The encryption flag of the SRTCP index word. */
const ENCRYPTED = 0x8000_0000;
/** Sources of one direction; packets of further ones are dropped. */
const MAX_SOURCES = 64;

interface Direction {
  readonly rtp: PacketCipher;
  readonly rtcp: PacketCipher;
}

/** One connection. */
export class Srtp {
  readonly #local: Direction;
  readonly #remote: Direction;
  /** By SSRC: the 48-bit index of the newest sent packet. */
  readonly #sent = new Map<number, number>();
  /** By SSRC: of RTP. */
  readonly #received = new Map<number, ReplayWindow>();
  /** By SSRC: of RTCP. */
  readonly #reports = new Map<number, ReplayWindow>();
  #reportIndex = 0;

  constructor({ profile, local, remote }: SrtpSecrets) {
    const direction = (secret: SrtpSecret): Direction => ({
      rtp: createPacketCipher(profile, 'rtp', deriveKeys(secret, 'rtp')),
      rtcp: createPacketCipher(profile, 'rtcp', deriveKeys(secret, 'rtcp')),
    });
    this.#local = direction(local);
    this.#remote = direction(remote);
  }

  /** Protects an RTP packet. Repeated packets (retransmissions) get the same number again. */
  protect(packet: Uint8Array): Uint8Array {
    const view = viewOf(packet);
    const ssrc = view.getUint32(8);
    const newest = this.#sent.get(ssrc);
    const index = newest === undefined ? view.getUint16(2) : nearestIndex(newest, view.getUint16(2));
    if (newest === undefined || index > newest) this.#sent.set(ssrc, index);
    const clear = packet.subarray(0, rtpHeaderBytes(packet));
    const secret = packet.subarray(clear.length);
    return Buffer.concat([clear, ...this.#local.rtp.seal(clear, secret, rollover(index), { ssrc, index })]);
  }

  /** Checks and decrypts an RTP packet; undefined if it is forged, damaged, repeated or too old. */
  unprotect(packet: Uint8Array): Uint8Array | undefined {
    const { rtp } = this.#remote;
    const headerBytes = rtpHeaderBytes(packet);
    if (packet.length < headerBytes + rtp.tagBytes) return undefined;
    const view = viewOf(packet);
    const ssrc = view.getUint32(8);
    const window = windowOf(this.#received, ssrc);
    if (!window) return undefined;
    const sequence = view.getUint16(2);
    const index = window.newest < 0 ? sequence : nearestIndex(window.newest, sequence);
    if (index < 0 || !window.isNew(index)) return undefined;
    const clear = packet.subarray(0, headerBytes);
    const tagAt = packet.length - rtp.tagBytes;
    const secret = packet.subarray(headerBytes, tagAt);
    const plain = rtp.open(clear, secret, rollover(index), packet.subarray(tagAt), { ssrc, index });
    if (!plain) return undefined;
    window.add(index);
    this.#received.set(ssrc, window);
    return Buffer.concat([clear, plain]);
  }

  /** Protects a compound RTCP packet. */
  protectRtcp(packet: Uint8Array): Uint8Array {
    const index = this.#reportIndex++ % 2 ** 31;
    const ssrc = viewOf(packet).getUint32(4);
    const clear = packet.subarray(0, RTCP_HEADER_BYTES);
    const suffix = Buffer.alloc(INDEX_BYTES);
    suffix.writeUInt32BE((ENCRYPTED | index) >>> 0);
    const [secret, tag] = this.#local.rtcp.seal(clear, packet.subarray(RTCP_HEADER_BYTES), suffix, { ssrc, index });
    // AES-CM has the tag at the end, AES-GCM directly after the encrypted part: RFC 3711 3.4, RFC 7714 9.1.
    const isGcm = tag!.length === 16;
    return Buffer.concat(isGcm ? [clear, secret!, tag!, suffix] : [clear, secret!, suffix, tag!]);
  }

  /** Checks and decrypts a compound RTCP packet; undefined if it is forged, damaged, repeated or too old. */
  unprotectRtcp(packet: Uint8Array): Uint8Array | undefined {
    const { rtcp } = this.#remote;
    const end = packet.length - rtcp.tagBytes - INDEX_BYTES;
    if (end < RTCP_HEADER_BYTES) return undefined;
    const isGcm = rtcp.tagBytes === 16;
    const suffixAt = isGcm ? end + rtcp.tagBytes : end;
    const tagAt = isGcm ? end : end + INDEX_BYTES;
    const view = viewOf(packet);
    const word = view.getUint32(suffixAt);
    const ssrc = view.getUint32(4);
    const window = windowOf(this.#reports, ssrc);
    const index = word & 0x7fff_ffff;
    if (word < ENCRYPTED || !window?.isNew(index)) return undefined;
    const clear = packet.subarray(0, RTCP_HEADER_BYTES);
    const plain = rtcp.open(
      clear,
      packet.subarray(RTCP_HEADER_BYTES, end),
      packet.subarray(suffixAt, suffixAt + INDEX_BYTES),
      packet.subarray(tagAt, tagAt + rtcp.tagBytes),
      { ssrc, index },
    );
    if (!plain) return undefined;
    window.add(index);
    this.#reports.set(ssrc, window);
    return Buffer.concat([clear, plain]);
  }
}

/** The window of a source, or a new one if there may be more sources. */
function windowOf(windows: ReadonlyMap<number, ReplayWindow>, ssrc: number): ReplayWindow | undefined {
  return windows.get(ssrc) ?? (windows.size < MAX_SOURCES ? new ReplayWindow() : undefined);
}

/** The index with this sequence number that is nearest to the newest one, RFC 3711 3.3.1; negative: before the first. */
function nearestIndex(newest: number, sequence: number): number {
  const distance = ((sequence - newest) << 16) >> 16;
  return newest + distance;
}

/** The rollover counter of an index, 4 bytes. */
function rollover(index: number): Uint8Array {
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(Math.floor(index / 65_536) >>> 0);
  return counter;
}

/** Bytes before the payload: fixed header, contributing sources, header extension. RFC 3550 5.1 */
function rtpHeaderBytes(packet: Uint8Array): number {
  if (packet.length < RTP_HEADER_BYTES) return Number.POSITIVE_INFINITY;
  const bytes = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f);
  if ((packet[0]! & 0x10) === 0) return bytes;
  return packet.length < bytes + 4 ? Number.POSITIVE_INFINITY : bytes + 4 + 4 * viewOf(packet).getUint16(bytes + 2);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
