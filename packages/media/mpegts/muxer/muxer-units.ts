/**
 * PES packets: what of a track goes out together, with its times, as a decoder of MPEG-TS wants it.
 * In: frames. Out: access units with their length, and their bytes: Annex B with delimiter and parameter
 * sets, AAC behind ADTS, Opus behind control headers, all other sound and ID3 as it is. ISO/IEC 13818-1,
 * 2.4.3.6 and 2.14; ITU-T H.264 Annex B and 7.3.2.4; ITU-T H.265 7.3.2.5; ISO/IEC 14496-3, 1.A.2. Pure.
 */

import { ADTS_HEADER_BYTES, adtsFormOf, writeAdtsHeader } from '../../aac/adts.ts';
import { FormatError } from '../../errors.ts';
import type { AudioConfig, Frame, Track } from '../../frame.ts';
import { parseAvcC } from '../../h264/avcc.ts';
import { parseHvcC } from '../../hevc/hvcc.ts';
import { HEVC_NAL, hevcNalType } from '../../hevc/nal.ts';
import { printOpusControl } from '../../opus/packet.ts';
import { rescale } from '../../rescale.ts';
import { PES_TIMESCALE, TURN } from '../timestamps.ts';

/** One PES packet. */
export interface AccessUnit {
  readonly video: boolean;
  /** Bytes, the PES header included. */
  readonly length: number;
  /** Decode time, ticks of 90 kHz, not wrapped. */
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  /** Decoding can begin here. */
  readonly key: boolean;
  readonly streamId: number;
  /** The payload after the PES header, in order; between two pieces nothing. */
  readonly pieces: readonly Uint8Array[];
}

/** Audio frames go out together up to this much, ticks of 90 kHz: 90 ms. */
const AUDIO_TOGETHER = 8100;
/** PES_packet_length has 16 bits; 0 means unbounded, which only video may use (2.4.3.7). */
const MAX_LENGTH = 0xffff;
const VIDEO_STREAM_ID = 0xe0;
const AUDIO_STREAM_ID = 0xc0;
/** private_stream_1: payloads that ISO/IEC 13818-1 does not define. */
const PRIVATE_STREAM_ID = 0xbd;

const NOTHING = new Uint8Array(0);
const START_CODE = Uint8Array.of(0, 0, 0, 1);
const H264_AUD_TYPE = 9;
/** primary_pic_type 7: any slices. */
const H264_AUD = Uint8Array.of(0, 0, 0, 1, H264_AUD_TYPE, 0xf0);
/** pic_type 2: any slices. */
const HEVC_AUD = Uint8Array.of(0, 0, 0, 1, HEVC_NAL.aud << 1, 1, 0x50);

/**
 * The PES packets of a track. A frame of data that is too long for one is left out.
 *
 * @param frames of this track, in decode order
 * @param index of the track in its program; its stream_id is made of it
 * @throws OxbowError `unsupported-media` for AAC that ADTS cannot carry
 * @throws FormatError if a NAL unit reaches past its frame, or the record is malformed
 */
export function accessUnitsOf(track: Track, frames: readonly Frame[], index: number): AccessUnit[] {
  if (frames.length === 0) return [];
  if (track.kind === 'video') return videoUnits(track, frames, index);
  if (track.kind === 'audio') return audioUnits(track, frames, index);
  return frames
    .filter(({ data }) => fitsPes(data.length))
    .map((frame) => unitOf(track, frame, frame.duration, [frame.data], PRIVATE_STREAM_ID));
}

/**
 * Whether the length of a PES packet can tell this many bytes; only that of video may leave it out
 * (2.4.3.7).
 */
export function fitsPes(bytes: number): boolean {
  return bytes <= MAX_LENGTH - 32;
}

/**
 * The PES packets of a live track: each frame becomes one.
 *
 * @param index of the track in its program
 * @param shift its `ticks` of 90 kHz are added to all times; those of the moment of each frame
 * @returns throws FormatError if a NAL unit reaches past its frame, or an AAC frame is longer than ADTS
 *   allows
 * @throws OxbowError `unsupported-media` for AAC that ADTS cannot carry
 * @throws FormatError if the record is malformed
 */
export function unitMaker(
  track: Track,
  index: number,
  shift: { readonly ticks: number },
): (frame: Frame) => AccessUnit {
  const shifted = (unit: AccessUnit): AccessUnit => {
    return { ...unit, dts: unit.dts + shift.ticks, pts: unit.pts + shift.ticks };
  };
  if (track.kind === 'video') {
    const unitOfFrame = videoUnitMaker(track, index);
    return (frame) => shifted(unitOfFrame(frame));
  }
  if (track.kind !== 'audio') {
    return (frame) => shifted(unitOf(track, frame, frame.duration, [frame.data], PRIVATE_STREAM_ID));
  }
  const headerOf = headersOf(track.config);
  const streamId = audioStreamId(track.config, index);
  return (frame) => {
    const header = headerOf(frame.data.length);
    const pieces = header.length > 0 ? [header, frame.data] : [frame.data];
    return shifted(unitOf(track, frame, frame.duration, pieces, streamId));
  };
}

function videoUnits(track: Track & { kind: 'video' }, frames: readonly Frame[], index: number): AccessUnit[] {
  return frames.map(videoUnitMaker(track, index));
}

