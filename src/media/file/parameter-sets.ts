/**
 * Parameter sets in front of a key frame, for files whose pictures change their configuration: decoders that look at the first
 * sample entry only learn of the change there (ISO/IEC 14496-15, 5.4.2 and 8.4.2 as `avc3` and `hev1` have it).
 * In: a track. Out: bytes to stand before the sample. Pure.
 */
import { concatBytes } from '../../lib/bytes.ts';
import type { Track } from '../frame.ts';
import { parseAvcC } from '../h264/avcc.ts';
import { parseHvcC } from '../hevc/hvcc.ts';

/**
 * The parameter sets of a track as NAL units behind lengths of 4 bytes; empty for codecs without them.
 *
 * @throws FormatError if the record is malformed
 */
export function inBandSets({ config }: Track): Uint8Array {
  if (config.codec === 'h264') {
    const { sps, pps } = parseAvcC(config.record);
    return concatBytes([...sps, ...pps].flatMap(behindLength));
  }
  if (config.codec === 'hevc') {
    const { vps, sps, pps } = parseHvcC(config.record);
    return concatBytes([...vps, ...sps, ...pps].flatMap(behindLength));
  }
  return new Uint8Array(0);
}

function behindLength(nal: Uint8Array): Uint8Array[] {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, nal.length);
  return [length, nal];
}
