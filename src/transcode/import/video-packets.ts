/**
 * Converts the packets of a video stream into frames.
 * In: packets of FFmpeg's demuxers. Out: a track, and frames in decode order with `dts <= pts`.
 * ISO/IEC 14496-15, 5.3.3 (lengths in place of start codes); AV1 in ISO BMFF, 2.4.
 */

import { av1Codecs, withoutTemporalDelimiter } from '@oxbow/media/av1/av1c';
import { FormatError } from '@oxbow/media/errors';
import type { Frame, VideoConfig, VideoTrack } from '@oxbow/media/frame';
import { findNals, NalList, toSample } from '@oxbow/media/h264/annexb';
import { avcCodecs, hevcCodecs } from '@oxbow/media/isobmff/sample-entry/codecs';
import { widenNalLengths } from '@oxbow/media/isobmff/sample-entry/nal-length';
import { rescale } from '@oxbow/media/rescale';
import { parseVp9KeyFrame, vp9Config } from '@oxbow/media/vp9/frame-header';
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { bytesOfBase64, type PacketTrack, trackBase } from './packet-base.ts';

const CODECS: ReadonlySet<string> = new Set(['h264', 'hevc', 'av1', 'vp9']);
/** Finer clocks of containers are converted. */
const MAX_TIMESCALE = 1_000_000;
const FALLBACK_TIMESCALE = 90_000;
/** Packets without a decode time before the first that has one: more than any codec reorders. */
const MAX_WAITING = 64;

/** Whether video of this stream can be stored without encoding. */
export function isVideoPassable({ codec, isAttachment }: DemuxStream): boolean {
  return CODECS.has(codec) && !isAttachment;
}

/** Byte of a configuration record whose lowest bits are the length of NAL unit lengths. */
const LENGTH_AT = { h264: 4, hevc: 21 } as const;

/** One video stream. */
export class VideoPackets implements PacketTrack {
  readonly stream: DemuxStream;
  readonly id: number;
  readonly #timescale: number;
  /** Bytes of a length before each NAL unit; 0 with start codes. */
  readonly #nalLengthBytes: number;
  readonly #nals = new NalList();
  #track: VideoTrack | undefined;
  #waiting: DemuxPacket[] = [];
  #lastDts = Number.NEGATIVE_INFINITY;
  #lastDuration = 1;

  /**
   * @param id of the track
   * @throws FormatError if its configuration is malformed
   */
  constructor(stream: DemuxStream, id: number) {
    this.stream = stream;
    this.id = id;
    this.#timescale = stream.timeScale <= MAX_TIMESCALE ? stream.timeScale : FALLBACK_TIMESCALE;
    const extradata = bytesOfBase64(stream.extradata);
    const isNal = stream.codec === 'h264' || stream.codec === 'hevc';
    // Version 1 of a record; start codes begin with zeros.
    this.#nalLengthBytes =
      isNal && extradata[0] === 1 ? (extradata[LENGTH_AT[stream.codec as 'h264' | 'hevc']]! & 3) + 1 : 0;
    if (stream.codec !== 'vp9') this.#configure(this.#configOf(extradata));
  }

  get track(): VideoTrack | undefined {
    return this.#track;
  }

  take(packet: DemuxPacket): readonly Frame[] {
    if (packet.data.length === 0) return [];
    if (packet.pts === undefined) throw new FormatError('pictures without presentation times', 0);
    if (packet.dts === undefined && this.#lastDts === Number.NEGATIVE_INFINITY) {
      this.#waiting.push(packet);
      if (this.#waiting.length > MAX_WAITING) throw new FormatError('pictures without decode times', 0);
      return [];
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    const frames = waiting.flatMap((waitingPacket, i) => {
      const { duration } = waitingPacket;
      return this.#frame(waitingPacket, (packet.dts ?? 0) - (waiting.length - i) * Math.max(1, duration));
    });
    return [...frames, ...this.#frame(packet, packet.dts)];
  }

  adopt({ track }: PacketTrack): void {
    if (track?.kind === 'video') this.#track = track;
  }

  end(): readonly Frame[] {
    // Without any decode time, the order of a few pictures is that of their presentation.
    const waiting = this.#waiting;
    this.#waiting = [];
    const first = Math.min(...waiting.map(({ pts }) => pts!));
    return waiting.flatMap((packet, i) => this.#frame(packet, first - waiting.length + i));
  }

  #frame(packet: DemuxPacket, decode: number | undefined): readonly Frame[] {
    const data = this.#dataOf(packet.data, packet.key);
    if (!data || data.length === 0) return [];
    const pts = this.#ticks(packet.pts!);
    const duration = this.#ticks(packet.duration) || this.#lastDuration;
    this.#lastDuration = duration;
    const dts = Math.max(decode === undefined ? this.#lastDts + duration : this.#ticks(decode), this.#lastDts + 1);
    this.#lastDts = dts;
    return [{ trackId: this.id, dts, pts: Math.max(pts, dts), duration, key: packet.key, data }];
  }

  #ticks(time: number): number {
    const { timeScale, timeStep } = this.stream;
    return this.#timescale === timeScale ? time * timeStep : rescale(time * timeStep, timeScale, this.#timescale);
  }

  /**
   * A packet in the form of frames; undefined before the first key frame of a codec that is configured by it.
   */
  #dataOf(data: Uint8Array, isKey: boolean): Uint8Array | undefined {
    switch (this.stream.codec) {
      case 'av1':
        return withoutTemporalDelimiter(data);
      case 'vp9': {
        const key = isKey && !this.#track ? parseVp9KeyFrame(data) : undefined;
        if (key) this.#configure(vp9Config(key, undefined));
        return this.#track && data;
      }
      default: {
        if (this.#nalLengthBytes > 0) return widenNalLengths(data, this.#nalLengthBytes);
        findNals(data, 0, data.length, this.#nals);
        return toSample(data, 0, this.#nals);
      }
    }
  }

  #configOf(extradata: Uint8Array): VideoConfig {
    const { codec, width, height } = this.stream;
    const record = this.#nalLengthBytes > 0 ? extradata : bytesOfBase64(this.stream.record);
    if (record.length === 0) throw new FormatError(`${codec} without its configuration`, 0);
    if (codec === 'av1') return { codec, record, codecs: av1Codecs(record), width, height };
    const family = codec === 'hevc' ? 'hevc' : 'h264';
    record[LENGTH_AT[family]]! |= 3; // Lengths of 4 bytes.
    const codecs = family === 'hevc' ? hevcCodecs(record) : avcCodecs(record);
    return { codec: family, record, codecs, width, height };
  }

  #configure(config: VideoConfig): void {
    this.#track = { kind: 'video', id: this.id, timescale: this.#timescale, ...trackBase(this.stream), config };
  }
}
