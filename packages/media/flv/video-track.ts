/**
 * One video track of FLV: packets to frames.
 * In: packets of H.264, HEVC, AV1, VP8 or VP9. Out: configurations, frames. Bytes are views of the message
 * wherever nothing is left out. Enhanced RTMP v2, "ExVideoTagBody"; Adobe Flash Video File Format 10.1,
 * E.4.3; ISO/IEC 14496-15.
 */

import { av1Codecs, withoutTemporalDelimiter } from '../av1/av1c.ts';
import { av1Config, parseAv1Unit, sequenceHeaderOf } from '../av1/sequence-header.ts';
import { concatBytes, sameBytes } from '../bytes.ts';
import { type ColourInfo, sameColourInfo } from '../colour/colour-info.ts';
import { withColourInfo } from '../colour/colours.ts';
import { FormatError } from '../errors.ts';
import { foreignTrack } from '../foreign-codecs.ts';
import type { VideoConfig } from '../frame.ts';
import { isVp8Key, vp8Config } from '../vp8/key-frame.ts';
import { parseVp9KeyFrame, vp9Config } from '../vp9/frame-header.ts';
import { parseColorInfo } from './colour-info.ts';
import { type FlvPacket, FOUR_CC, fourCcText, PACKET } from './message.ts';
import { NalSamples } from './nal-samples.ts';
import type { FlvTrack, TrackOutput } from './track-output.ts';
import { VIDEO_TIMESCALE, VideoTimes } from './video-times.ts';

/** Bytes of a `vpcC` without version and flags, as FFmpeg sends it. */
const SHORT_VPCC_BYTES = 8;
/** Codecs without NAL units. */
const OTHER_CODECS: readonly number[] = [FOUR_CC.av01, FOUR_CC.vp08, FOUR_CC.vp09];
const VPCC_HEAD = Uint8Array.of(1, 0, 0, 0);

/** Parses the packets of one video track. */
export class FlvVideoTrack implements FlvTrack {
  readonly #out: TrackOutput;
  readonly #times: VideoTimes;
  #codec = 0;
  /** As reported: with the colours. */
  #config: VideoConfig | undefined;
  /** The newest one without them, as the codec states it, and that of `#config`. */
  #plainConfig: VideoConfig | undefined;
  #reported: VideoConfig | undefined;
  /** The newest `colorInfo`. */
  #colourInfo: ColourInfo | undefined;
  /** A change of the colours waits for the next key frame, where another run can begin. */
  #hasColourChange = false;
  /** Of this configuration. */
  #hasFrames = false;
  /** Of H.264 and HEVC. */
  #nals: NalSamples | undefined;
  /** The last record of AV1 or VP9. */
  #record: Uint8Array | undefined;
  /** The sequence header of AV1. */
  #header: Uint8Array | undefined;

  /** @param id of the stream's track */
  constructor(id: number, out: TrackOutput) {
    this.#out = out;
    this.#times = new VideoTimes(id, out);
  }

  packet(packet: FlvPacket, body: Uint8Array, timeMs: number): void {
    const { codec, type, from, to, unsupported } = packet;
    if (type === PACKET.sequenceEnd) return;
    if (type === PACKET.metadata) {
      this.#colours(body.subarray(from, to));
      return;
    }
    const isMpegTs = type === PACKET.mpegTsSequenceStart;
    if (unsupported !== undefined || isMpegTs) {
      this.#select(0);
      this.#out.refused({ kind: 'video', name: unsupported ?? `${fourCcText(codec)} video in MPEG-TS form` });
      return;
    }
    if (type !== PACKET.sequenceStart && type !== PACKET.codedFrames) {
      throw new FormatError(`unknown video packet type ${type}`, 0);
    }
    this.#select(codec);
    if (type === PACKET.sequenceStart) this.#configure(Uint8Array.from(body.subarray(from, to)));
    else if (from < to) this.#frame(packet, body, timeMs);
  }

  flush(): void {
    this.#times.flush();
  }

  #select(codec: number): void {
    if (codec === this.#codec) return;
    this.#times.flush();
    this.#codec = codec;
    this.#config = undefined;
    this.#plainConfig = undefined;
    this.#reported = undefined;
    this.#hasFrames = false;
    this.#record = undefined;
    this.#header = undefined;
    const isNal = codec === FOUR_CC.avc1 || codec === FOUR_CC.hvc1;
    this.#nals = isNal ? new NalSamples(codec === FOUR_CC.avc1 ? 'h264' : 'hevc') : undefined;
    if (codec !== 0 && !isNal && !OTHER_CODECS.includes(codec)) {
      this.#out.refused(foreignTrack(fourCcText(codec), 'video'));
    }
  }

