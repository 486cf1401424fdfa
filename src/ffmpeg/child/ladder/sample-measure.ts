/**
 * Measures how many bits a video needs: encodes short samples of it in several sizes and qualities, capped as
 * in the ladder, decodes them, and compares some pictures with the source.
 * In: a demuxer, samples. Out: bit rate and XPSNR by size and quality. Native code: child processes only.
 *
 * One pass over a sample for each quality, so that no more encoders are open than in the encode itself.
 */
import { usToTicks } from '@oxbow/media/run';
import { AV_CODEC_ID_HEVC, AVERROR_EOF } from 'node-av/constants';
import { type FormatContext, Packet, Frame as Picture, type Stream } from 'node-av/lib';
import {
  type LadderMeasured,
  type LadderMeasureOptions,
  type LadderTimes,
  type LadderVideoRendition,
  ladderTimescale,
  type MeasuredPoint,
  type MeasuredStretch,
} from '../../ladder-options.ts';
import { must } from '../native.ts';
import { PictureFilter } from './picture-filter.ts';
import { PictureQuality } from './picture-quality.ts';
import { RungEncoder } from './rung-encoder.ts';
import { seek } from './seek.ts';
import { VideoDecoder } from './video-decoder.ts';

/** Options of {@link SampleMeasure}. */
interface SampleMeasureOptions {
  readonly format: FormatContext;
  readonly stream: Stream;
  /** `endUs` is the end of the asset. */
  readonly times: LadderTimes;
  readonly media: LadderMeasureOptions;
  readonly threads: number;
  /** Called after each pass. */
  readonly onPass: () => void;
}

/** Buffer of an encoder, s of its highest bit rate: a full one of usual size hides the cap from a sample. */
const BUFFER_S = 0.5;
/** Pictures of each second that are compared. */
const COMPARED_PER_S = 3;
/** Damaged packets in a row after which a sample is given up. */
const MAX_READ_ERRORS = 1000;

/** Figures of one size at one quality, over all samples. */
interface Sum {
  bitRate: number;
  xpsnr: number;
}

/** What one encoder made of a sample. */
interface Made {
  readonly encoder: RungEncoder;
  readonly packets: { readonly pts: number; readonly key: boolean; readonly data: Uint8Array }[];
}

export class SampleMeasure {
  readonly #options: SampleMeasureOptions;
  readonly #timescale: number;
  readonly #sums: Sum[];
  readonly #startMs = performance.now();
  #samples = 0;
  #sampledS = 0;
  #encodeMs = 0;
  #decoded = 0;

  constructor(options: SampleMeasureOptions) {
    this.#options = options;
    const { sizes, crfs } = options.media;
    this.#timescale = ladderTimescale(options.stream.timeBase);
    this.#sums = Array.from({ length: sizes.length * crfs.length }, () => ({ bitRate: 0, xpsnr: 0 }));
  }

  /** Pictures of the samples. */
  get decoded(): number {
    return this.#decoded;
  }

