/**
 * What FFmpeg's demuxer says of a file, and the form in which its packets come out of the process.
 * In: child/demux-main. Out: demux.ts, transcode/import. Pure; all integers are big-endian.
 */
import { ByteReader } from '@oxbow/media/bytes';

/** One elementary stream of a container. */
export interface DemuxStream {
  /** Number of the stream in the container, from 0. */
  readonly index: number;
  /** Its id in the container: the track_ID of an MP4 file. */
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'text' | 'data';
  /** Codec name of FFmpeg, e.g. `h264`. */
  readonly codec: string;
  /** RFC 6381; empty if FFmpeg has none. */
  readonly codecs: string;
  /** Four characters by which the container names the codec, e.g. `wvtt`; empty where it has none. */
  readonly sampleEntry: string;
  /** Numbers of FFmpeg; negative when unknown. */
  readonly profile: number;
  readonly level: number;
  /** Ticks per second: `timeScale / timeStep` of packets. */
  readonly timeScale: number;
  readonly timeStep: number;
  /** Pixels, 0 without a picture. */
  readonly width: number;
  readonly height: number;
  /** Width of a pixel divided by its height; 1 when unknown. */
  readonly pixelAspect: number;
  /** Degrees clockwise, 0 to 359, by which the picture is turned for display. */
  readonly rotation: number;
  /**
   * Frames per second: average, and the lowest rate with which all times can be represented; 0 when unknown.
   */
  readonly frameRate: number;
  readonly baseFrameRate: number;
  /** Pixel or sample format of FFmpeg, e.g. `yuv420p10le`; empty when unknown. */
  readonly format: string;
  /** ISO/IEC 23091-2 code points; 2 when unspecified. */
  readonly primaries: number;
  readonly transfer: number;
  readonly matrix: number;
  readonly fullRange: boolean;
  /** Dolby Vision profile; absent without. */
  readonly dolbyVision?: number;
  /** Hz, 0 without sound. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Bits per second, 0 when unknown. */
  readonly bitRate: number;
  /** Language in the container, otherwise `und`. */
  readonly language: string;
  readonly title: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  /** A cover picture, not a film. */
  readonly isAttachment: boolean;
  /** Time of its first packet, µs; absent when unknown. */
  readonly startUs?: number;
  /** ms, 0 when unknown. */
  readonly durationMs: number;
  /** Codec configuration as the container has it, base64. */
  readonly extradata: string;
  /** The same as the body of a box of ISO BMFF, base64; empty if FFmpeg makes none. */
  readonly record: string;
}

/** A container and its streams. */
export interface DemuxInfo {
  /** Container names of FFmpeg, e.g. `matroska,webm`. */
  readonly container: string;
  /** µs, 0 when unknown. */
  readonly durationUs: number;
  /** Earliest time of any stream, µs. */
  readonly startUs: number;
  /** Bits per second of all streams, 0 when unknown. */
  readonly bitRate: number;
  readonly title: string;
  readonly streams: readonly DemuxStream[];
}

/** One packet of one stream. */
export interface DemuxPacket {
  readonly index: number;
  readonly key: boolean;
  /** The demuxer noticed damage. */
  readonly corrupt: boolean;
  /** It is needed for decoding, but not shown. */
  readonly hidden: boolean;
  /** Ticks; undefined when the container has none. */
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** Ticks, 0 when unknown. */
  readonly duration: number;
  /** Of WebVTT in Matroska: the settings of the cue, a line end, its text. */
  readonly data: Uint8Array;
}

/** Message kinds of the process, in addition to those of frame-protocol. */
export const demuxKinds = {
  /** From the child: {@link DemuxInfo}, JSON. */
  info: 32,
  /** From the child: see {@link printPacket}. */
  packet: 33,
  /**
   * From the child: all packets have come. Its payload, UTF-8, is the error that ended the file early, or
   * empty.
   */
  end: 34,
  /** To the child: send the packets of these streams, JSON array of indexes. */
  select: 35,
} as const;

/** Bytes before the data of a packet: u16 index, u8 flags, i64 pts, i64 dts, u32 duration. */
export const PACKET_HEADER_BYTES = 2 + 1 + 8 + 8 + 4;
const KEY = 1;
const CORRUPT = 2;
const HIDDEN = 4;
const HAS_PTS = 8;
const HAS_DTS = 16;

/** Writes the header of a packet. */
export function printPacketHeader(packet: Omit<DemuxPacket, 'data'>): Uint8Array {
  const header = new Uint8Array(PACKET_HEADER_BYTES);
  const view = new DataView(header.buffer);
  const { index, key, corrupt, hidden, pts, dts, duration } = packet;
  view.setUint16(0, index);
  header[2] =
    (key ? KEY : 0) |
    (corrupt ? CORRUPT : 0) |
    (hidden ? HIDDEN : 0) |
    (pts !== undefined ? HAS_PTS : 0) |
    (dts !== undefined ? HAS_DTS : 0);
  view.setBigInt64(3, BigInt(pts ?? 0));
  view.setBigInt64(11, BigInt(dts ?? 0));
  view.setUint32(19, Math.min(duration, 0xffff_ffff));
  return header;
}

/**
 * Reads the payload of a message of kind `packet`.
 *
 * @returns its data shares memory with `payload`
 * @throws FormatError if it is truncated
 */
export function parsePacket(payload: Uint8Array): DemuxPacket {
  const reader = new ByteReader(payload, 'demuxed packet');
  const index = reader.u16();
  const flags = reader.u8();
  const pts = reader.i64();
  const dts = reader.i64();
  return {
    index,
    key: (flags & KEY) !== 0,
    corrupt: (flags & CORRUPT) !== 0,
    hidden: (flags & HIDDEN) !== 0,
    pts: flags & HAS_PTS ? pts : undefined,
    dts: flags & HAS_DTS ? dts : undefined,
    duration: reader.u32(),
    data: reader.take(reader.left),
  };
}
