/**
 * The task of the process that encodes a ladder of one source: renditions, cuts, times.
 * In: transcode/ladder plans it. Out: child/ladder-main. Types and constants, which both processes share.
 */
import type { JoinedPart } from './joined-clock.ts';

/** A codec that the ladder encodes video to. */
export type LadderVideoCodec = 'h264' | 'hevc' | 'vp9' | 'av1';
/** A codec that the ladder encodes audio to. */
type LadderAudioCodec = 'aac' | 'opus';
/** How much time encoders spend on each picture: `fastest` is for tests and live. */
export type LadderEffort = 'fastest' | 'fast' | 'balanced' | 'small';

/** One quality of the picture. */
export interface LadderVideoRendition {
  /** Of its address and folder, e.g. `v0-480`. */
  readonly id: string;
  /** 101 and up; of a conversion that of its source. */
  readonly trackId: number;
  /** Name for a person and of the track, e.g. `480`. */
  readonly rung: string;
  readonly codec: LadderVideoCodec;
  /** Luma samples, even, square. */
  readonly width: number;
  readonly height: number;
  /** Pictures per second on average, after `keepEvery`. */
  readonly frameRate: { readonly num: number; readonly den: number };
  /** Of each segment, every how many-th picture of the source is kept; 1 keeps all. */
  readonly keepEvery: number;
  /** Quality on the scale of the encoder; `maxRate` caps it. */
  readonly crf: number;
  /** Average to reach instead of a constant quality, bits per second. */
  readonly bitRate?: number;
  /**
   * Two passes over the pictures: the average is `bitRate`, or less where `crf` needs less; software H.264
   * only.
   */
  readonly twoPass?: true;
  /** Bits per second, over `bufferSize` bits. */
  readonly maxRate: number;
  readonly bufferSize: number;
  /** Most B-frames in a row; 0 for live media. */
  readonly bFrames: number;
  readonly effort: LadderEffort;
  /** Encodes without looking ahead: a picture leaves before the next one enters. */
  readonly isLive?: true;
  /** Encoder of FFmpeg to try first, e.g. `h264_nvenc`; the software encoder takes over if it fails. */
  readonly hardware?: string;
  /** The device of that encoder, e.g. `nvidia0` or `renderD128`; absent: the first one. */
  readonly device?: string;
  /** Its pictures are NV12, which every encoder of H.264 takes: the encoder may change within a run. */
  readonly semiPlanar?: true;
}

/** The encoder of a rung: that of a device, or software where `hardware` is absent. */
export type EncoderChoice = Pick<LadderVideoRendition, 'hardware' | 'device'>;

/** Another encoder of a track. */
export interface EncoderOrder extends EncoderChoice {
  readonly trackId: number;
}

/** The encoder of a track on a device failed. */
export interface EncoderFailure {
  readonly trackId: number;
  readonly why: string;
  /** Pictures that went in do not come out, or are not encoded before the next cut. */
  readonly isLossy: boolean;
}

/** What the process that tries an encoder is to do. */
export interface EncoderTrial {
  readonly rung: LadderVideoRendition;
  /** How long its speed is measured after the first picture, ms; 0: not at all. */
  readonly measureMs: number;
}

/** The filters for every picture before it is scaled. */
export interface LadderPicture {
  /** Clockwise, degrees. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Transfer of HDR that is mapped to SDR; undefined where the pictures say it. */
  readonly toneMap?: 'pq' | 'hlg';
  readonly interlaced: boolean;
  /**
   * Each field of an interlaced picture becomes a picture: twice as many. Default: each picture becomes one.
   */
  readonly fields?: true;
  /** Matrix of the result. */
  readonly matrix: 'bt709' | 'bt601';
}

/** One rendition of one audio track. */
export interface LadderAudioRendition {
  /** Of its folder, e.g. `a0`. */
  readonly id: string;
  /** 121 and up. */
  readonly trackId: number;
  readonly codec: LadderAudioCodec;
  readonly channels: 1 | 2;
  /** Hz; 48,000 for Opus. */
  readonly sampleRate: number;
  /** Bits per second. */
  readonly bitRate: number;
  /** BCP 47. */
  readonly language: string;
  readonly label: string;
}

/** Video of a range of segments. */
export interface LadderVideoOptions {
  readonly kind: 'video';
  /** Index of the stream in the container. */
  readonly stream: number;
  readonly picture: LadderPicture;
  readonly renditions: readonly LadderVideoRendition[];
}

/** The whole of one audio track. */
export interface LadderAudioOptions {
  readonly kind: 'audio';
  /** Index of the stream in the container. */
  readonly stream: number;
  readonly renditions: readonly LadderAudioRendition[];
  /** Constant gain, dB, 0 without one. */
  readonly gainDb: number;
}

