/**
 * The Opus identification header, which Ogg, Matroska and enhanced RTMP have in place of `dOps`.
 * In: a `dOps`, or a header. Out: the other one. RFC 7845, 5.1; Opus in ISO BMFF, 4.3.2.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { AudioConfig } from '../frame.ts';
import { OPUS_RATE } from './packet.ts';

const MAGIC = new TextEncoder().encode('OpusHead');
const HEAD_BYTES = 19;

/**
 * The header of a `dOps`.
 *
 * @param preSkip samples at 48 kHz that are not to be heard; undefined keeps that of the record
 * @throws FormatError if the record ends early
 */
export function printOpusHead(record: Uint8Array, preSkip?: number): Uint8Array {
  const dOps = new ByteReader(record, 'dOps');
  dOps.skip(1); // Version
  const channels = dOps.u8();
  const recorded = dOps.u16();
  const inputRate = dOps.u32();
  const gain = dOps.u16();
  const family = dOps.u8();
  const mapping = dOps.take(dOps.left);
  const head = new Uint8Array(HEAD_BYTES + mapping.length);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint8(8, 1);
  view.setUint8(9, channels);
  view.setUint16(10, preSkip ?? recorded, true);
  view.setUint32(12, inputRate, true);
  view.setUint16(16, gain, true);
  view.setUint8(18, family);
  head.set(mapping, HEAD_BYTES);
  return head;
}

/**
 * The configuration of a track from its identification header. PreSkip is 0: a live stream is joined in the
 * middle.
 *
 * @throws FormatError if it ends early, has no channel or another magic
 */
export function opusConfigFromHead(head: Uint8Array): AudioConfig {
  const reader = new ByteReader(head, 'OpusHead');
  for (const byte of MAGIC) if (reader.u8() !== byte) throw new FormatError('OpusHead without its magic', 0);
  if (reader.u8() >> 4 !== 0) throw new FormatError('OpusHead of an unknown version', 8);
  const channels = reader.u8();
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  reader.skip(8);
  const family = reader.u8();
  if (channels === 0) throw new FormatError('OpusHead without a channel', 9);
  if (family === 0 && channels > 2) throw new FormatError(`OpusHead of family 0 with ${channels} channels`, 9);
  const mapping = family === 0 ? new Uint8Array(0) : reader.take(2 + channels);
  const record = new Uint8Array(11 + mapping.length);
  const out = new DataView(record.buffer);
  out.setUint8(1, channels);
  out.setUint32(4, view.getUint32(12, true));
  out.setUint16(8, view.getUint16(16, true));
  out.setUint8(10, family);
  record.set(mapping, 11);
  return { codec: 'opus', record, codecs: 'opus', sampleRate: OPUS_RATE, channels };
}
