/**
 * Parameter sets before a key frame, for files whose video changes its configuration: decoders that use only
 * the first sample entry get the change there, as in `avc3` and `hev1` (ISO/IEC 14496-15, 5.4.2 and 8.4.2).
 * In: a track. Out: bytes to put before the sample. Pure.
 */
import { concatBytes } from '../bytes.ts';
import type { Track } from '../frame.ts';
import { parseAvcC } from '../h264/avcc.ts';
import { parseHvcC } from '../hevc/hvcc.ts';

/**
 * The parameter sets of a track as NAL units with 4-byte lengths; empty for codecs without them.
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
