/**
 * Tracks and frames as messages of FLV, for RTMP targets.
 * In: tracks and frames of a run. Out: onMetaData, sequence headers, one message for each frame. Legacy
 * messages for H.264, AAC and MP3; enhanced ones for other codecs. Pure. Adobe Flash Video File Format 10.1,
 * E.4; Enhanced RTMP v2.
 */

import { concatBytes } from '../bytes.ts';
import { printFlacHeader } from '../flac/stream-info.ts';
import type { AudioTrack, Frame, Track, VideoTrack } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { printOpusHead } from '../opus/head.ts';
import { printColorInfo } from './colour-info.ts';
import { FLV_TYPE, type FlvMessage, PACKET, SOUND_FORMAT, VIDEO_CODEC_ID } from './message.ts';
import { printMetadata } from './metadata.ts';
import { AUDIO_CODECS, enhancedCodecOf, isLegacy, trackName, VIDEO_CODECS } from './muxer-codecs.ts';

export interface FlvMuxerOptions {
  /** The target takes enhanced RTMP; otherwise only H.264, AAC and MP3 are sent. */
  readonly enhanced: boolean;
  /** Codecs that it takes in enhanced messages, as four characters, `*` for all; default all. */
  readonly fourCcs?: ReadonlySet<string> | undefined;
  /** Media time that becomes timestamp 0, ms; default the decode time of the first frame. */
  readonly baseMs?: number | undefined;
  /** Name and version of this program, for onMetaData. */
  readonly encoder?: string | undefined;
}

/** Prints the messages of one run. */
export interface FlvMuxer {
  /** Tracks that are not sent, with the reason in their name; RTMP has one video and one audio track. */
  readonly leftOut: readonly LeftOutTrack[];
  /** The decoder configurations: before the first frame. */
  sequenceHeaders(): FlvMessage[];
  /** onMetaData: before the sequence headers. */
  metadata(): FlvMessage;
  /**
   * Colours and light that the parameter sets do not have: behind the sequence headers. Undefined where there
   * are none, or the target takes no enhanced messages of this codec.
   *
   * @param hadColours the run before had some, which a message without any revokes
   */
  colours(hadColours: boolean): FlvMessage | undefined;
  /**
   * The messages of a frame: none for tracks that are left out, and for frames before timestamp 0.
   *
   * @param frame its bytes are copied
   */
  frame(frame: Frame): FlvMessage[];
}

/** Creates a muxer for the tracks of a run. */
export function createFlvMuxer(tracks: readonly Track[], options: FlvMuxerOptions): FlvMuxer {
  return new Muxer(tracks, options);
}

/**
 * Sound tags of 16 bits, stereo, 44.1 kHz: required by the specification for AAC, ignored by decoders for
 * MP3.
 */
const SOUND_BITS = 0x0f;
const EX_VIDEO = 0x80;
const KEY_FRAME = 1;
const INTER_FRAME = 2;
/** No picture: FFmpeg takes metadata with another type for one. */
const COMMAND_FRAME = 5;
const MS = 1000;

class Muxer implements FlvMuxer {
  readonly leftOut: readonly LeftOutTrack[];
  readonly #video: VideoTrack | undefined;
  readonly #audio: AudioTrack | undefined;
  readonly #encoder: string;
  /** It takes metadata of the video. */
  readonly #takesColours: boolean;
  #baseMs: number | undefined;
  /** Timestamp of the configurations: that of the last frame. */
  #nowMs = 0;

