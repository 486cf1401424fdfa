/**
 * Messages of FLV and enhanced RTMP, byte by byte, also in forms that no encoder here sends.
 * In: codecs and payloads. Out: messages. Enhanced RTMP v2, "ExAudioTagHeader" and "ExVideoTagHeader".
 */

import { printAmf0 } from '../amf/amf0.ts';
import type { AmfObject, AmfValue } from '../amf/value.ts';
import { concatBytes } from '../bytes.ts';
import { silentFlacFrame } from '../flac/silence.ts';
import { h264Config } from '../h264/avcc.ts';
import { av1Track, flacTrack } from '../isobmff/media.fixture.ts';
import { printAc3, printMp3 } from '../mpegts/forms.fixture.ts';
import { PPS, printSlice, printSps } from '../mpegts/packets.fixture.ts';
import { FLV_TYPE, type FlvMessage, PACKET } from './message.ts';

const text = new TextEncoder();

/** A NAL unit after its length. */
export function printNal(nal: Uint8Array, lengthSize = 4): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, nal.length);
  return concatBytes([length.subarray(4 - lengthSize), nal]);
}

/** An `avcC` of 64×48, or of other macroblocks. */
export function printAvcC(lengthSize = 4, widthMbs = 4): Uint8Array {
  const record = h264Config([printSps(widthMbs)], [PPS]).record.slice();
  record[4] = 0xfc | (lengthSize - 1);
  return record;
}

/** An H.264 picture as a sample. */
export function printPicture(idr: boolean, size = 40, lengthSize = 4): Uint8Array {
  return printNal(printSlice(idr, size), lengthSize);
}

/** A message at 0 ms. */
export function message(type: 'audio' | 'video' | 'script', ...parts: (number | Uint8Array)[]): FlvMessage {
  const bytes = parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part));
  return { type: FLV_TYPE[type], timestampMs: 0, body: concatBytes(bytes) };
}

/** The same message at another time. */
export function at(timestampMs: number, one: FlvMessage): FlvMessage {
  return { ...one, timestampMs };
}

/** A number of 3 bytes. */
export function u24(value: number): Uint8Array {
  return Uint8Array.of(value >> 16, value >> 8, value);
}

/** Legacy H.264: sequence header (0) or frame (1). */
export function avc(type: number, payload: Uint8Array, key = true, compositionMs = 0): FlvMessage {
  return message('video', (key ? 0x10 : 0x20) | 7, type, u24(compositionMs), payload);
}

/** Legacy AAC: sequence header (0) or frame (1). */
export function aac(type: number, payload: Uint8Array): FlvMessage {
  return message('audio', 0xaf, type, payload);
}

/** Enhanced video. */
export function exVideo(codec: string, type: number, payload: Uint8Array, key = true): FlvMessage {
  return message('video', 0x80 | (key ? 0x10 : 0x20) | type, text.encode(codec), payload);
}

/** Enhanced audio. */
export function exAudio(codec: string, type: number, payload: Uint8Array): FlvMessage {
  return message('audio', 0x90 | type, text.encode(codec), payload);
}

/** Several audio tracks in one message, each with its codec. */
export function manyAudio(type: number, tracks: readonly (readonly [string, number, Uint8Array])[]): FlvMessage {
  const parts = tracks.map(([codec, id, payload]) =>
    concatBytes([text.encode(codec), Uint8Array.of(id), u24(payload.length), payload]),
  );
  return message('audio', 0x95, 0x20 | type, ...parts);
}

/** Several video tracks of one codec in one message. */
export function manyVideo(codec: string, type: number, tracks: readonly (readonly [number, Uint8Array])[]): FlvMessage {
  const parts = tracks.map(([id, payload]) => concatBytes([Uint8Array.of(id), u24(payload.length), payload]));
  return message('video', 0x96, 0x10 | type, text.encode(codec), ...parts);
}

/** One audio track with a number. */
export function oneAudio(codec: string, type: number, id: number, payload: Uint8Array): FlvMessage {
  return message('audio', 0x95, type, text.encode(codec), id, payload);
}

/** Stereo at 48 kHz. */
export const AAC_RECORD = Uint8Array.of(0x11, 0x90);
/** An Opus header of two channels, and a packet of 20 ms. */
export const OPUS_HEAD = concatBytes([
  text.encode('OpusHead'),
  Uint8Array.of(1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0),
]);
export const OPUS_PACKET = new Uint8Array(60).fill(0xfc, 0, 1);
/** STREAMINFO of two channels. */
export const FLAC_INFO = flacTrack.config.record.slice(8);
/** A VP9 key frame of 160×90, profile 0. */
export const VP9_KEY = Uint8Array.of(0x82, 0x49, 0x83, 0x42, 0x20, 0x09, 0xf0, 0x05, 0x90, 0, 0, 0);
/** Metadata as OBS and ffmpeg send it. */
export function metadata(values: Record<string, number | string>): FlvMessage {
  return message('script', printAmf0(['@setDataFrame', 'onMetaData', values], { ecmaArrays: true }));
}

