/**
 * The box with the evidence of a file: a `uuid` box at its end, which players skip (ISO/IEC 14496-12, 4.2);
 * the same as a text for files without boxes.
 * In: a seal and the bytes of a bundle. Out: the box, and back. Pure. docs/5-record/evidence.md, "The box".
 */
import { FormatError } from '../errors.ts';

/** The extended type of the box: c7d1a0b4-6f0e-5b7e-9c55-6f78626f7701. */
export const EVIDENCE_UUID = Uint8Array.of(
  0xc7,
  0xd1,
  0xa0,
  0xb4,
  0x6f,
  0x0e,
  0x5b,
  0x7e,
  0x9c,
  0x55,
  0x6f,
  0x78,
  0x62,
  0x6f,
  0x77,
  0x01,
);
/** Largest box that is read, bytes. */
export const MAX_BOX_BYTES = 256 * 1024 * 1024;
/** Box header with its extended type, version and flags, and the length of the seal. */
const HEAD_BYTES = 8 + 16 + 4 + 4;

/**
 * The box: size, `uuid`, extended type, version and flags (0), length of the seal, seal, bundle; both are
 * UTF-8.
 *
 * @throws RangeError for a box of 4 GiB
 */
export function printEvidenceBox(seal: string, bundle: Uint8Array): Uint8Array {
  const sealBytes = new TextEncoder().encode(seal);
  const size = HEAD_BYTES + sealBytes.length + bundle.length;
  const box = new Uint8Array(size);
  const view = new DataView(box.buffer);
  if (size > 0xffffffff) throw new RangeError(`a box of ${size} bytes`);
  view.setUint32(0, size);
  view.setUint32(4, 0x75756964); // uuid
  box.set(EVIDENCE_UUID, 8);
  view.setUint32(28, sealBytes.length);
  box.set(sealBytes, HEAD_BYTES);
  box.set(bundle, HEAD_BYTES + sealBytes.length);
  return box;
}

/** Whether a box with the type `uuid` is this one. @param body the box without its 8 bytes of header */
export function isEvidence(body: Uint8Array): boolean {
  return body.length >= 16 && EVIDENCE_UUID.every((byte, i) => body[i] === byte);
}

/**
 * Reads the box.
 *
 * @param body without its 8 bytes of header
 * @throws FormatError if its version is unknown or it ends early
 */
export function parseEvidenceBox(body: Uint8Array): { readonly seal: string; readonly bundle: Uint8Array } {
  if (body.length < HEAD_BYTES - 8) throw new FormatError('the evidence box ends early', body.length);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (view.getUint32(16) !== 0) throw new FormatError('the evidence box has an unknown version', 16);
  const sealBytes = view.getUint32(20);
  if (24 + sealBytes > body.length) throw new FormatError('the seal of the evidence ends early', 20);
  const seal = new TextDecoder('utf-8', { fatal: false }).decode(body.subarray(24, 24 + sealBytes));
  return { seal, bundle: body.subarray(24 + sealBytes) };
}

/** First line of the evidence where it is a text: the tag of a Matroska file. */
const TEXT_NAME = 'oxbow-evidence-1';
/** Bytes of a seal that is read. */
const MAX_SEAL_BYTES = 4096;

/** The evidence as a text of three lines: its name, the seal, the bundle. */
export function printEvidenceText(seal: string, bundle: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${TEXT_NAME}\n${seal}\n`);
  const text = new Uint8Array(head.length + bundle.length);
  text.set(head);
  text.set(bundle, head.length);
  return text;
}

/** Reads the text of `printEvidenceText`; undefined: it is another text. */
export function parseEvidenceText(
  text: Uint8Array,
): { readonly seal: string; readonly bundle: Uint8Array } | undefined {
  const sealAt = TEXT_NAME.length + 1;
  const sealEnd = text.subarray(0, sealAt + MAX_SEAL_BYTES).indexOf(0x0a, sealAt);
  const head = new TextDecoder().decode(text.subarray(0, Math.max(0, sealEnd)));
  if (!head.startsWith(`${TEXT_NAME}\n`)) return undefined;
  return { seal: head.slice(sealAt), bundle: text.subarray(sealEnd + 1) };
}
