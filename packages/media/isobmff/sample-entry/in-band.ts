/**
 * Parameter sets that stand in the samples (avc3, hev1): they are taken out, and the configuration follows
 * them.
 * In: samples with lengths of 4 bytes. Out: the same without parameter sets, and the configuration when it is
 * another. Pure. ISO/IEC 14496-15, 5.3.3 and 8.3.2.
 */
import { FormatError } from '../../errors.ts';
import type { VideoConfig } from '../../frame.ts';
import { parseAvcC } from '../../h264/avcc.ts';
import { parseHvcC } from '../../hevc/hvcc.ts';
import { ParameterSets } from '../../mpegts/track/parameter-sets.ts';
import { h264Codec, hevcCodec, type VideoCodec } from '../../mpegts/track/video-codec.ts';
import { u32At } from '../box.ts';

/** The parameter sets of one track. */
export class InBandSets {
  readonly #codec: VideoCodec;
  readonly #sets: ParameterSets;

  /** @param config from the sample entry; its record may have none */
  constructor(config: VideoConfig) {
    this.#codec = config.codec === 'hevc' ? hevcCodec : h264Codec;
    this.#sets = new ParameterSets(this.#codec);
    try {
      if (config.codec === 'hevc') {
        const { vps, sps, pps } = parseHvcC(config.record);
        this.#sets.take([...vps, ...sps, ...pps]);
      } else {
        const { sps, pps } = parseAvcC(config.record);
        this.#sets.take([...sps, ...pps]);
      }
    } catch (error) {
      // The first sample brings what the record lacks.
      if (!(error instanceof FormatError)) throw error;
    }
  }

  /** The configuration of the sets; undefined while one is missing. */
  get config(): VideoConfig | undefined {
    return this.#sets.config;
  }

  /**
   * Takes the parameter sets out of a sample.
   *
   * @param sample NAL units, each with a 4-byte length
   * @returns the sample without them (itself where it has none), and whether the configuration is another now
   * @throws FormatError if a NAL unit reaches past the sample or a set is malformed
   */
  take(sample: Uint8Array): { data: Uint8Array; changed: boolean } {
    const fresh: Uint8Array[] = [];
    /** The sample without the sets; as long as there is none, nothing is copied. */
    let data: Uint8Array | undefined;
    let kept = 0;
    for (let at = 0; at < sample.length; ) {
      const end = at + 4 + (at + 4 <= sample.length ? u32At(sample, at) : 0);
      if (end > sample.length || at + 4 >= end) throw new FormatError('a NAL unit reaches past its sample', at);
      if (this.#codec.role(this.#codec.type(sample[at + 4]!)) === 'set') {
        const nal = sample.subarray(at + 4, end);
        if (!this.#sets.has(nal)) fresh.push(new Uint8Array(nal));
        data ??= new Uint8Array(sample);
      } else {
        data?.copyWithin(kept, at, end);
        kept += end - at;
      }
      at = end;
    }
    const changed = fresh.length > 0 && this.#sets.take(fresh);
    return { data: data ? data.subarray(0, kept) : sample, changed };
  }
}
