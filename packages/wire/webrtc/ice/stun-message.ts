/**
 * STUN messages with the attributes of ICE.
 * In: datagrams. Out: values, and the reverse; their integrity with a password. RFC 8489 5 and 14, RFC 8445
 * 16.1.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';

const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112_a442;
const INTEGRITY_BYTES = 24;
const FINGERPRINT_BYTES = 8;
/**
 * The checks of browsers have about 150 bytes; a longer message is not from ICE, and is not searched for
 * attributes.
 */
const MAX_BYTES = 1500;
const FINGERPRINT_XOR = 0x5354_554e;

/** Class and method of the messages that ICE uses, RFC 8489 5. */
export const stunType = {
  bindingRequest: 0x0001,
  bindingIndication: 0x0011,
  bindingSuccess: 0x0101,
  bindingError: 0x0111,
} as const;

/** Attributes, RFC 8489 14 and RFC 8445 16.1. */
export const stunAttribute = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

export interface StunMessage {
  readonly type: number;
  /** 12 bytes. */
  readonly transaction: Uint8Array;
  /** Values by type; of several with one type, the first counts (RFC 8489 14). */
  readonly attributes: ReadonlyMap<number, Uint8Array>;
  /** The bytes that MESSAGE-INTEGRITY covers, and its value; undefined where there is none. */
  readonly signed?: { readonly content: Uint8Array; readonly hmac: Uint8Array };
}

/** Whether a datagram is STUN and not DTLS or RTP, RFC 7983. */
export function isStun(datagram: Uint8Array): boolean {
  return datagram.length >= HEADER_BYTES && datagram[0]! < 4 && viewOf(datagram).getUint32(4) === MAGIC_COOKIE;
}

/** @throws FormatError if it is malformed, or its fingerprint is wrong */
export function parseStun(datagram: Uint8Array): StunMessage {
  if (!isStun(datagram)) throw new FormatError('not a STUN message', 0);
  if (datagram.length > MAX_BYTES) throw new FormatError('a STUN message is too long', 0);
  const view = viewOf(datagram);
  const end = HEADER_BYTES + view.getUint16(2);
  if (end !== datagram.length || end % 4 !== 0) throw new FormatError('the length of a STUN message is wrong', 2);
  const attributes = new Map<number, Uint8Array>();
  let signed: StunMessage['signed'];
  for (let at = HEADER_BYTES; at < end; ) {
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    const value = datagram.subarray(at + 4, at + 4 + length);
    if (at + 4 + length > end) throw new FormatError('a STUN attribute ends early', at);
    if (type === stunAttribute.fingerprint) checkFingerprint(datagram, at, value);
    // After the integrity only the fingerprint counts, RFC 8489 14.5.
    else if (!signed && !attributes.has(type)) attributes.set(type, value);
    if (type === stunAttribute.messageIntegrity && !signed) {
      if (length !== 20) throw new FormatError('MESSAGE-INTEGRITY does not have 20 bytes', at);
      signed = { content: withLength(datagram.subarray(0, at), at + INTEGRITY_BYTES), hmac: value };
    }
    at += 4 + length + ((4 - (length & 3)) & 3);
  }
  const transaction = datagram.subarray(8, HEADER_BYTES);
  return { type: view.getUint16(0), transaction, attributes, ...(signed && { signed }) };
}

/** Whether a message was sent by someone who has the password. */
export function hasIntegrity({ signed }: StunMessage, password: string): boolean {
  return signed !== undefined && timingSafeEqual(hmacOf(signed.content, password), signed.hmac);
}

/**
 * Prints a message with MESSAGE-INTEGRITY and FINGERPRINT.
 *
 * @param password the short-term credential, in ASCII
 */
export function printStun({ type, transaction, attributes }: StunMessage, password: string): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = viewOf(header);
  view.setUint16(0, type);
  view.setUint32(4, MAGIC_COOKIE);
  header.set(transaction, 8);
  const content = concatBytes([header, ...[...attributes].map(([each, value]) => printAttribute(each, value))]);
  const hmac = hmacOf(withLength(content, content.length + INTEGRITY_BYTES), password);
  const signed = concatBytes([content, printAttribute(stunAttribute.messageIntegrity, hmac)]);
  const covered = withLength(signed, signed.length + FINGERPRINT_BYTES);
  return concatBytes([covered, printAttribute(stunAttribute.fingerprint, u32(crc32(covered) ^ FINGERPRINT_XOR))]);
}

/** The value of XOR-MAPPED-ADDRESS, RFC 8489 14.2. @param address 4 or 16 bytes */
export function printXorAddress(address: Uint8Array, port: number, transaction: Uint8Array): Uint8Array {
  const mask = concatBytes([u32(MAGIC_COOKIE), transaction]);
  const value = new Uint8Array(4 + address.length);
  value[1] = address.length === 4 ? 1 : 2;
  viewOf(value).setUint16(2, port ^ (MAGIC_COOKIE >>> 16));
  for (let i = 0; i < address.length; i++) value[4 + i] = address[i]! ^ mask[i]!;
  return value;
}

/** The value of ERROR-CODE, RFC 8489 14.8. */
export function printErrorCode(code: number, reason: string): Uint8Array {
  return concatBytes([Uint8Array.of(0, 0, Math.floor(code / 100), code % 100), new TextEncoder().encode(reason)]);
}

/** 32 bits, big-endian. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function printAttribute(type: number, value: Uint8Array): Uint8Array {
  const printed = new Uint8Array(4 + Math.ceil(value.length / 4) * 4);
  const view = viewOf(printed);
  view.setUint16(0, type);
  view.setUint16(2, value.length);
  printed.set(value, 4);
  return printed;
}

function checkFingerprint(datagram: Uint8Array, at: number, value: Uint8Array): void {
  const expected = u32(crc32(datagram.subarray(0, at)) ^ FINGERPRINT_XOR);
  if (value.length !== 4 || value.some((byte, i) => byte !== expected[i])) {
    throw new FormatError('the fingerprint of a STUN message is wrong', at);
  }
}

/** A copy whose header says that the message ends at `end`. */
function withLength(content: Uint8Array, end: number): Uint8Array {
  const copy = Uint8Array.from(content);
  viewOf(copy).setUint16(2, end - HEADER_BYTES);
  return copy;
}

function hmacOf(content: Uint8Array, password: string): Buffer {
  return createHmac('sha1', password).update(content).digest();
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
