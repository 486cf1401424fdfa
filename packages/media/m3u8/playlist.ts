/**
 * Types of parsed M3U8 files: Media Playlists and Multivariant Playlists.
 * In: parse.ts, or anyone who makes a playlist. Out: print.ts, the puller, the players' lists. Pure types.
 * RFC 8216bis 4. Durations and offsets are seconds as they stand in the text; URIs are kept as written,
 * relative or not.
 */

/** A stretch of a resource (EXT-X-BYTERANGE, 4.4.4.2): bytes `offset` to `offset + length - 1`. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Where the Media Initialization Section is (EXT-X-MAP, 4.4.4.5). */
export interface MapTag {
  readonly uri: string;
  readonly byteRange?: ByteRange;
  /** The EXT-X-KEY in force at the tag: the section is encrypted too. */
  readonly key?: KeyTag;
}

/** How segments are encrypted (EXT-X-KEY, 4.4.4.4; EXT-X-SESSION-KEY, 4.4.6.5). */
export interface KeyTag {
  /** `NONE`, `AES-128`, `SAMPLE-AES`, `SAMPLE-AES-CTR`, or another value of the source. */
  readonly method: string;
  readonly uri?: string;
  /** Initialization vector, hex digits without `0x`. */
  readonly iv?: string;
  readonly keyFormat?: string;
  readonly keyFormatVersions?: string;
}

/** A Partial Segment (EXT-X-PART, 4.4.4.9). */
export interface PlaylistPart {
  readonly uri: string;
  /** Seconds. */
  readonly durationS: number;
  /** Holds an independent frame. */
  readonly independent: boolean;
  /** Is not available. */
  readonly gap: boolean;
  readonly byteRange?: ByteRange;
}

/** A Media Segment with the tags that apply to it (4.4.4). */
export interface PlaylistSegment {
  /** '' for the unfinished last segment that has only parts. */
  readonly uri: string;
  /** EXTINF, seconds; 0 for the unfinished last segment. */
  readonly durationS: number;
  readonly title?: string;
  /** EXT-X-DISCONTINUITY is before it. */
  readonly discontinuity: boolean;
  /** EXT-X-PROGRAM-DATE-TIME, ms since 1970; only of a segment that has the tag. */
  readonly programDateTimeMs?: number | undefined;
  /** The EXT-X-MAP in force. */
  readonly map?: MapTag;
  /**
   * The EXT-X-KEY in force; absent for METHOD=NONE. Of several, the one with KEYFORMAT identity, otherwise
   * the last.
   */
  readonly key?: KeyTag;
  /** All of them, where there is more than one: each KEYFORMAT has its own. */
  readonly keys?: readonly KeyTag[];
  readonly byteRange?: ByteRange;
  /** EXT-X-GAP: is not available. */
  readonly gap: boolean;
  /** EXT-X-BITRATE in force, kbit/s. */
  readonly bitrateKbps?: number;
  readonly parts: readonly PlaylistPart[];
}

/** A stretch of time with attributes (EXT-X-DATERANGE, 4.4.5.1). */
export interface DateRangeTag {
  readonly id: string;
  /** START-DATE, ms since 1970. */
  readonly startDateMs: number;
  /** END-DATE, ms since 1970. */
  readonly endDateMs?: number;
  /** All others by name, as they stand in the text: quotes included. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Low-latency features of the server (EXT-X-SERVER-CONTROL, 4.4.3.8). Seconds. */
export interface ServerControl {
  readonly canBlockReload: boolean;
  readonly holdBackS?: number;
  readonly partHoldBackS?: number;
  readonly canSkipUntilS?: number;
}

/** The next resource, announced before it exists (EXT-X-PRELOAD-HINT, 4.4.5.3). */
export interface PreloadHint {
  readonly type: 'PART' | 'MAP';
  readonly uri: string;
  readonly byteRangeStart?: number;
  readonly byteRangeLength?: number;
}

/** How far the playlist of another Rendition has come (EXT-X-RENDITION-REPORT, 4.4.5.4). */
export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart?: number;
}

/** Where a player should begin (EXT-X-START, 4.4.2.2). Negative offsets count from the end. */
export interface StartTag {
  readonly timeOffsetS: number;
  readonly precise: boolean;
}

