/**
 * RTP payload format of VP8: frames, and a configuration with the size of each key frame that has another
 * one.
 * In: payloads. Out: frames; CMAF has no VP8, so it is converted before the stream. RFC 7741 4.2
 * (descriptor), 4.3 (payload header).
 */
import { ByteReader, concatBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import type { VideoConfig } from '../../frame.ts';
import { type Depacketizer, type DepacketizerOutput, MAX_UNIT_BYTES } from './payload.ts';
import { UnitAssembler, type VideoPayload } from './unit-assembler.ts';

const KEY_HEAD_BYTES = 10;
const START_CODE = 0x9d012a;

/** Reads VP8. */
export function createVp8Depacketizer(out: DepacketizerOutput): Depacketizer {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let config: VideoConfig | undefined;
  const clear = () => {
    pieces = [];
    bytes = 0;
  };
  const payload: VideoPayload = {
    payload(packet) {
      const reader = new ByteReader(packet, 'VP8 payload descriptor');
      const first = reader.u8();
      if (first & 0x80) skipExtensions(reader);
      const isStart = (first & 0x10) !== 0 && (first & 7) === 0;
      if (isStart !== (pieces.length === 0)) {
        throw new FormatError(isStart ? 'a VP8 frame without its end' : 'a piece of a VP8 frame without its start', 0);
      }
      bytes += reader.left;
      if (bytes > MAX_UNIT_BYTES) throw new FormatError(`a frame of more than ${MAX_UNIT_BYTES} bytes`, 0);
      pieces.push(reader.take(reader.left));
    },
    unit() {
      const data = concatBytes(pieces);
      clear();
      if (data.length === 0) return undefined;
      if (data[0]! & 1) return { key: false, data };
      const { width, height } = parseKeyFrame(data);
      if (config?.width !== width || config.height !== height) {
        config = { codec: 'vp8', record: new Uint8Array(0), codecs: 'vp8', width, height };
        out.config(config);
      }
      return { key: true, data };
    },
    clear,
  };
  return new UnitAssembler(payload, out);
}

function skipExtensions(reader: ByteReader): void {
  const flags = reader.u8();
  if (flags & 0x80 && reader.u8() & 0x80) reader.skip(1); // PictureID
  if (flags & 0x40) reader.skip(1); // TL0PICIDX
  if (flags & 0x30) reader.skip(1); // TID, KEYIDX
}

/** The size of a key frame, RFC 6386 9.1. */
function parseKeyFrame(data: Uint8Array): { readonly width: number; readonly height: number } {
  if (data.length < KEY_HEAD_BYTES) throw new FormatError('a VP8 key frame ends early', data.length);
  const reader = new ByteReader(data, 'VP8 key frame', 3);
  if (reader.u24() !== START_CODE) throw new FormatError('a VP8 key frame without its start code', 3);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const size = { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
  if (size.width === 0 || size.height === 0) throw new FormatError('a VP8 key frame without a size', 6);
  return size;
}
