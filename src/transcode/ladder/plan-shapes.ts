/**
 * The facts of a source that its ladder depends on, and the plan that follows from them.
 * In: the import of an asset, a probe. Out: plan.ts, jobs of kind `encode`. Types only.
 */
import type {
  LadderAudioRendition,
  LadderEffort,
  LadderPicture,
  LadderVideoCodec,
  LadderVideoRendition,
} from '../../ffmpeg/ladder-options.ts';

/** The picture of a source. */
export interface LadderSourceVideo {
  /** Index of the stream in the container. */
  readonly stream: number;
  /** Name of the codec in FFmpeg, e.g. `h264`. */
  readonly codec: string;
  /** Coded luma samples, after cropping and before rotation. */
  readonly width: number;
  readonly height: number;
  /** Clockwise rotation for display, degrees. */
  readonly rotation?: 0 | 90 | 180 | 270;
  /** Width to height of a sample; absent: square. */
  readonly sampleAspect?: { readonly num: number; readonly den: number };
  /** Average pictures per second; 0 if unknown. */
  readonly frameRate: number;
  /** Transfer characteristics in FFmpeg, e.g. `smpte2084` (PQ) or `arib-std-b67` (HLG). */
  readonly transfer?: string;
  /** Matrix in FFmpeg, e.g. `bt709`. */
  readonly matrix?: string;
  readonly interlaced?: boolean;
  readonly dolbyVision?: { readonly profile: number };
  /** Bits per second; 0 if unknown. */
  readonly bitRate?: number;
  /** Its tracks are in the rendition `source`. */
  readonly passesThrough?: boolean;
}

/** One audio track of a source. */
export interface LadderSourceAudio {
  readonly stream: number;
  readonly codec: string;
  readonly channels: number;
  /** Hz. */
  readonly sampleRate: number;
  readonly language?: string;
  readonly label?: string;
  readonly passesThrough?: boolean;
}

/** The input of a ladder plan. */
export interface LadderSource {
  readonly video?: LadderSourceVideo;
  readonly audio: readonly LadderSourceAudio[];
}

/** Codecs in addition to H.264 and AAC, which are always made. */
type LadderPreset = 'h264' | 'vp9' | 'hevc' | 'av1';

/** Settings of ladders. */
export interface LadderSettings {
  /** `measured`: samples of the video decide its rungs, below the rates of the table. Default `fixed`. */
  readonly plan?: 'measured' | 'fixed';
  readonly preset: LadderPreset;
  /** Heights (of portrait video: widths) that may be made. */
  readonly rungs: readonly number[];
  readonly effort: LadderEffort;
  /** Rungs of 360 and below get half the frame rate of sources above 30 fps. */
  readonly halveLowRungs: boolean;
  /** LUFS to normalize to; undefined leaves the loudness. */
  readonly loudness: number | undefined;
  /** 2: H.264 in two passes, with the average bit rate of each rung. Default 1. */
  readonly passes?: number;
  /** Each field of interlaced video becomes a picture. Default: each two become one. */
  readonly fields?: boolean;
}

/** The audio of one source track in all codecs. */
export interface LadderAudioPlan {
  readonly stream: number;
  readonly renditions: readonly LadderAudioRendition[];
}

/** The input of a measured ladder, besides its measurement. */
export interface LadderMeasurePlan {
  /** The H.264 rungs of the fixed ladder, the largest first, also one that the source takes the place of. */
  readonly sizes: readonly LadderVideoRendition[];
  /** H.264, and a second one. */
  readonly codecs: readonly LadderVideoCodec[];
  /** Bits per second of a source that plays as it is and has the size of a rung. */
  readonly sourceBits?: number;
}

/** The picture of a plan. */
export interface LadderVideoPlan {
  readonly stream: number;
  readonly picture: LadderPicture;
  readonly renditions: readonly LadderVideoRendition[];
  /** The renditions are those of the fixed ladder; samples may decide others. */
  readonly measure?: LadderMeasurePlan;
}

/** The renditions that are encoded for one source. */
export interface LadderPlan {
  readonly video: LadderVideoPlan | undefined;
  readonly audio: readonly LadderAudioPlan[];
  readonly loudness: number | undefined;
  /** Notes for a person: omissions and changes, and why. */
  readonly notes: readonly string[];
}
