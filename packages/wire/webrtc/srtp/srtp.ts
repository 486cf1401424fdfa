/**
 * SRTP and SRTCP of one connection: protects what is sent, checks and decrypts what arrives.
 * In: RTP and RTCP packets. Out: protected packets, and the reverse. RFC 3711 3.3 and 3.4, RFC 7714.
 */
import { type RtpPieces, rtpHeaderBytes } from '@oxbow/media/rtp/packet';
import type { SrtpSecret, SrtpSecrets } from '../dtls/handshake.ts';
import { createPacketCipher, type PacketCipher } from './packet-cipher.ts';
import { ReplayWindow } from './replay-window.ts';
import { deriveKeys } from './session-keys.ts';

const RTP_HEADER_BYTES = 12;
const RTCP_HEADER_BYTES = 8;
const INDEX_BYTES = 4;
/** The encryption flag of the SRTCP index word. */
const ENCRYPTED = 0x8000_0000;
/** Sources of the peer; packets of further ones are dropped. */
const MAX_SOURCES = 64;
/** Sources of this side; none is forgotten, because its packet numbers must not be used again. */
const MAX_OWN_SOURCES = 1024;
/** Packet indexes have 48 bits: the rollover counter and the sequence number. */
const MAX_INDEX = 2 ** 48 - 1;

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

  /**
   * Protects an RTP packet. A packet that is sent again must have the same bytes: two packets with one number
   * reveal the authentication key of AES-GCM, RFC 7714 8.4. The first sequence number of a source should be
   * below 32,768, so that the peer counts rollovers correctly when the first packets are lost or reordered.
   *
   * @returns valid until the next packet is protected or unprotected; undefined if the packet has no header,
   *   is older than the first one of its source, or has one source too many
   */
  protect({ header, payload }: RtpPieces): Uint8Array | undefined {
    if (header.length < RTP_HEADER_BYTES || header.length % 4 !== 0) return undefined;
    const { ssrc, sequence } = readNumbers(header);
    const newest = this.#sent.get(ssrc);
    if (newest === undefined && this.#sent.size >= MAX_OWN_SOURCES) return undefined;
    const index = newest === undefined ? sequence : nearestIndex(newest, sequence);
    if (index < 0 || index > MAX_INDEX) return undefined;
    if (newest === undefined || index > newest) this.#sent.set(ssrc, index);
    return this.#local.rtp.seal(header, payload, rollover(index), { ssrc, index });
  }

  /** Checks and decrypts an RTP packet; undefined if it is forged, damaged, repeated or too old. */
  unprotect(packet: Uint8Array): Uint8Array | undefined {
    const { rtp } = this.#remote;
    const headerBytes = rtpHeaderBytes(packet);
    if (packet.length < headerBytes + rtp.tagBytes) return undefined;
    const { ssrc, sequence } = readNumbers(packet);
    const window = this.#received.get(ssrc);
    if (!window && this.#received.size >= MAX_SOURCES) return undefined;
    const index = window ? nearestIndex(window.newest, sequence) : sequence;
    if (index < 0 || index > MAX_INDEX || window?.isNew(index) === false) return undefined;
    const clear = packet.subarray(0, headerBytes);
    const tagAt = packet.length - rtp.tagBytes;
    const secret = packet.subarray(headerBytes, tagAt);
    const plain = rtp.open(clear, secret, rollover(index), packet.subarray(tagAt), { ssrc, index });
    if (plain) mark(this.#received, ssrc, index);
    return plain;
  }

  /** Protects a compound RTCP packet. @returns as `protect` does; undefined if it has no header */
  protectRtcp(packet: Uint8Array): Uint8Array | undefined {
    if (packet.length < RTCP_HEADER_BYTES) return undefined;
    const index = this.#reportIndex++ % 2 ** 31;
    const ssrc = viewOf(packet).getUint32(4);
    const clear = packet.subarray(0, RTCP_HEADER_BYTES);
    const suffix = Buffer.alloc(INDEX_BYTES);
    suffix.writeUInt32BE((ENCRYPTED | index) >>> 0);
    return this.#local.rtcp.seal(clear, packet.subarray(RTCP_HEADER_BYTES), suffix, { ssrc, index });
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
    const window = this.#reports.get(ssrc);
    if (!window && this.#reports.size >= MAX_SOURCES) return undefined;
    const index = word & 0x7fff_ffff;
    if (word < ENCRYPTED || window?.isNew(index) === false) return undefined;
    const clear = packet.subarray(0, RTCP_HEADER_BYTES);
    const plain = rtcp.open(
      clear,
      packet.subarray(RTCP_HEADER_BYTES, end),
      packet.subarray(suffixAt, suffixAt + INDEX_BYTES),
      packet.subarray(tagAt, tagAt + rtcp.tagBytes),
      { ssrc, index },
    );
    if (plain) mark(this.#reports, ssrc, index);
    return plain;
  }
}

/** Marks a number as used, after its packet was authenticated: only then a source gets a window. */
function mark(windows: Map<number, ReplayWindow>, ssrc: number, index: number): void {
  let window = windows.get(ssrc);
  if (!window) {
    window = new ReplayWindow();
    windows.set(ssrc, window);
  }
  window.add(index);
}

/**
 * The index with this sequence number that is nearest to the newest one, RFC 3711 3.3.1; negative: before the
 * first.
 */
function nearestIndex(newest: number, sequence: number): number {
  const distance = ((sequence - newest) << 16) >> 16;
  return newest + distance;
}

const counter = Buffer.alloc(4);

/** The rollover counter of an index, 4 bytes that are valid until the next call. */
function rollover(index: number): Uint8Array {
  counter.writeUInt32BE(Math.floor(index / 65_536));
  return counter;
}

/** Fields of the header of an RTP packet, RFC 3550 5.1. */
function readNumbers(packet: Uint8Array): { readonly ssrc: number; readonly sequence: number } {
  const ssrc = ((packet[8]! << 24) | (packet[9]! << 16) | (packet[10]! << 8) | packet[11]!) >>> 0;
  return { ssrc, sequence: (packet[2]! << 8) | packet[3]! };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