/** A Media Playlist (4.4.3). */
export interface MediaPlaylist {
  /** EXT-X-VERSION; 1 where it is missing. */
  readonly version: number;
  /** EXT-X-TARGETDURATION, whole seconds. */
  readonly targetDurationS: number;
  /** PART-TARGET, seconds. */
  readonly partTargetS?: number;
  readonly serverControl?: ServerControl;
  /** MSN of the first segment of the list, skipped ones counted. */
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly independentSegments: boolean;
  readonly playlistType?: 'EVENT' | 'VOD';
  readonly endList: boolean;
  /** Those that stand in the text, after the skipped ones. */
  readonly segments: readonly PlaylistSegment[];
  /** SKIPPED-SEGMENTS of a Playlist Delta Update (4.4.5.2). */
  readonly skippedSegments?: number;
  /** In order; each ID once. Never skipped. */
  readonly dateRanges?: readonly DateRangeTag[];
  readonly preloadHint?: PreloadHint;
  readonly renditionReports: readonly RenditionReport[];
  readonly iFramesOnly: boolean;
  readonly start?: StartTag;
}

/** Luma samples. */
export interface Resolution {
  readonly width: number;
  readonly height: number;
}

/** A Variant Stream (EXT-X-STREAM-INF, 4.4.6.2). */
export interface Variant {
  readonly uri: string;
  /** Peak, bit/s. */
  readonly bandwidth: number;
  /** bit/s. */
  readonly averageBandwidth?: number;
  readonly score?: number;
  /** RFC 6381, comma-separated. */
  readonly codecs?: string;
  readonly supplementalCodecs?: string;
  readonly resolution?: Resolution;
  /** Frames per second. */
  readonly frameRate?: number;
  readonly hdcpLevel?: string;
  readonly videoRange?: string;
  readonly stableVariantId?: string;
  /** GROUP-ID of AUDIO Renditions. */
  readonly audio?: string;
  readonly video?: string;
  readonly subtitles?: string;
  /** GROUP-ID, or `NONE`. */
  readonly closedCaptions?: string;
  readonly pathwayId?: string;
  /** NAME: not of the standard, but common. */
  readonly name?: string;
}

/** An I-frame list for trick play (EXT-X-I-FRAME-STREAM-INF, 4.4.6.3). */
export type IFrameVariant = Omit<Variant, 'audio' | 'subtitles' | 'closedCaptions' | 'frameRate'>;

/** A Rendition (EXT-X-MEDIA: 4.4.6.1). */
export interface Rendition {
  readonly type: 'AUDIO' | 'VIDEO' | 'SUBTITLES' | 'CLOSED-CAPTIONS';
  readonly groupId: string;
  readonly name: string;
  /** BCP 47. */
  readonly language?: string;
  readonly assocLanguage?: string;
  readonly default: boolean;
  readonly autoselect: boolean;
  readonly forced?: boolean;
  /** Absent: the media is in the Variant Stream itself. */
  readonly uri?: string;
  readonly instreamId?: string;
  readonly characteristics?: string;
  readonly channels?: string;
  readonly stableRenditionId?: string;
  readonly pathwayId?: string;
}

/** Session data of the presentation (EXT-X-SESSION-DATA, 4.4.6.4). */
export interface SessionData {
  /** As a reversed domain name, e.g. `com.apple.hls.title`. */
  readonly dataId: string;
  readonly value?: string;
  readonly uri?: string;
  /** BCP 47. */
  readonly language?: string;
}

/** Where players read which Content Steering Pathway they should use (EXT-X-CONTENT-STEERING, 4.4.6.6). */
export interface ContentSteering {
  /** Of the Steering Manifest. */
  readonly serverUri: string;
  /** The Pathway before the first Steering Manifest; absent: that of the first Variant Stream. */
  readonly pathwayId?: string;
}

/** A Multivariant Playlist (4.4.6). */
export interface MultivariantPlaylist {
  readonly version: number;
  readonly independentSegments: boolean;
  readonly variants: readonly Variant[];
  readonly renditions: readonly Rendition[];
  readonly iFrameVariants?: readonly IFrameVariant[];
  readonly sessionData?: readonly SessionData[];
  readonly sessionKeys?: readonly KeyTag[];
  readonly contentSteering?: ContentSteering;
  readonly start?: StartTag;
  /**
   * What EXT-X-DEFINE defined, already put in place; for the `IMPORT`s of its Media Playlists. Not printed.
   */
  readonly variables?: ReadonlyMap<string, string>;
}
