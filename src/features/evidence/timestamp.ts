/**
 * Requests of a timestamp authority, and its answers.
 * In: a hash. Out: a TimeStampReq; whether a TimeStampResp grants it. Pure. RFC 3161, 2.4; X.690 (DER).
 */
import { OxbowError } from '../../lib/errors.ts';

/** Content types of RFC 3161, 3.4. */
export const TIMESTAMP_QUERY = 'application/timestamp-query';

/** AlgorithmIdentifier of SHA-256: its object identifier, and NULL. */
const SHA_256 = Buffer.from('300d06096086480165030402010500', 'hex');
const VERSION_1 = Buffer.from('020101', 'hex');
const CERT_REQ = Buffer.from('0101ff', 'hex');
const [SEQUENCE, INTEGER, OCTET_STRING] = [0x30, 0x02, 0x04];

/**
 * A request for a token over a hash, with the certificate of the authority in it.
 *
 * @param digest SHA-256
 * @param nonce 8 bytes
 */
export function printTimestampQuery(digest: Uint8Array, nonce: Uint8Array): Buffer {
  const imprint = der(SEQUENCE, SHA_256, der(OCTET_STRING, digest));
  return der(SEQUENCE, VERSION_1, imprint, der(INTEGER, integerOf(nonce)), CERT_REQ);
}

/** A positive number as the content of an INTEGER: no more bytes than it needs (X.690, 8.3). */
function integerOf(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  const needed = first < 0 ? Uint8Array.of(0) : bytes.subarray(first);
  return needed[0]! < 0x80 ? needed : Buffer.concat([Uint8Array.of(0), needed]);
}

/**
 * Checks that an answer grants a token over the hash. Its signature is for the verifier, who has the
 * certificate.
 *
 * @throws OxbowError `source-failed`
 */
export function checkTimestamp(answer: Uint8Array, digest: Uint8Array, nonce: Uint8Array): void {
  const bytes = Buffer.from(answer);
  // TimeStampResp, PKIStatusInfo, PKIStatus: granted, or granted with changes.
  const status = statusOf(bytes);
  const isGranted = status === 0 || status === 1;
  const isOver = bytes.includes(Buffer.from(digest)) && bytes.includes(Buffer.from(integerOf(nonce)));
  if (isGranted && isOver) return;
  const reason =
    status === undefined ? 'is no TimeStampResp' : isGranted ? 'is over another hash' : `has the status ${status}`;
  throw new OxbowError('source-failed', `The answer of the timestamp authority ${reason}.`);
}

function statusOf(bytes: Buffer): number | undefined {
  const outer = contentAt(bytes, 0, SEQUENCE);
  const info = outer === undefined ? undefined : contentAt(bytes, outer, SEQUENCE);
  if (info === undefined || bytes[info] !== INTEGER || bytes[info + 1] !== 1) return undefined;
  return bytes[info + 2];
}

/** Offset of the content of an element; undefined if it has another tag. */
function contentAt(bytes: Buffer, at: number, tag: number): number | undefined {
  const length = bytes[at + 1];
  if (bytes[at] !== tag || length === undefined) return undefined;
  return length < 0x80 ? at + 2 : at + 2 + (length & 0x7f);
}

function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length];
  return Buffer.concat([Uint8Array.of(tag, ...length), body]);
}
