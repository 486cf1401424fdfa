/**
 * The self-signed certificate of a WebRTC endpoint, and fingerprints of certificates.
 * In: nothing. Out: a key pair with its certificate in DER; the fingerprint that SDP names. RFC 5280 4.1,
 * RFC 8122 5.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate with its private key. */
export interface Certificate {
  /** X.509 in DER. */
  readonly der: Uint8Array;
  /** ECDSA, curve P-256. */
  readonly privateKey: KeyObject;
  /** SHA-256 of `der`, as in `a=fingerprint`. */
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;
/**
 * Peers compare fingerprints and ignore the dates; one that checks has a year, and a day of wrong clocks.
 */
const VALID_MS = 365 * DAY_MS;

/** Object identifiers in DER: ecdsa-with-SHA256, commonName. */
const ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/**
 * Creates a key pair with a self-signed certificate.
 *
 * @param nowMs unix milliseconds
 */
export function createCertificate(nowMs: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from('oxbow')))));
  const algorithm = der(0x30, ECDSA_SHA256);
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, and without a leading zero
  const content = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, serial),
    algorithm,
    name,
    der(0x30, time(nowMs - DAY_MS), time(nowMs + VALID_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', content, privateKey);
  const certificate = der(0x30, content, algorithm, der(0x03, Buffer.of(0), signature));
  return { der: certificate, privateKey, fingerprint: fingerprintOf(certificate) };
}

/** SHA-256 of a certificate: upper-case hexadecimal bytes separated by colons. */
export function fingerprintOf(certificate: Uint8Array): string {
  const digest = createHash('sha256').update(certificate).digest('hex').toUpperCase();
  return digest.match(/../g)!.join(':');
}

/** A value in the distinguished encoding rules: tag, length, content. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}

/** UTCTime, of years before 2050, or GeneralizedTime, RFC 5280 4.1.2.5. */
function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return text < '2050' ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}