/** `colorInfo` of HDR10, as encoders send it. */
export const HDR10: AmfObject = {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: { maxFall: 400, maxCLL: 1000 },
  hdrMdcv: {
    redX: 0.68,
    redY: 0.32,
    greenX: 0.265,
    greenY: 0.69,
    blueX: 0.15,
    blueY: 0.06,
    whitePointX: 0.3127,
    whitePointY: 0.329,
    maxLuminance: 1000,
    minLuminance: 0.0001,
  },
};

/** Metadata of a video, with the frame type that FFmpeg sends. */
export function colorInfo(value: AmfValue, codec = 'avc1'): FlvMessage {
  return message('video', 0xd0 | PACKET.metadata, text.encode(codec), printAmf0(['colorInfo', value]));
}

/** A message of each kind, in an order in which a demuxer takes them. */
export function messagesOfEachKind(): FlvMessage[] {
  const { start, frames } = { start: PACKET.sequenceStart, frames: PACKET.codedFrames };
  const av1 = av1Track.config.record;
  const nano = concatBytes([Uint8Array.of(2), u24(500_000), Uint8Array.of(PACKET.codedFramesX)]);
  return [
    metadata({ videocodecid: 7, audiocodecid: 10, encoder: 'obs' }),
    ...[
      avc(0, printAvcC()),
      avc(1, printPicture(true)),
      avc(1, printPicture(false), false, 40),
      avc(2, text.encode('')),
    ],
    ...[avc(0, printAvcC(2)), avc(1, printPicture(true, 40, 2)), avc(1, printNal(printSps(5)))],
    ...[aac(0, AAC_RECORD), aac(1, new Uint8Array(50).fill(0x21)), message('audio', 0x2f, printMp3())],
    ...[message('audio', 0xb2, 1, 2), message('video', 0x12, 1, 2), message('video', 0x50, 0), message('audio')],
    ...[exVideo('hvc1', start, av1), exVideo('av01', start, av1), exVideo('av01', frames, av1.subarray(4))],
    ...[exVideo('vp09', start, Uint8Array.of(0, 31, 0x82, 1, 1, 1, 0, 0)), exVideo('vp09', frames, VP9_KEY)],
    exVideo('vp08', frames, Uint8Array.of(0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xb4, 0, 0, 0)),
    ...[exVideo('avc1', start, printAvcC()), exVideo('avc1', 3, printPicture(true)), exVideo('vvc1', start, av1)],
    message('video', 0x97, nano, text.encode('avc1'), printPicture(true)),
    ...[exAudio('Opus', start, OPUS_HEAD), exAudio('Opus', frames, OPUS_PACKET), exAudio('fLaC', start, av1)],
    ...[exAudio('fLaC', start, FLAC_INFO), exAudio('fLaC', frames, silentFlacFrame(flacTrack.config))],
    ...[
      exAudio('ac-3', frames, printAc3()),
      exAudio('ec-3', frames, printAc3('eac3', 1)),
      exAudio('.mp3', 1, printMp3()),
    ],
    ...[exAudio('mp4a', start, AAC_RECORD), exAudio('mp4a', frames, new Uint8Array(30).fill(0x21))],
    ...[exAudio('mp4a', 4, Uint8Array.of(1, 2, 0, 0, 0, 3)), oneAudio('Opus', start, 1, OPUS_HEAD)],
    manyAudio(start, [
      ['mp4a', 2, AAC_RECORD],
      ['Opus', 3, OPUS_HEAD],
    ]),
    manyAudio(frames, [
      ['mp4a', 2, new Uint8Array(30).fill(0x21)],
      ['Opus', 3, OPUS_PACKET],
    ]),
    manyVideo('avc1', start, [
      [0, printAvcC()],
      [1, printAvcC(4, 8)],
    ]),
    manyVideo('avc1', PACKET.codedFramesX, [
      [0, printPicture(true)],
      [1, printPicture(true, 20)],
    ]),
    exVideo('av01', PACKET.metadata, printAmf0(['colorInfo', {}])),
    colorInfo(HDR10),
    exVideo('av01', PACKET.mpegTsSequenceStart, Uint8Array.of(0x80, 4, 0x81, 0, 0xc, 0)),
  ];
}
