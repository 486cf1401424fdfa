/**
 * The first sequence parameter set of a decoder configuration, for everything that it says of the pictures.
 * In: the configuration of a track. Out: the parameter set. Pure. ITU-T H.264 and H.265, 7.3.2;
 * ISO/IEC 14496-15, 5.3.3 and 8.3.3. There may be none: a configuration that plays elsewhere may exceed
 * this parser.
 */
import { FormatError } from './errors.ts';
import type { VideoConfig } from './frame.ts';
import { parseAvcC } from './h264/avcc.ts';
import { type H264Sps, parseH264Sps } from './h264/sps.ts';
import { parseHvcC } from './hevc/hvcc.ts';
import { type HevcSps, parseHevcSps } from './hevc/sps.ts';

type Config = Pick<VideoConfig, 'codec' | 'record'>;

/** Of H.264; undefined of other codecs, and where there is none that can be read. */
export function h264SpsOf({ codec, record }: Config): H264Sps | undefined {
  return codec === 'h264' ? readable(() => parseH264Sps(parseAvcC(record).sps[0]!)) : undefined;
}

/** Of HEVC; undefined of other codecs, and where there is none that can be read. */
export function hevcSpsOf({ codec, record }: Config): HevcSps | undefined {
  return codec === 'hevc' ? readable(() => parseHevcSps(parseHvcC(record).sps[0]!)) : undefined;
}

/** Of H.264 and HEVC, what both have; undefined of other codecs, and where there is none that can be read. */
export function spsOf(config: Config): H264Sps | HevcSps | undefined {
  return h264SpsOf(config) ?? hevcSpsOf(config);
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return undefined; // Also of a record without one.
    throw error;
  }
}