  /** Whether it has taken the share of the encode of the asset that it may take. */
  get isOverTime(): boolean {
    if (this.#samples === 0) return false;
    const { times, media } = this.#options;
    const assetS = ((times.endUs ?? 0) - times.cuts[0]!) / 1e6;
    const encodeMs = (this.#encodeMs / this.#sampledS) * assetS;
    const nextMs = this.#tookMs / this.#samples;
    return this.#tookMs + nextMs > media.maxShare * encodeMs;
  }

  get result(): LadderMeasured {
    const { sizes, crfs } = this.#options.media;
    const points = sizes.flatMap(({ rung }, size) =>
      crfs.map((crf, quality): MeasuredPoint => {
        const { bitRate, xpsnr } = this.#sums[size * crfs.length + quality]!;
        const count = Math.max(1, this.#samples);
        return { rung, crf, bitRate: Math.round(bitRate / count), xpsnr: Math.round((xpsnr * 1000) / count) / 1000 };
      }),
    );
    return {
      points,
      samples: this.#samples,
      encodeMs: Math.round(this.#encodeMs),
      totalMs: Math.round(this.#tookMs),
    };
  }

  /** Measures the next sample; one without a picture is left out. */
  take(stretch: MeasuredStretch): void {
    const { crfs, sizes } = this.#options.media;
    /** By time, as large as the largest size. */
    const source = new Map<number, Picture>();
    try {
      for (const [quality, crf] of crfs.entries()) {
        const startMs = performance.now();
        const made = sizes.map((size) => this.#open(size, crf));
        try {
          const pictures = this.#encode(stretch, made, quality === 0 ? source : undefined);
          if (quality === 0) {
            if (source.size === 0) return;
            this.#encodeMs += performance.now() - startMs;
            this.#sampledS += (stretch.toUs - stretch.fromUs) / 1e6;
            this.#samples++;
            this.#decoded += pictures;
          }
          for (const [size, each] of made.entries()) {
            const sum = this.#sums[size * crfs.length + quality]!;
            sum.bitRate += this.#rateOf(each, sizes[size]!);
            sum.xpsnr += this.#compare(each, source);
          }
        } finally {
          for (const { encoder } of made) encoder[Symbol.dispose]();
        }
        this.#options.onPass();
      }
    } finally {
      for (const picture of source.values()) picture.free();
    }
  }

  get #tookMs(): number {
    return performance.now() - this.#startMs;
  }

  #open(size: LadderVideoRendition, crf: number): Made {
    const { media, threads } = this.#options;
    const packets: Made['packets'] = [];
    const rung = { ...size, crf, bufferSize: Math.round(size.maxRate * BUFFER_S) };
    const { matrix } = media.picture;
    const deliver = (picture: Made['packets'][number]) => void packets.push(picture);
    return { packets, encoder: new RungEncoder({ rung, matrix, threads, deliver }) };
  }

  /**
   * Encodes a sample in all sizes.
   *
   * @param source gets the pictures to compare with, if they are not there yet
   * @returns pictures of the sample
   */
  #encode({ fromUs, toUs }: MeasuredStretch, made: readonly Made[], source: Map<number, Picture> | undefined): number {
    const { stream, times, media, threads } = this.#options;
    const { sizes, picture } = media;
    const largest = sizes[0]!;
    const scale = (stream.timeBase.num * this.#timescale) / stream.timeBase.den;
    const ticks = (us: number) => usToTicks(us + times.originUs, this.#timescale);
    const [from, to] = [ticks(fromUs), ticks(toUs)];
    const keeps = Math.max(...sizes.map(({ keepEvery }) => keepEvery));
    const { num, den } = largest.frameRate;
    const rate = (num / den) * largest.keepEvery;
    const comparedEvery = Math.max(1, Math.round(rate / (COMPARED_PER_S * keeps))) * keeps;
    const counts = new Array<number>(sizes.length + 1).fill(0);
    using filter = new PictureFilter({
      picture,
      sizes: source ? [...sizes, largest] : sizes,
      timescale: this.#timescale,
      threads,
      hasFields: stream.codecpar.codecId === AV_CODEC_ID_HEVC,
      deliver(index, scaled, pts) {
        const number = counts[index]!++;
        if (index === sizes.length) {
          if (number % comparedEvery === 0) source!.set(pts, copyOf(scaled));
        } else if (number % sizes[index]!.keepEvery === 0) made[index]!.encoder.encode(scaled, pts, number === 0);
      },
    });
    let isPast = false;
    using decoder = new VideoDecoder({
      parameters: stream.codecpar,
      timeBase: stream.timeBase,
      threads,
      deliver(decoded, at) {
        const pts = Math.round(at * scale);
        isPast ||= pts >= to;
        if (!isPast && pts >= from - 1) filter.push(decoded, pts);
      },
    });
    this.#read(from, decoder, () => isPast);
    filter.flush();
    for (const { encoder } of made) encoder.finish();
    return counts[0]!;
  }

  #read(from: number, decoder: VideoDecoder, isPast: () => boolean): void {
    const { format, stream } = this.#options;
    const { num, den } = stream.timeBase;
    using packet = new Packet();
    packet.alloc();
    // A tick later: times are rounded, and the sample begins with a key frame.
    seek(format, stream, Math.round((from * den) / (num * this.#timescale)) + 1, packet);
    for (let errors = 0; !isPast() && errors <= MAX_READ_ERRORS; ) {
      if (packet.size === 0) {
        const result = format.readFrameSync(packet);
        if (result === AVERROR_EOF) break;
        errors = result < 0 ? errors + 1 : 0;
        if (result < 0) continue;
      }
      if (packet.streamIndex === stream.index) decoder.push(packet);
      packet.unref();
    }
    if (!isPast()) decoder.push(undefined);
  }

  /** Bits per second of a rendition with fewer key frames than the sample has. */
  #rateOf({ packets }: Made, { frameRate, keepEvery }: LadderVideoRendition): number {
    const keys = packets.filter(({ key }) => key);
    const bytesOf = (list: Made['packets']) => list.reduce((sum, { data }) => sum + data.length, 0);
    const perS = frameRate.num / frameRate.den;
    const seconds = Math.max(1, packets.length) / perS;
    const others = bytesOf(packets) - bytesOf(keys);
    const keyBytes = bytesOf(keys) / Math.max(1, keys.length);
    return 8 * (keyBytes / Math.max(this.#options.media.keyEveryS, keepEvery / perS) + others / seconds);
  }

  /** Average XPSNR of the pictures that were kept of the source, dB. */
  #compare({ encoder, packets }: Made, source: ReadonlyMap<number, Picture>): number {
    using parameters = encoder.parameters();
    let quality: PictureQuality | undefined;
    try {
      using decoder = new VideoDecoder({
        parameters,
        timeBase: { num: 1, den: this.#timescale },
        threads: this.#options.threads,
        deliver: (picture, pts) => {
          const original = source.get(pts);
          if (!original) return;
          quality ??= new PictureQuality(picture, original, this.#options.threads);
          quality.push(picture, original);
        },
      });
      using packet = new Packet();
      for (const { pts, key, data } of packets) {
        packet.alloc();
        packet.data = Buffer.from(data.buffer, data.byteOffset, data.length);
        packet.pts = BigInt(pts);
        packet.isKeyframe = key;
        decoder.push(packet);
        packet.unref();
      }
      decoder.push(undefined);
      quality?.finish();
      return quality?.xpsnr ?? 0;
    } finally {
      quality?.[Symbol.dispose]();
    }
  }
}

/** A reference to a picture that outlives its callback; the caller frees it. */
function copyOf(picture: Picture): Picture {
  const copy = new Picture();
  copy.alloc();
  must(copy.ref(picture), 'keeping a picture');
  return copy;
}
