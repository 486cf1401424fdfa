/**
 * Tracks and frames: the output of every source and the input of every sink.
 * In: demuxers, depacketizers, encoders. Out: live/stream. Pure types.
 */
import type { ColourInfo } from './colour/colour-info.ts';
import type { LeftOutTrack } from './left-out.ts';

/** The medium of a track. */
export type TrackKind = 'video' | 'audio' | 'text' | 'data';

/** Coded video, ready for an ISO BMFF sample entry. */
export interface VideoConfig {
  /**
   * `vp8`, and `mpeg2` (MPEG-1 too), which browsers do not play, are converted before the stream, see
   * transcode/video.
   */
  readonly codec: 'h264' | 'hevc' | 'av1' | 'vp9' | 'vp8' | 'mpeg2';
  /**
   * Body of `avcC` (ISO/IEC 14496-15, 5.3.3.1), `hvcC` (8.3.3.1), `av1C` (AV1 in ISO BMFF, 2.3) or `vpcC`
   * with its version and flags (VP codec in ISO BMFF, 2). VP8: empty. MPEG-2: see media/mpeg2.
   */
  readonly record: Uint8Array;
  /**
   * RFC 6381 codec string, e.g. `avc1.64001f`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`, `vp09.00.31.08`, `vp8` or
   * `mp4v.61`.
   */
  readonly codecs: string;
  /** Luma samples, after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames per second of the parameter sets; undefined if they have none. */
  readonly frameRate?: number;
  /** What the container or the transport states besides the record, which has precedence; see `coloursOf`. */
  readonly colourInfo?: ColourInfo;
  /** Name of the codec that a publisher sent, `vp8` or `mpeg2`, where oxbow converted it to this one. */
  readonly convertedFrom?: string;
}

/** Coded audio, ready for an ISO BMFF sample entry. */
export interface AudioConfig {
  /** `pcmu` and `pcma` are G.711: converted before the stream, see media/g711. */
  readonly codec: 'aac' | 'mp3' | 'ac3' | 'eac3' | 'opus' | 'flac' | 'pcmu' | 'pcma';
  /**
   * AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). MP3 and G.711: empty. Else the body of `dac3`,
   * `dec3` (ETSI TS 102 366, annex F), `dOps` (Opus in ISO BMFF, 4.3.2) or `dfLa` with its version and flags
   * (FLAC in ISO BMFF, 3.3.2).
   */
  readonly record: Uint8Array;
  /** RFC 6381 codec string, e.g. `mp4a.40.2`, `mp4a.6B`, `ac-3`, `ec-3`, `opus` or `fLaC`. */
  readonly codecs: string;
  /** Hz, of the decoder's output as the container signals it. */
  readonly sampleRate: number;
  readonly channels: number;
  /** MPEG audio of Layer I or II (MP2), under the name of MP3; absent for Layer III. */
  readonly layer?: 1 | 2;
  /** Name of the codec that a publisher sent, e.g. `mp2`, where oxbow converted it to this one. */
  readonly convertedFrom?: string;
}

/** Timed text as cues of WebVTT; samples as in ISO/IEC 14496-30, 7. */
export interface TextConfig {
  readonly codec: 'webvtt';
  /** The WebVTT header before all cues, UTF-8: `WEBVTT`, then styles and regions. */
  readonly record: Uint8Array;
  /** `wvtt` */
  readonly codecs: string;
}

/**
 * Timed metadata, unchanged: an ID3 tag (`id3`), a splice_info_section (`scte35`, SCTE 35, 9.6), or the
 * attribute list of an EXT-X-DATERANGE (`daterange`, UTF-8).
 */
export interface DataConfig {
  readonly codec: 'id3' | 'scte35' | 'daterange';
  /** Empty. */
  readonly record: Uint8Array;
  /** Empty: it is not named in CODECS. */
  readonly codecs: string;
}

interface TrackBase {
  /** 1 to 255, unique within the stream; also the track_ID in every moof. */
  readonly id: number;
  /** Ticks per second. */
  readonly timescale: number;
  /** BCP 47, `und` when unknown. */
  readonly language: string;
  /** Readable name, may be empty. */
  readonly label: string;
}

export type VideoTrack = TrackBase & {
  readonly kind: 'video';
  readonly config: VideoConfig;
  /**
   * Of a derived quality of the source's picture: its name in the rendition id, its height or one of several,
   * e.g. `480` or `480-2`. Absent from the tracks of a source.
   */
  readonly rung?: string;
};
export type AudioTrack = TrackBase & { readonly kind: 'audio'; readonly config: AudioConfig };
/** Subtitles: few frames, with pauses between them. */
export type TextTrack = TrackBase & { readonly kind: 'text'; readonly config: TextConfig };
/** Timed metadata: few frames, each with its stated duration, which may be 0. */
export type DataTrack = TrackBase & { readonly kind: 'data'; readonly config: DataConfig };

/** One elementary stream. A change of anything in it begins a new run. */
export type Track = VideoTrack | AudioTrack | TextTrack | DataTrack;

/**
 * One access unit of one track. Immutable once published; `data` may be kept but never changed, by either
 * side.
 */
export interface Frame {
  readonly trackId: number;
  /**
   * Decode time, ticks of the track's timescale, at most `pts`, strictly increasing within a track and run.
   */
  readonly dts: number;
  /** Presentation time, ticks. */
  readonly pts: number;
  /** Ticks until the next frame of the track; an estimate if that is not known yet. */
  readonly duration: number;
  /** Random access point: IDR, CRA, or an I picture with a recovery point. Always true except for video. */
  readonly key: boolean;
  /**
   * H.264 and HEVC: NAL units, each after its length in 4 bytes, no parameter sets unless they change.
   * MPEG-2: the same of what follows each start code, all of it. AV1: a temporal unit without temporal
   * delimiters. VP8: one frame. VP9: one frame or superframe. Audio: one raw access unit, AAC without ADTS,
   * all others with their headers. Text: boxes `vttc` and `vtte`. Data: as its configuration says.
   */
  readonly data: Uint8Array;
}

/**
 * Receives the output of a demuxer, synchronously and in the order of the container; `tracks` before the
 * first frame of any of them.
 */
export interface DemuxerOutput {
  /** The set of tracks, complete; called again when a configuration or the set changes. */
  tracks(tracks: readonly Track[]): void;
  /** The next access unit of one track, in decode order within the track. */
  frame(frame: Frame): void;
  /**
   * Damaged input was skipped, for the reason given; for counters and logs. At most one call per damaged
   * unit.
   */
  damage(reason: string): void;
  /** The source has announced that configurations may change with the next key frame, before they do. */
  mayChange?(): void;
  /** All unsupported tracks of the source; called when they are known, and again when they change. */
  leftOut?(tracks: readonly LeftOutTrack[]): void;
}

/** Parses bytes, in pieces of any size, into frames. */
export interface Demuxer {
  /**
   * @param bytes may be kept by the demuxer, must not be changed afterwards
   * @throws FormatError if this is not the container at all or a limit is exceeded; the demuxer cannot be
   *   used again
   * @throws an Error with the `code` `unsupported-media` if the media is encrypted (fragmented MP4)
   */
  push(bytes: Uint8Array): void;
  /**
   * The input pauses at a boundary (end of a segment): delivers the access units that waited for their
   * successor.
   */
  flush(): void;
}