function videoUnitMaker(track: Track & { kind: 'video' }, index: number): (frame: Frame) => AccessUnit {
  const isHevc = track.config.codec === 'hevc';
  const delimiter = isHevc ? HEVC_AUD : H264_AUD;
  const isDelimiter = isHevc
    ? (first: number) => hevcNalType(first) === HEVC_NAL.aud
    : (first: number) => (first & 0x1f) === H264_AUD_TYPE;
  const sets = parameterSetsOf(track).flatMap((nal) => [START_CODE, nal]);
  return (frame) => {
    const pieces = [delimiter, ...(frame.key ? sets : []), ...nalsOf(frame.data, isDelimiter)];
    return unitOf(track, frame, frame.duration, pieces, VIDEO_STREAM_ID | (index & 0x0f));
  };
}

/** VPS, SPS and PPS, in this order. */
function parameterSetsOf(track: Track & { kind: 'video' }): Uint8Array[] {
  const { codec, record } = track.config;
  if (codec === 'h264') {
    const { sps, pps } = parseAvcC(record);
    return [...sps, ...pps];
  }
  const { vps, sps, pps } = parseHvcC(record);
  return [...vps, ...sps, ...pps];
}

/** The NAL units of a sample behind start codes, without delimiters: each access unit gets a new one. */
function nalsOf(sample: Uint8Array, isDelimiter: (first: number) => boolean): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
  for (let at = 0; at < sample.length; ) {
    const from = at + 4;
    const end = from + (from <= sample.length ? view.getUint32(at) : 0);
    if (from > sample.length || end > sample.length) throw new FormatError('a NAL unit reaches past its frame', at);
    if (end > from && !isDelimiter(sample[from]!)) pieces.push(START_CODE, sample.subarray(from, end));
    at = end;
  }
  return pieces;
}

function audioUnits(track: Track & { kind: 'audio' }, frames: readonly Frame[], index: number): AccessUnit[] {
  const headerOf = headersOf(track.config);
  const streamId = audioStreamId(track.config, index);
  const units: AccessUnit[] = [];
  let together: Frame[] = [];
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  const send = () => {
    const first = together[0];
    const last = together.at(-1);
    if (!first || !last) return;
    units.push(unitOf(track, first, last.dts + last.duration - first.dts, pieces, streamId));
    together = [];
    pieces = [];
    bytes = 0;
  };
  for (const frame of frames) {
    const [first, last] = [together[0], together.at(-1)];
    const header = headerOf(frame.data.length);
    const size = header.length + frame.data.length;
    // Only the first frame of a PES has a timestamp: a frame after a hole begins the next PES.
    const follows = last !== undefined && Math.abs(last.dts + last.duration - frame.dts) <= 1;
    const span = first ? rescale(frame.dts + frame.duration - first.dts, track.timescale, PES_TIMESCALE) : 0;
    if (!follows || span > AUDIO_TOGETHER || !fitsPes(bytes + size)) send();
    together.push(frame);
    if (header.length > 0) pieces.push(header);
    pieces.push(frame.data);
    bytes += size;
  }
  send();
  return units;
}

function audioStreamId({ codec }: AudioConfig, index: number): number {
  return codec === 'aac' || codec === 'mp3' ? AUDIO_STREAM_ID | (index & 0x1f) : PRIVATE_STREAM_ID;
}

/** Header before a frame of this many bytes. */
function headersOf({ codec, record }: AudioConfig): (bytes: number) => Uint8Array {
  if (codec === 'opus') return printOpusControl;
  if (codec !== 'aac') return () => NOTHING;
  const form = adtsFormOf(record);
  return (bytes) => {
    const header = new Uint8Array(ADTS_HEADER_BYTES);
    writeAdtsHeader(header, 0, form, bytes);
    return header;
  };
}

function unitOf(
  track: Track,
  first: Frame,
  duration: number,
  pieces: readonly Uint8Array[],
  streamId: number,
): AccessUnit {
  const dts = rescale(first.dts, track.timescale, PES_TIMESCALE);
  const pts = rescale(first.pts, track.timescale, PES_TIMESCALE);
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {
    video: track.kind === 'video',
    dts,
    pts,
    key: first.key,
    streamId,
    pieces,
    duration: rescale(duration, track.timescale, PES_TIMESCALE),
    length: headerBytes(pts, dts) + bytes,
  };
}

function headerBytes(pts: number, dts: number): number {
  return pts === dts ? 14 : 19;
}

/**
 * Writes the PES header and its payload.
 *
 * @param out of exactly `unit.length` bytes
 */
export function writePayload({ streamId, length, pts, dts, pieces, video }: AccessUnit, out: Uint8Array): void {
  const header = headerBytes(pts, dts);
  const told = length - 6 <= MAX_LENGTH || !video ? length - 6 : 0;
  out.set([0, 0, 1, streamId, told >> 8, told & 0xff]);
  out[6] = 0x84; // data_alignment_indicator: an access unit begins here
  out[7] = pts === dts ? 0x80 : 0xc0;
  out[8] = header - 9;
  writeTime(out, 9, pts === dts ? 2 : 3, pts);
  if (pts !== dts) writeTime(out, 14, 1, dts);
  let at = header;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
}

/** A time of 33 bits with its marker bits (2.4.3.7). */
function writeTime(out: Uint8Array, at: number, prefix: number, time: number): void {
  const value = ((time % TURN) + TURN) % TURN;
  const high = Math.floor(value / 2 ** 30);
  const low = value % 2 ** 30;
  out[at] = (prefix << 4) | (high << 1) | 1;
  out[at + 1] = low >> 22;
  out[at + 2] = ((low >> 14) & 0xfe) | 1;
  out[at + 3] = low >> 7;
  out[at + 4] = ((low << 1) & 0xfe) | 1;
}
