/**
 * A parsed sample entry of a track.
 * In: nothing. Out: the type. ISO 14496-12 8.5.2.
 */

import type { AudioConfig, DataConfig, TextConfig, VideoConfig } from '../../frame.ts';
import type { LeftOutTrack } from '../../left-out.ts';

/** A sample entry that was read. */
export type SampleEntry =
  | {
      readonly kind: 'video';
      readonly config: VideoConfig;
      /**
       * Bytes of the length before each NAL unit in the samples: 1, 2 or 4. The record given says 4. Of AV1
       * and VP9, which have none: 4.
       */
      readonly nalLengthBytes: number;
      /** Parameter sets may stand in the samples, and may differ from the record (avc3, hev1). */
      readonly inBand: boolean;
    }
  | { readonly kind: 'audio'; readonly config: AudioConfig }
  | { readonly kind: 'text'; readonly config: TextConfig }
  | { readonly kind: 'data'; readonly config: DataConfig }
  | {
      readonly kind: 'unsupported';
      /** Readable name. */
      readonly leftOut: LeftOutTrack;
      /** Samples are encrypted under this scheme, four characters, e.g. `cenc` or `cbcs`. */
      readonly scheme?: string;
    };
