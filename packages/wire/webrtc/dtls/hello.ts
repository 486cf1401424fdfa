/**
 * ClientHello, ServerHello and HelloVerifyRequest with the extensions that WebRTC uses.
 * In: bodies of handshake messages. Out: values, and the reverse. RFC 5246 7.4.1, RFC 6347 4.2.1, RFC 5764
 * 4.1.1 (use_srtp).
 */
import { ByteReader, concatBytes } from '@oxbow/media/bytes';

/** Cipher suites: keys agreed by ECDHE, signed with ECDSA or RSA, records in AES-128-GCM (RFC 5289). */
export const cipherSuite = { ecdsa: 0xc02b, rsa: 0xc02f } as const;
/** The group of the key agreement, which every implementation of WebRTC has: P-256, RFC 8422 5.1.1. */
export const P256 = 0x0017;
/** Signatures, RFC 5246 7.4.1.4.1: SHA-256 with ECDSA or RSA. */
export const signatureScheme = { ecdsa: 0x0403, rsa: 0x0401 } as const;

const extension = {
  groups: 10,
  pointFormats: 11,
  signatures: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  renegotiation: 0xff01,
} as const;

/** The offer of the client. */
export interface ClientHello {
  /** Of DTLS; a client of 1.3 sends 1.2 here. */
  readonly version: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly cookie: Uint8Array;
  readonly cipherSuites: readonly number[];
  readonly groups: readonly number[];
  readonly signatures: readonly number[];
  /** SRTP protection profiles, RFC 5764 4.1.2. */
  readonly srtpProfiles: readonly number[];
  readonly extendedMasterSecret: boolean;
  readonly renegotiationInfo: boolean;
}

/** The choice of the server. */
interface ServerHello {
  readonly version: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly cipherSuite: number;
  /** Undefined: no SRTP. */
  readonly srtpProfile: number | undefined;
  readonly extendedMasterSecret: boolean;
  readonly renegotiationInfo: boolean;
}

/** @throws FormatError if it is malformed */
export function parseClientHello(body: Uint8Array): ClientHello {
  const reader = new ByteReader(body, 'ClientHello');
  const version = reader.u16();
  const random = reader.take(32);
  reader.skip(reader.u8()); // session id
  const cookie = reader.take(reader.u8());
  const cipherSuites = numbers(reader.take(reader.u16()));
  reader.skip(reader.u8()); // compression methods
  const extensions = parseExtensions(reader);
  const list = (id: number) => {
    const value = extensions.get(id);
    if (!value) return [];
    const inner = new ByteReader(value, 'extension of ClientHello');
    return numbers(inner.take(inner.u16()));
  };
  return {
    version,
    random,
    cookie,
    cipherSuites,
    groups: list(extension.groups),
    signatures: list(extension.signatures),
    srtpProfiles: list(extension.useSrtp),
    extendedMasterSecret: extensions.has(extension.extendedMasterSecret),
    renegotiationInfo: extensions.has(extension.renegotiation) || cipherSuites.includes(0x00ff), // RFC 5746 3.3
  };
}

/** The body of a ClientHello. */
export function printClientHello(hello: ClientHello): Uint8Array {
  const list = (values: readonly number[]) => sized(2, words(values));
  const extensions = [
    printExtension(extension.groups, list(hello.groups)),
    printExtension(extension.pointFormats, Uint8Array.of(1, 0)),
    printExtension(extension.signatures, list(hello.signatures)),
    printExtension(extension.useSrtp, concatBytes([list(hello.srtpProfiles), Uint8Array.of(0)])),
    ...commonExtensions(hello),
  ];
  return concatBytes([
    words([hello.version]),
    hello.random,
    Uint8Array.of(0), // session id
    sized(1, hello.cookie),
    list(hello.cipherSuites),
    Uint8Array.of(1, 0), // no compression
    sized(2, concatBytes(extensions)),
  ]);
}

/** @throws FormatError if it is malformed */
export function parseServerHello(body: Uint8Array): ServerHello {
  const reader = new ByteReader(body, 'ServerHello');
  const version = reader.u16();
  const random = reader.take(32);
  reader.skip(reader.u8());
  const suite = reader.u16();
  reader.skip(1);
  const extensions = parseExtensions(reader);
  const useSrtp = extensions.get(extension.useSrtp);
  return {
    version,
    random,
    cipherSuite: suite,
    srtpProfile: useSrtp && new ByteReader(useSrtp, 'use_srtp', 2).u16(),
    extendedMasterSecret: extensions.has(extension.extendedMasterSecret),
    renegotiationInfo: extensions.has(extension.renegotiation),
  };
}

/** The body of a ServerHello. */
export function printServerHello(hello: ServerHello): Uint8Array {
  const extensions = [
    printExtension(extension.pointFormats, Uint8Array.of(1, 0)),
    ...(hello.srtpProfile === undefined
      ? []
      : [printExtension(extension.useSrtp, concatBytes([sized(2, words([hello.srtpProfile])), Uint8Array.of(0)]))]),
    ...commonExtensions(hello),
  ];
  return concatBytes([
    words([hello.version]),
    hello.random,
    Uint8Array.of(0), // session id
    words([hello.cipherSuite]),
    Uint8Array.of(0), // no compression
    sized(2, concatBytes(extensions)),
  ]);
}

/** The cookie of a HelloVerifyRequest. @throws FormatError if it is malformed */
export function parseCookie(body: Uint8Array): Uint8Array {
  const reader = new ByteReader(body, 'HelloVerifyRequest');
  reader.skip(2);
  return reader.take(reader.u8());
}

function parseExtensions(reader: ByteReader): Map<number, Uint8Array> {
  const extensions = new Map<number, Uint8Array>();
  if (reader.left === 0) return extensions;
  const inner = new ByteReader(reader.take(reader.u16()), 'extensions');
  while (inner.left > 0) extensions.set(inner.u16(), inner.take(inner.u16()));
  return extensions;
}

function commonExtensions(hello: ClientHello | ServerHello): Uint8Array[] {
  return [
    ...(hello.extendedMasterSecret ? [printExtension(extension.extendedMasterSecret, new Uint8Array())] : []),
    ...(hello.renegotiationInfo ? [printExtension(extension.renegotiation, Uint8Array.of(0))] : []),
  ];
}

function printExtension(id: number, value: Uint8Array): Uint8Array {
  return concatBytes([words([id]), sized(2, value)]);
}

function numbers(bytes: Uint8Array): number[] {
  const reader = new ByteReader(bytes, 'list of numbers');
  const values: number[] = [];
  while (reader.left > 0) values.push(reader.u16());
  return values;
}

function words(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

/** A value after its length. @param bytes size of the length */
export function sized(bytes: 1 | 2 | 3, value: Uint8Array): Uint8Array {
  const length = Uint8Array.from({ length: bytes }, (_, at) => (value.length >> (8 * (bytes - 1 - at))) & 0xff);
  return concatBytes([length, value]);
}