  #configure(record: Uint8Array): void {
    if (this.#nals) {
      this.#nals.configure(record);
      this.#use(this.#nals.config);
    } else if (this.#codec === FOUR_CC.av01) {
      // One that is repeated does not revoke a newer header within frames.
      if (this.#record && sameBytes(this.#record, record)) return;
      av1Codecs(record); // throws where it is no record
      this.#record = record;
      const header = sequenceHeaderOf(record);
      if (header) this.#useHeader(header);
    } else if (this.#codec === FOUR_CC.vp09) {
      // The size is in the first key frame.
      this.#record = record.length === SHORT_VPCC_BYTES ? concatBytes([VPCC_HEAD, record]) : record;
    }
  }

  #frame(packet: FlvPacket, body: Uint8Array, timeMs: number): void {
    const { compositionMs, from, to, key } = packet;
    if (this.#nals) {
      const sample = this.#nals.sample(body, from, to);
      this.#use(this.#nals.config);
      if (sample) this.#push(packet, timeMs, compositionMs, sample.key, sample.data);
    } else if (this.#codec === FOUR_CC.av01) {
      const data = withoutTemporalDelimiter(body.subarray(from, to));
      const unit = parseAv1Unit(data);
      if (unit.sequenceHeader) this.#useHeader(unit.sequenceHeader);
      this.#push(packet, timeMs, 0, key && unit.isKey, data);
    } else if (this.#codec === FOUR_CC.vp08) {
      const data = body.subarray(from, to);
      const isKey = isVp8Key(data);
      if (isKey) this.#use(vp8Config(data));
      this.#push(packet, timeMs, 0, isKey, data);
    } else if (this.#codec === FOUR_CC.vp09) {
      const data = body.subarray(from, to);
      const keyFrame = parseVp9KeyFrame(data);
      if (keyFrame) this.#use(vp9Config(keyFrame, this.#record));
      this.#push(packet, timeMs, 0, keyFrame !== undefined, data);
    }
  }

  #push({ from, nanoseconds }: FlvPacket, timeMs: number, compositionMs: number, key: boolean, data: Uint8Array): void {
    if (key && this.#hasColourChange) this.#report();
    if (!this.#config) throw new FormatError('a video frame before its configuration', from);
    this.#hasFrames = true;
    this.#times.push(timeMs, compositionMs, nanoseconds, key, data);
  }

  #colours(payload: Uint8Array): void {
    const stated = parseColorInfo(payload);
    if (!stated || sameColourInfo(stated.info, this.#colourInfo)) return;
    this.#colourInfo = stated.info;
    this.#hasColourChange = true;
    if (!this.#hasFrames) this.#report();
  }

  #useHeader(header: Uint8Array): void {
    if (this.#header && sameBytes(this.#header, header)) return;
    const config = av1Config(header);
    this.#header = Uint8Array.from(header);
    this.#use(config);
  }

  /** Takes a configuration, and reports it if it changed. */
  #use(config: VideoConfig | undefined): void {
    const before = this.#plainConfig;
    if (!config || config === before) return;
    const isSame =
      before?.codec === config.codec &&
      before.width === config.width &&
      before.height === config.height &&
      sameBytes(before.record, config.record);
    if (isSame) return;
    this.#plainConfig = config;
    this.#report();
  }

  /** Reports the configuration with the colours, unless neither changes anything. */
  #report(): void {
    this.#hasColourChange = false;
    if (!this.#plainConfig) return;
    const config = withColourInfo(this.#plainConfig, this.#colourInfo);
    const isSame = this.#reported === this.#plainConfig && sameColourInfo(this.#config?.colourInfo, config.colourInfo);
    if (isSame) return;
    // Waiting frames belong to the previous configuration.
    this.#times.flush();
    this.#reported = this.#plainConfig;
    this.#config = config;
    this.#hasFrames = false;
    this.#times.setFrameRate(config.frameRate);
    this.#out.configured({ kind: 'video', config, timescale: VIDEO_TIMESCALE });
  }
}
