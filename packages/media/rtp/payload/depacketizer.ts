/**
 * Depacketizers by codec.
 * In: a payload format of an SDP. Out: its depacketizer. Pure.
 */
import { createAacDepacketizer } from './aac.ts';
import { createAv1Depacketizer } from './av1.ts';
import { createG711Depacketizer } from './g711.ts';
import { createH264Depacketizer } from './h264.ts';
import { createHevcDepacketizer } from './hevc.ts';
import { createLatmDepacketizer } from './latm.ts';
import { createMp2tDepacketizer } from './mp2t.ts';
import { createOpusDepacketizer } from './opus.ts';
import type { Depacketizer, DepacketizerOutput, PayloadFormat } from './payload.ts';
import { createVp8Depacketizer } from './vp8.ts';
import { createVp9Depacketizer } from './vp9.ts';

/**
 * Creates the depacketizer of a format. `config` and `refused` of the output may be called at once.
 * Never throws.
 */
export function createDepacketizer(format: PayloadFormat, output: DepacketizerOutput): Depacketizer {
  switch (format.codec) {
    case 'h264':
      return createH264Depacketizer(format, output);
    case 'hevc':
      return createHevcDepacketizer(format, output);
    case 'av1':
      return createAv1Depacketizer(output);
    case 'vp9':
      return createVp9Depacketizer(output);
    case 'vp8':
      return createVp8Depacketizer(output);
    case 'opus':
      return createOpusDepacketizer(output);
    case 'aac':
      return createAacDepacketizer(format, output);
    case 'latm':
      return createLatmDepacketizer(format, output);
    case 'pcmu':
    case 'pcma':
      return createG711Depacketizer(format.codec, format, output);
    case 'mp2t':
      return createMp2tDepacketizer(output);
  }
}
