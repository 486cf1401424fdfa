/**
 * The header of a VP8 key frame, and the configuration that follows from it.
 * In: frames. Out: sizes; CMAF has no VP8, so it is converted before the stream. Pure. RFC 6386 9.1.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';

const KEY_HEAD_BYTES = 10;
const START_CODE = 0x9d012a;

/** Whether a frame that is not empty is a key frame. */
export function isVp8Key(data: Uint8Array): boolean {
  return data.length > 0 && (data[0]! & 1) === 0;
}

/** The configuration of a key frame. @throws FormatError if it ends early or has no size */
export function vp8Config(data: Uint8Array): VideoConfig {
  if (data.length < KEY_HEAD_BYTES) throw new FormatError('a VP8 key frame ends early', data.length);
  const reader = new ByteReader(data, 'VP8 key frame', 3);
  if (reader.u24() !== START_CODE) throw new FormatError('a VP8 key frame without its start code', 3);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const [width, height] = [view.getUint16(6, true) & 0x3fff, view.getUint16(8, true) & 0x3fff];
  if (width === 0 || height === 0) throw new FormatError('a VP8 key frame without a size', 6);
  return { codec: 'vp8', record: new Uint8Array(0), codecs: 'vp8', width, height };
}
