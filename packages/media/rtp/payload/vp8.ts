/**
 * RTP payload format of VP8: frames, and a configuration with the size of each key frame that has another
 * one.
 * In: payloads. Out: frames; CMAF has no VP8, so it is converted before the stream. RFC 7741 4.2
 * (descriptor), 4.3 (payload header).
 */
import { ByteReader, concatBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import type { VideoConfig } from '../../frame.ts';
import { vp8Config } from '../../vp8/key-frame.ts';
import { type Depacketizer, type DepacketizerOutput, MAX_UNIT_BYTES } from './payload.ts';
import { UnitAssembler, type VideoPayload } from './unit-assembler.ts';

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
      const next = vp8Config(data);
      if (config?.width !== next.width || config.height !== next.height) {
        config = next;
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
