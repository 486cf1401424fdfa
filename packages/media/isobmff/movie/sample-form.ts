/**
 * Converts the samples of a track into the frame format of its codec (media/frame.ts).
 * In: samples as a file has them. Out: the bytes of frames, and the track again if its parameter sets
 * changed. Pure. ISO/IEC 14496-15, 5.3.3 (NAL units and their lengths); AV1 in ISO BMFF, 2.4.
 */
import { withoutTemporalDelimiter } from '../../av1/av1c.ts';
import type { Track } from '../../frame.ts';
import type { MovieTrack } from '../init.ts';
import { InBandSets } from '../sample-entry/in-band.ts';
import { widenNalLengths } from '../sample-entry/nal-length.ts';

/** The samples of one track. */
export class SampleForm {
  #track: Track;
  readonly #sets: InBandSets | undefined;

  /** @param track as it is to be called */
  constructor({ inBand }: Pick<MovieTrack, 'inBand'>, track: Track) {
    this.#track = track;
    this.#sets = inBand && track.kind === 'video' ? new InBandSets(track.config) : undefined;
  }

  /** The track after its last sample. */
  get track(): Track {
    return this.#track;
  }

  /** The configuration is known; with in-band parameter sets only after the first of them. */
  get complete(): boolean {
    return !this.#sets || this.#sets.config !== undefined;
  }

  /**
   * @param sample is not changed; the result may be a view of it
   * @param nalLengthBytes of H.264 and HEVC
   * @returns whether `track` changed with this sample
   * @throws FormatError if it is malformed
   */
  take(sample: Uint8Array, nalLengthBytes: number): { data: Uint8Array; changed: boolean } {
    const track = this.#track;
    if (track.kind !== 'video' || track.config.codec === 'vp9') return { data: sample, changed: false };
    if (track.config.codec === 'av1') return { data: withoutTemporalDelimiter(sample), changed: false };
    const wide = widenNalLengths(sample, nalLengthBytes);
    const taken = this.#sets?.take(wide);
    const config = this.#sets?.config;
    if (taken?.changed && config) this.#track = { ...track, config };
    return taken ?? { data: wide, changed: false };
  }
}
