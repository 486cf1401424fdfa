/**
 * The facts that an import finds in an original.
 * In: transcode/import. Out: the API of assets, the pages, the plan of a ladder. Types only.
 */

/** How bright the picture may be: SDR, or HDR with the curve of PQ (SMPTE ST 2084) or HLG (ARIB STD-B67). */
export type Transfer = 'sdr' | 'pq' | 'hlg';

/** A track of an original. */
export interface AssetTrackFacts {
  /** Number of the stream in the container, from 0, as FFmpeg counts. */
  readonly stream: number;
  readonly kind: 'video' | 'audio' | 'text';
  /** Codec name of FFmpeg, e.g. `h264`. */
  readonly codec: string;
  /** RFC 6381; empty where there is none. */
  readonly codecs: string;
  /** Profile and level as numbers of FFmpeg; absent when unknown. */
  readonly profile?: number;
  readonly level?: number;
  /** It is in the `source` rendition under this track id; absent where it is not. */
  readonly trackId?: number;
  /** Pixels as they are coded; video only. */
  readonly width?: number;
  readonly height?: number;
  /** Width of the displayed picture divided by its height, after rotation; video only. */
  readonly displayAspect?: number;
  /** Width of a pixel divided by its height; video only. */
  readonly pixelAspect?: number;
  /** Degrees clockwise by which the picture is turned for display; video only. */
  readonly rotation?: number;
  /** Frames per second, average; video only. */
  readonly frameRate?: number;
  /** The distances of its frames differ; video only. */
  readonly variableRate?: boolean;
  /** Its pictures have two fields, as they themselves say; H.264 and HEVC only. */
  readonly interlaced?: true;
  readonly transfer?: Transfer;
  /** Dolby Vision profile; absent without. */
  readonly dolbyVision?: number;
  /** Pixel format of FFmpeg, e.g. `yuv420p10le`; video only. */
  readonly pixelFormat?: string;
  /** Code points of ISO/IEC 23091-2; video only, absent when unspecified. */
  readonly primaries?: number;
  readonly transferCode?: number;
  readonly matrix?: number;
  readonly fullRange?: boolean;
  /**
   * Bits of each pixel: spent by the encoder on the picture, a measure of how complex it is; video only,
   * absent when unknown.
   */
  readonly bitsPerPixel?: number;
  /** Hz; audio only. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** Bits per second; absent when unknown. */
  readonly bitRate?: number;
  /** BCP 47 or ISO 639-2, `und` when unknown. */
  readonly language: string;
  /** For a person; may be empty. */
  readonly title: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
}

/** A chapter of an original. */
export interface AssetChapter {
  /** µs since the start of the asset. */
  readonly startUs: number;
  readonly title: string;
}

/** A closed caption service within the picture. */
export interface AssetCaptions {
  /** `CC1` to `CC4`, or `SERVICE1` to `SERVICE63`. */
  readonly service: string;
  /** BCP 47, `und` when unknown. */
  readonly language: string;
  readonly name: string;
}

/** Subtitles of an original, stored as WebVTT: of a stream, or of a caption service within the picture. */
export interface ImportedText {
  /** Number of the stream in the container; 1001 to 1004 are CC1 to CC4. */
  readonly stream: number;
  /** BCP 47 or ISO 639-2, `und` when unknown. */
  readonly language: string;
  readonly title: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  /** Number of cues. */
  readonly cues: number;
  /** The script of ASS is stored with it. */
  readonly hasScript: boolean;
}

/** A rung of a ladder of H.264. */
export interface AssetLadderRung {
  /** As in the id of its rendition, e.g. `720`. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Expected average, bits per second. */
  readonly bitRate: number;
  /** Bits per second that it does not exceed for long. */
  readonly maxRate: number;
  /** Expected likeness with the source, in its size, dB; null where the cap decides it. */
  readonly xpsnr: number | null;
}

/** The ladder that samples of a video have decided, before it is encoded. */
export interface AssetLadder {
  /** `fixed`: that of the table; the measurement failed, or the video needs all of its rates. */
  readonly plan: 'measured' | 'fixed';
  /** The best first; empty where the measurement failed. */
  readonly rungs: readonly AssetLadderRung[];
  /** What the table would have made, the largest first. */
  readonly fixed: readonly AssetLadderRung[];
  readonly samples: number;
  /** Each size at each constant quality of x264. */
  readonly points: readonly {
    readonly rung: string;
    readonly crf: number;
    /** Bits per second, below the cap of the size. */
    readonly bitRate: number;
    readonly xpsnr: number;
  }[];
}

/** The facts of an original. */
export interface AssetFacts {
  /**
   * By content: `mp4`, `mov`, `matroska`, `webm`, `mpegts`, `avi`, `flv`, `ogg`, `wav`, `mp3`, `flac`, or the
   * name of FFmpeg.
   */
  readonly container: string;
  /** Media type of the original by content. */
  readonly contentType: string;
  readonly bytes: number;
  /** µs. */
  readonly durationUs: number;
  /** Bits per second of the whole file. */
  readonly bitRate: number;
  /** Title in the container; may be empty. */
  readonly title: string;
  readonly tracks: readonly AssetTrackFacts[];
  readonly chapters: readonly AssetChapter[];
  /** Closed captions (CEA-608, CEA-708) within the picture; absent where it was not looked for them. */
  readonly captions?: readonly AssetCaptions[];
  /** Missing, damaged and omitted media, for a person; may be empty. */
  readonly warnings: readonly string[];
  /** Absent where no samples were measured: of a short video, or if the setting says so. */
  readonly ladder?: AssetLadder;
}

/**
 * Media that a file promises and the import did not get: single frames, stretches of sound, whole tracks, the
 * end of the file. The warnings of the facts say how much.
 */
export const importLosses = ['frames', 'sound', 'tracks', 'end'] as const;
/** One of them. */
export type ImportLoss = (typeof importLosses)[number];

/** Result of an import: the facts to plan and to encode the other renditions. */
export interface ImportResult {
  readonly facts: AssetFacts;
  /** Time in the container, with its edit lists applied as FFmpeg does, at which the asset begins, µs. */
  readonly originUs: number;
  /**
   * The media clock when the asset begins, µs; 10 s in results of earlier versions, where it is
   * absent.
   */
  readonly clockStartUs?: number;
  /**
   * The parts of a file that was joined, whose times jump: µs, and what puts them on one clock; absent of one
   * whose times do not.
   */
  readonly joined?: readonly { readonly fromUs: number; readonly toUs: number; readonly shiftUs: number }[];
  /** Start of each segment, µs since the start of the asset; the first is 0. All renditions are cut there. */
  readonly cuts: readonly number[];
  /** End of the last segment, µs. */
  readonly endUs: number;
  /** The subtitles that were stored; absent from results of earlier versions. */
  readonly texts?: readonly ImportedText[];
  /** Each once; absent from results of earlier versions. */
  readonly losses?: readonly ImportLoss[];
  /** The rendition without encoding; null where the original has none that players could play. */
  readonly source: {
    /** Track ids in it. */
    readonly tracks: readonly number[];
    /** Browsers play it as it is. */
    readonly playable: boolean;
    /** Browsers play its picture; its sound. */
    readonly picture: boolean;
    readonly sound: boolean;
    /** Bytes of its chunk files. */
    readonly bytes: number;
  } | null;
}
