/**
 * Messages of FLV: the bodies of RTMP messages and of the tags of an FLV file are the same.
 * In: nothing. Out: types and constants for the demuxer, the muxer and wire/rtmp. Pure.
 * Adobe Flash Video File Format 10.1, annex E; Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video".
 */

/** A message of audio, video or script data. */
export interface FlvMessage {
  /** 8 audio, 9 video, 18 script data; the type of the RTMP message and of the tag. */
  readonly type: 8 | 9 | 18;
  /** Decode time, ms; 32 bits, wraps. */
  readonly timestampMs: number;
  readonly body: Uint8Array;
}

/** Values of `FlvMessage.type`. */
export const FLV_TYPE = { audio: 8, video: 9, script: 18 } as const;

/** Four characters as a 32-bit number, as in a header. */
function fourCc(text: string): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 256 + (text.charCodeAt(i) & 0xff);
  return value;
}

/** Codecs of enhanced messages. */
export const FOUR_CC = {
  avc1: fourCc('avc1'),
  hvc1: fourCc('hvc1'),
  av01: fourCc('av01'),
  vp08: fourCc('vp08'),
  vp09: fourCc('vp09'),
  mp4a: fourCc('mp4a'),
  mp3: fourCc('.mp3'),
  opus: fourCc('Opus'),
  ac3: fourCc('ac-3'),
  eac3: fourCc('ec-3'),
  flac: fourCc('fLaC'),
} as const;

/** The four characters of a number; `?` for unprintable ones. */
export function fourCcText(value: number): string {
  return [24, 16, 8, 0]
    .map((shift) => (value >>> shift) & 0xff)
    .map((code) => (code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '?'))
    .join('');
}

/** CodecID of video tags: the lower 4 bits of the first byte. */
export const VIDEO_CODEC_ID = { avc: 7, hevc: 12 } as const;
/**
 * SoundFormat of audio tags: the upper 4 bits of the first byte; `enhanced` says that a four-character code
 * follows.
 */
export const SOUND_FORMAT = { mp3: 2, enhanced: 9, aac: 10, mp3At8kHz: 14 } as const;

/** Packet types of audio and video; MULTITRACK differs between the two, and is resolved by the parsers. */
export const PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  /** Video: AMF with the colour. Audio: the layout of channels. */
  metadata: 4,
  mpegTsSequenceStart: 5,
  modEx: 7,
} as const;

/** One packet of one track, as a message carries it. */
export interface FlvPacket {
  /** 0 is the default track of its kind; others only in multitrack messages. */
  readonly trackId: number;
  /** Of the codec; 0 where `unsupported` names it. */
  readonly codec: number;
  /** The name of a codec that has no four-character code, such as `VP6 video`. */
  readonly unsupported?: string;
  /** A value of PACKET. */
  readonly type: number;
  /** Video: the sender flags a key frame. */
  readonly key: boolean;
  /** Presentation time minus decode time, ms, may be negative. */
  readonly compositionMs: number;
  /** Added to the timestamp, nanoseconds. */
  readonly nanoseconds: number;
  /** The payload within the body. */
  readonly from: number;
  readonly to: number;
}
