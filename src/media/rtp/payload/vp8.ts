/**
 * RTP payload format of VP8: frames, key frames and their size.
 * In: payloads. Out: frames without a configuration, because CMAF has no VP8. RFC 7741 4.2 (descriptor), 4.3 (payload header).
 */
import { ByteReader, concatBytes } from '../../../lib/bytes.ts';
import { FormatError } from '../../../lib/errors.ts';
import { type Depacketizer, type DepacketizerOutput, MAX_UNIT_BYTES } from './payload.ts';
import { UnitAssembler, type VideoPayload, type VideoUnit } from './unit-assembler.ts';

const KEY_HEAD_BYTES = 10;
const START_CODE = 0x9d012a;

/** Reads VP8. */
export function createVp8Depacketizer(out: DepacketizerOutput): Depacketizer {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
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
      return parseFrame(data);
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

function parseFrame(data: Uint8Array): VideoUnit | undefined {
  if (data.length === 0) return undefined;
  if (data[0]! & 1) return { key: false, data };
  if (data.length < KEY_HEAD_BYTES) throw new FormatError('a VP8 key frame ends early', data.length);
  const reader = new ByteReader(data, 'VP8 key frame', 3);
  if (reader.u24() !== START_CODE) throw new FormatError('a VP8 key frame without its start code', 3);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const size = { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
  return { key: true, data, size };
}
