/**
 * Handshake messages: how they are printed, and those about keys and certificates.
 * In: bodies of messages. Out: values, and the reverse. RFC 6347 4.2.2, RFC 5246 7.4, RFC 8422 5.
 */
import { ByteReader, concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { sized } from './hello.ts';

/** Types, RFC 5246 7.4. */
export const handshakeType = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

const HEADER_BYTES = 12;

export interface HandshakeMessage {
  readonly type: number;
  /** Counts the messages of one side. */
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** A message as one fragment: as it is hashed, and sent where it fits. */
export function printMessage({ type, sequence, body }: HandshakeMessage): Uint8Array {
  return printFragment({ type, sequence, body }, 0, body.length);
}

/** Fragments of a message. @param maxBytes of a fragment with its header */
export function printFragments(message: HandshakeMessage, maxBytes: number): Uint8Array[] {
  const step = maxBytes - HEADER_BYTES;
  const fragments: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < message.body.length; at += step) {
    fragments.push(printFragment(message, at, Math.min(step, message.body.length - at)));
  }
  return fragments;
}

function printFragment({ type, sequence, body }: HandshakeMessage, at: number, length: number): Uint8Array {
  const fragment = new Uint8Array(HEADER_BYTES + length);
  const view = new DataView(fragment.buffer);
  const u24 = (offset: number, value: number) => {
    fragment[offset] = value >> 16;
    view.setUint16(offset + 1, value & 0xffff);
  };
  fragment[0] = type;
  u24(1, body.length);
  view.setUint16(4, sequence);
  u24(6, at);
  u24(9, length);
  fragment.set(body.subarray(at, at + length), HEADER_BYTES);
  return fragment;
}

/**
 * The first certificate of a Certificate message in DER; undefined if it is empty.
 * @throws FormatError if it is malformed
 */
export function parseCertificates(body: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(body, 'Certificate');
  const list = new ByteReader(reader.take(reader.u24()), 'certificates');
  return list.left > 0 ? list.take(list.u24()) : undefined;
}

/** The body of a Certificate message with one certificate in DER. */
export function printCertificates(certificate: Uint8Array): Uint8Array {
  return sized(3, sized(3, certificate));
}

/** The server's part of the key agreement, RFC 8422 5.4. */
interface ServerKeyExchange {
  readonly group: number;
  /** A point: 65 bytes on P-256, 32 bytes of X25519. */
  readonly publicKey: Uint8Array;
  /** The signed part of the message. */
  readonly parameters: Uint8Array;
  readonly scheme: number;
  readonly signature: Uint8Array;
}

/** @throws FormatError if it is malformed, or the curve has no name */
export function parseServerKeyExchange(body: Uint8Array): ServerKeyExchange {
  const reader = new ByteReader(body, 'ServerKeyExchange');
  if (reader.u8() !== 3) throw new FormatError('only named curves are supported', 0);
  const group = reader.u16();
  const publicKey = reader.take(reader.u8());
  const parameters = body.subarray(0, reader.offset);
  return { group, publicKey, parameters, scheme: reader.u16(), signature: reader.take(reader.u16()) };
}

/** The signed part of a ServerKeyExchange. */
export function printKeyParameters(group: number, publicKey: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(3, group >> 8, group & 0xff), sized(1, publicKey)]);
}

/** A signature after its scheme: the end of ServerKeyExchange, and CertificateVerify. */
export function printSignature(scheme: number, signature: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(scheme >> 8, scheme & 0xff), sized(2, signature)]);
}

/** The body of a CertificateVerify. @throws FormatError if it is malformed */
export function parseSignature(body: Uint8Array): { scheme: number; signature: Uint8Array } {
  const reader = new ByteReader(body, 'CertificateVerify');
  return { scheme: reader.u16(), signature: reader.take(reader.u16()) };
}

/** The public key of a ClientKeyExchange. @throws FormatError if it is malformed */
export function parseClientKey(body: Uint8Array): Uint8Array {
  const reader = new ByteReader(body, 'ClientKeyExchange');
  return reader.take(reader.u8());
}

/** A request for a certificate of any issuer, signed with ECDSA or RSA. RFC 5246 7.4.4 */
export const certificateRequest: Uint8Array = Uint8Array.of(2, 64, 1, 0, 4, 0x04, 0x03, 0x04, 0x01, 0, 0);