  constructor(tracks: readonly Track[], { enhanced, fourCcs, baseMs, encoder }: FlvMuxerOptions) {
    const isSent = (track: Track) => {
      const fourCc = enhancedCodecOf(track);
      if (fourCc === undefined || !enhanced) return isLegacy(track);
      return !fourCcs || takes(fourCcs, fourCc);
    };
    this.#video = tracks.find((track): track is VideoTrack => track.kind === 'video' && isSent(track));
    this.#audio = tracks.find((track): track is AudioTrack => track.kind === 'audio' && isSent(track));
    // An old receiver of H.264 announces no codec, and knows no enhanced message.
    const isOld = this.#video && isLegacy(this.#video) && !(fourCcs && takes(fourCcs, 'avc1'));
    this.#takesColours = enhanced && !isOld;
    this.#baseMs = baseMs;
    this.#encoder = encoder ?? 'oxbow';
    this.leftOut = tracks.filter((track) => track !== this.#video && track !== this.#audio).map(trackName);
  }

  sequenceHeaders(): FlvMessage[] {
    const messages: FlvMessage[] = [];
    if (this.#video) messages.push(this.#message(FLV_TYPE.video, this.#nowMs, videoHeader(this.#video)));
    const record = this.#audio && audioHeader(this.#audio);
    if (record) messages.push(this.#message(FLV_TYPE.audio, this.#nowMs, record));
    return messages;
  }

  metadata(): FlvMessage {
    return this.#message(FLV_TYPE.script, this.#nowMs, printMetadata(this.#video, this.#audio, this.#encoder));
  }

  colours(hadColours: boolean): FlvMessage | undefined {
    const config = this.#video?.config;
    if (!config || !this.#takesColours || (!config.colourInfo && !hadColours)) return undefined;
    const head = enhancedHead(EX_VIDEO | (COMMAND_FRAME << 4) | PACKET.metadata, VIDEO_CODECS[config.codec]);
    return this.#message(FLV_TYPE.video, this.#nowMs, prefixed(head, printColorInfo(config)));
  }

  frame(frame: Frame): FlvMessage[] {
    const isVideo = frame.trackId === this.#video?.id;
    const track = isVideo ? this.#video : frame.trackId === this.#audio?.id ? this.#audio : undefined;
    if (!track) return [];
    const mediaMs = Math.round((frame.dts * MS) / track.timescale);
    this.#baseMs ??= mediaMs;
    const timestampMs = mediaMs - Math.round(this.#baseMs);
    if (timestampMs < 0) return [];
    this.#nowMs = timestampMs;
    if (!isVideo) return [this.#message(FLV_TYPE.audio, timestampMs, audioFrame(track as AudioTrack, frame.data))];
    const compositionMs = Math.round((frame.pts * MS) / track.timescale) - mediaMs;
    return [this.#message(FLV_TYPE.video, timestampMs, videoFrame(track as VideoTrack, frame, compositionMs))];
  }

  #message(type: FlvMessage['type'], timestampMs: number, body: Uint8Array): FlvMessage {
    return { type, timestampMs: timestampMs >>> 0, body };
  }
}

function takes(fourCcs: ReadonlySet<string>, fourCc: string): boolean {
  return fourCcs.has('*') || fourCcs.has(fourCc);
}

function videoHeader({ config: { codec, record } }: VideoTrack): Uint8Array {
  if (codec === 'h264') return prefixed([(KEY_FRAME << 4) | VIDEO_CODEC_ID.avc, PACKET.sequenceStart, 0, 0, 0], record);
  // The message has only the record: without the version and flags of the box.
  const body = codec === 'vp9' ? record.subarray(4) : record;
  return prefixed(enhancedHead(EX_VIDEO | (KEY_FRAME << 4) | PACKET.sequenceStart, VIDEO_CODECS[codec]), body);
}

function videoFrame({ config: { codec } }: VideoTrack, { key, data }: Frame, compositionMs: number): Uint8Array {
  const frameType = (key ? KEY_FRAME : INTER_FRAME) << 4;
  const composition = [(compositionMs >> 16) & 0xff, (compositionMs >> 8) & 0xff, compositionMs & 0xff];
  if (codec === 'h264') return prefixed([frameType | VIDEO_CODEC_ID.avc, PACKET.codedFrames, ...composition], data);
  const isShort = codec === 'hevc' && compositionMs === 0;
  const type = isShort ? PACKET.codedFramesX : PACKET.codedFrames;
  const head = enhancedHead(EX_VIDEO | frameType | type, VIDEO_CODECS[codec]);
  return prefixed(codec === 'hevc' && !isShort ? [...head, ...composition] : head, data);
}

/** The message of a configuration; undefined for codecs whose frames describe themselves. */
function audioHeader({ config: { codec, record } }: AudioTrack): Uint8Array | undefined {
  if (codec === 'aac') return prefixed([(SOUND_FORMAT.aac << 4) | SOUND_BITS, PACKET.sequenceStart], record);
  if (codec !== 'opus' && codec !== 'flac') return undefined;
  const head = enhancedHead((SOUND_FORMAT.enhanced << 4) | PACKET.sequenceStart, AUDIO_CODECS[codec]);
  return prefixed(head, codec === 'opus' ? printOpusHead(record) : printFlacHeader(record));
}

function audioFrame({ config: { codec } }: AudioTrack, data: Uint8Array): Uint8Array {
  if (codec === 'aac') return prefixed([(SOUND_FORMAT.aac << 4) | SOUND_BITS, PACKET.codedFrames], data);
  if (codec === 'mp3') return prefixed([(SOUND_FORMAT.mp3 << 4) | SOUND_BITS], data);
  return prefixed(enhancedHead((SOUND_FORMAT.enhanced << 4) | PACKET.codedFrames, AUDIO_CODECS[codec]), data);
}

function enhancedHead(first: number, codec: number): number[] {
  return [first, codec >>> 24, (codec >>> 16) & 0xff, (codec >>> 8) & 0xff, codec & 0xff];
}

function prefixed(head: readonly number[], data: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.from(head), data]);
}