/** A short stretch of a video, µs of the asset. */
export interface MeasuredStretch {
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Samples of a video that are encoded in several sizes and qualities, and compared with their source. Nothing
 * of it is kept but the figures.
 */
export interface LadderMeasureOptions {
  readonly kind: 'measure';
  /** Index of the stream in the container. */
  readonly stream: number;
  readonly picture: LadderPicture;
  readonly renditions: readonly [];
  /** One for each size, the largest first; software H.264. `crf` is not used. */
  readonly sizes: readonly LadderVideoRendition[];
  /** Constant qualities of x264, the best first. */
  readonly crfs: readonly number[];
  /** The order in which they are measured. */
  readonly samples: readonly MeasuredStretch[];
  /** Average distance of key frames of the renditions, s: a sample has more of them. */
  readonly keyEveryS: number;
  /** Ends when it has taken this share of the time that the encode of the asset is expected to take. */
  readonly maxShare: number;
}

/** The average over the samples of one size at one constant quality. */
export interface MeasuredPoint {
  /** Name of the size, as `LadderVideoRendition.rung`. */
  readonly rung: string;
  readonly crf: number;
  /** Bits per second, below the cap of the size. */
  readonly bitRate: number;
  /** Of the picture in the largest size, (4 Y + U + V) / 6, dB. */
  readonly xpsnr: number;
}

/** What the samples of a video have shown. */
export interface LadderMeasured {
  readonly points: readonly MeasuredPoint[];
  /** Samples that were measured; fewer than requested where the time was over. */
  readonly samples: number;
  /** Time that all sizes of the samples took at the best quality, ms: one encode. */
  readonly encodeMs: number;
  /** Time that all of it took, ms. */
  readonly totalMs: number;
}

/** Where segments begin. */
export interface LadderTimes {
  /** Time in the container at which the asset begins, µs. */
  readonly originUs: number;
  /** What the clock of the renditions shows there, µs. */
  readonly clockStartUs: number;
  /** Starts of the segments to make, µs of the asset, increasing; at least one. */
  readonly cuts: readonly number[];
  /** End of the last of them, µs of the asset; undefined for the end of the media. */
  readonly endUs?: number;
  /**
   * End of all media, µs of the asset: later times of pictures are damaged; undefined where it is not known.
   */
  readonly mediaEndUs?: number;
  /**
   * The parts of a file that was joined, whose times are on one clock after that; the cuts then begin with
   * that at 0.
   */
  readonly joined?: readonly JoinedPart[];
}

/** Options of one process. */
export interface LadderOptions {
  readonly media: LadderVideoOptions | LadderAudioOptions | LadderMeasureOptions;
  readonly times: LadderTimes;
  /** Threads of decoder and encoders together. */
  readonly threads: number;
}

/** What the process counted. */
export interface LadderCounts {
  /** Pictures of the range, or audio frames, that were decoded. */
  readonly decoded: number;
  /** Packets that could not be decoded. */
  readonly damaged: number;
  /** Cuts without a picture of the source: the one before or after it was shown there. */
  readonly concealed: number;
  /** How often the size or format of the pictures changed. */
  readonly changes: number;
  /** Hardware encoders that failed and were replaced. */
  readonly fallbacks: readonly string[];
  /** Integrated loudness, LUFS, and true peak, dBTP; of audio. */
  readonly loudness?: { readonly integrated: number; readonly range: number; readonly peak: number };
  readonly measured?: LadderMeasured;
}

/** Limits of one process. */
export const ladderLimits = {
  /** Slightly above 8K; larger pictures are refused before they are decoded. */
  maxPixels: 8192 * 4608,
  /** Private memory, bytes: decoder and seven encoders of a 4K source. */
  maxDataBytes: 6 * 1024 * 1024 * 1024,
  /** What x264 keeps of a first pass of one rung: 16 KiB for a picture of 1080p. Bytes. */
  maxFileBytes: 4 * 1024 * 1024 * 1024,
  /** Longest time without a result, ms. */
  stallMs: 120_000,
  /** Processor time for any media, s: also for reading the whole file. */
  baseCpuS: 900,
  /** And for each second of sound, s: usual is 0.02. */
  audioCpuShare: 1,
  /**
   * And for its pictures: the slowest encoder with the slowest settings makes ten times as many pixels in a
   * second.
   */
  pixelsPerCpuS: 50_000,
} as const;

/** Fewest ticks per second: room for decode times between pictures. */
const LEAST_TIMESCALE = 10_000;
const USUAL_TIMESCALE = 90_000;

/**
 * Ticks per second of the renditions: times of the source, in `timeBase`, are whole ticks.
 *
 * @param timeBase seconds of a tick of the source
 */
export function ladderTimescale({ den }: { readonly num: number; readonly den: number }): number {
  if (den >= LEAST_TIMESCALE) return den;
  return USUAL_TIMESCALE % den === 0 ? USUAL_TIMESCALE : den * Math.ceil(LEAST_TIMESCALE / den);
}
