/**
 * Packets of encoders as samples of an MP4, and the configuration of their track.
 * In: packets and extradata. Out: samples, a VideoConfig. Pure.
 */
import { withoutTemporalDelimiter } from '@oxbow/media/av1/av1c';
import { av1Config, parseAv1Unit } from '@oxbow/media/av1/sequence-header';
import type { VideoConfig } from '@oxbow/media/frame';
import { findNals, NalList, toSample } from '@oxbow/media/h264/annexb';
import { h264Config, parseAvcC } from '@oxbow/media/h264/avcc';
import { hevcConfig } from '@oxbow/media/hevc/hvcc';
import { parseVp9KeyFrame, vp9Config } from '@oxbow/media/vp9/frame-header';
import type { LadderVideoCodec } from '../../ladder-options.ts';

const H264_SETS = new Set([7, 8, 9]);
const HEVC_SETS = new Set([32, 33, 34, 35]);

/** Converts the packets of one encoder. */
export class SampleFormat {
  readonly #codec: LadderVideoCodec;
  readonly #nals = new NalList();
  #isLengthPrefixed = false;

  constructor(codec: LadderVideoCodec) {
    this.#codec = codec;
  }

  /**
   * The configuration, from the side data of the encoder, or from its first packet.
   *
   * @throws FormatError if there is none
   */
  config(extraData: Uint8Array, first: Uint8Array): VideoConfig {
    switch (this.#codec) {
      case 'h264':
        return this.#h264(extraData.length > 0 ? extraData : first);
      case 'hevc':
        return this.#hevc(extraData.length > 0 ? extraData : first);
      case 'vp9': {
        const frame = parseVp9KeyFrame(first);
        if (!frame) throw new Error('VP9 does not begin with a key frame');
        return vp9Config(frame, undefined);
      }
      case 'av1': {
        const header = parseAv1Unit(first).sequenceHeader;
        if (!header) throw new Error('AV1 does not begin with a sequence header');
        return av1Config(header);
      }
    }
  }

  /** A sample; a new array. */
  sample(packet: Uint8Array): Uint8Array {
    if (this.#codec === 'vp9') return packet.slice();
    if (this.#codec === 'av1') return withoutTemporalDelimiter(packet).slice();
    if (this.#isLengthPrefixed) return packet.slice();
    const bytes = packet.slice();
    const nals = this.#nals;
    findNals(bytes, 0, bytes.length, nals);
    this.#dropSets(bytes);
    return toSample(bytes, 0, nals).slice();
  }

  /** Parameter sets and delimiters are not part of samples. */
  #dropSets(bytes: Uint8Array): void {
    const nals = this.#nals;
    const sets = this.#codec === 'h264' ? H264_SETS : HEVC_SETS;
    let kept = 0;
    for (let i = 0; i < nals.count; i++) {
      if (sets.has(this.#typeOf(bytes[nals.starts[i]!]!))) continue;
      nals.starts[kept] = nals.starts[i]!;
      nals.ends[kept] = nals.ends[i]!;
      kept++;
    }
    nals.count = kept;
  }

  #typeOf(head: number): number {
    return this.#codec === 'h264' ? head & 0x1f : (head >> 1) & 0x3f;
  }

  #h264(bytes: Uint8Array): VideoConfig {
    if (bytes[0] === 1) {
      this.#isLengthPrefixed = true;
      const { sps, pps } = parseAvcC(bytes);
      return h264Config(sps, pps);
    }
    const of = this.#setsOf(bytes);
    return h264Config(of(7), of(8));
  }

  #hevc(bytes: Uint8Array): VideoConfig {
    const of = this.#setsOf(bytes);
    return hevcConfig({ vps: of(32), sps: of(33), pps: of(34) });
  }

  #setsOf(bytes: Uint8Array): (type: number) => Uint8Array[] {
    const nals = this.#nals;
    findNals(bytes, 0, bytes.length, nals);
    const units = Array.from({ length: nals.count }, (_, i) => bytes.slice(nals.starts[i]!, nals.ends[i]!));
    return (type) => units.filter((nal) => this.#typeOf(nal[0]!) === type);
  }
}
