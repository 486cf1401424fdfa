/**
 * Samples of H.264 and HEVC: NAL units after their lengths, without the parameter sets that the configuration
 * has.
 * In: configuration records and samples of a container. Out: samples with lengths of 4 bytes; the
 * configuration, also from parameter sets within samples. ISO/IEC 14496-15, 5.3 and 8.3.
 */
import { sameBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { VideoConfig } from '../frame.ts';
import { MAX_NALS, NalList } from '../h264/annexb.ts';
import { parseAvcC } from '../h264/avcc.ts';
import { parseHvcC } from '../hevc/hvcc.ts';
import { ParameterSets } from '../mpegts/track/parameter-sets.ts';
import { h264Codec, hevcCodec, type VideoCodec } from '../mpegts/track/video-codec.ts';

const LENGTH_BYTES = 4;

// Shared by all tracks, because they are used only within a call.
const kept = new NalList();

interface NalSample {
  /** Random access point, by its NAL units. */
  readonly key: boolean;
  /** NAL units, each after its length in 4 bytes; a view of the message where nothing had to be left out. */
  readonly data: Uint8Array;
}

/** Reads the samples of one track. */
export class NalSamples {
  readonly #codec: VideoCodec;
  readonly #isH264: boolean;
  readonly #sets: ParameterSets;
  #lengthSize = LENGTH_BYTES;
  #record: Uint8Array | undefined;

  constructor(codec: 'h264' | 'hevc') {
    this.#isH264 = codec === 'h264';
    this.#codec = this.#isH264 ? h264Codec : hevcCodec;
    this.#sets = new ParameterSets(this.#codec);
  }

  /** Of the current parameter sets; undefined while some are missing. */
  get config(): VideoConfig | undefined {
    return this.#sets.config;
  }

  /**
   * Takes a configuration record.
   *
   * @param record body of an `avcC` or `hvcC`; kept
   * @throws FormatError if it is malformed
   */
  configure(record: Uint8Array): void {
    // One that is repeated does not revoke newer parameter sets within samples.
    if (this.#record && sameBytes(this.#record, record)) return;
    const { lengthSize, sets } = this.#isH264 ? h264Sets(record) : hevcSets(record);
    if (sets.some((nal) => !this.#sets.has(nal))) this.#sets.take(sets);
    this.#lengthSize = lengthSize;
    this.#record = record;
  }

  /**
   * Reads one sample. Parameter sets in it that are new change `config`.
   *
   * @param body views of it may be returned
   * @returns undefined if it has no slice
   * @throws FormatError if a length exceeds the sample, or a parameter set is malformed
   */
  sample(body: Uint8Array, from: number, to: number): NalSample | undefined {
    const codec = this.#codec;
    const lengthSize = this.#lengthSize;
    kept.count = 0;
    let slices = 0;
    let isWhole = lengthSize === LENGTH_BYTES;
    let isCut = false;
    let sets: Uint8Array[] | undefined;
    let at = from;
    while (at < to) {
      const start = at + lengthSize;
      if (start > to) throw new FormatError('the length of a NAL unit ends early', at);
      let length = 0;
      for (let i = at; i < start; i++) length = length * 256 + body[i]!;
      const end = start + length;
      if (end > to) throw new FormatError(`a NAL unit of ${length} bytes ends after its sample`, at);
      at = end;
      const role = length === 0 ? 'drop' : codec.role(codec.type(body[start]!));
      if (role === 'drop' || role === 'set') {
        // A unit left out at the start or the end costs nothing: the view is shorter.
        isCut = kept.count > 0;
        if (role === 'set') {
          sets ??= [];
          sets.push(body.subarray(start, end));
        }
        continue;
      }
      if (kept.count === MAX_NALS) throw new FormatError(`more than ${MAX_NALS} NAL units in a sample`, start);
      if (role === 'slice') slices++;
      isWhole &&= !isCut;
      kept.starts[kept.count] = start;
      kept.ends[kept.count++] = end;
    }
    if (sets?.some((nal) => !this.#sets.has(nal))) this.#sets.take(sets.map((nal) => Uint8Array.from(nal)));
    if (slices === 0) return undefined;
    const key = codec.isKey(body, kept, false);
    const last = kept.ends[kept.count - 1]!;
    return { key, data: isWhole ? body.subarray(kept.starts[0]! - LENGTH_BYTES, last) : copyOf(body) };
  }
}

interface RecordSets {
  readonly lengthSize: number;
  readonly sets: readonly Uint8Array[];
}

function h264Sets(record: Uint8Array): RecordSets {
  const { lengthSize, sps, pps } = parseAvcC(record);
  return { lengthSize, sets: [...sps, ...pps] };
}

function hevcSets(record: Uint8Array): RecordSets {
  const { lengthSize, vps, sps, pps } = parseHvcC(record);
  return { lengthSize, sets: [...vps, ...sps, ...pps] };
}

/** The kept NAL units in a new array. */
function copyOf(body: Uint8Array): Uint8Array {
  let size = 0;
  for (let i = 0; i < kept.count; i++) size += LENGTH_BYTES + kept.ends[i]! - kept.starts[i]!;
  const data = new Uint8Array(size);
  const view = new DataView(data.buffer);
  let at = 0;
  for (let i = 0; i < kept.count; i++) {
    const start = kept.starts[i]!;
    const end = kept.ends[i]!;
    view.setUint32(at, end - start);
    data.set(body.subarray(start, end), at + LENGTH_BYTES);
    at += LENGTH_BYTES + end - start;
  }
  return data;
}
