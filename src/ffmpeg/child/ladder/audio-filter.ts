/**
 * Mixes decoded audio down to stereo, resamples it, applies a constant gain, and measures its loudness (EBU
 * R128).
 * In: frames of any format, which may change. Out: planes of samples with times; loudness. Native code: child
 * processes only.
 */
import { AV_BUFFERSRC_FLAG_KEEP_REF, type AVSampleFormat } from 'node-av/constants';
import { avGetSampleFmtName, type FilterContext, type FilterGraph, Frame as Samples } from 'node-av/lib';
import type { LadderCounts } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { drainSinks, openGraph } from './graph.ts';

/** One format of output. */
interface AudioForm {
  readonly channels: 1 | 2;
  /** Hz. */
  readonly sampleRate: number;
}

/** Options of {@link AudioFilter}. */
interface AudioFilterOptions {
  readonly forms: readonly AudioForm[];
  /** Ticks per second of input times. */
  readonly timescale: number;
  readonly gainDb: number;
  /** `at` is the time of the first sample, samples; the planes are the receiver's. */
  readonly deliver: (form: number, at: number, planes: readonly Float32Array[]) => void;
}

/** One graph of filters, built again where the format changes. */
export class AudioFilter implements Disposable {
  readonly #options: AudioFilterOptions;
  readonly #out = new Samples();
  #graph: FilterGraph | undefined;
  #source: FilterContext | undefined;
  #sinks: FilterContext[] = [];
  #format = '';
  #changes = -1;
  #loudness: { integrated: number; range: number; peak: number } | undefined;

  constructor(options: AudioFilterOptions) {
    this.#options = options;
    this.#out.alloc();
  }

  /** How often the format changed. */
  get changes(): number {
    return Math.max(0, this.#changes);
  }

  /** After `flush`; undefined if there was no sound. */
  get loudness(): LadderCounts['loudness'] {
    return this.#loudness;
  }

  /** Takes the next frame. */
  push(frame: Samples, pts: number): void {
    const { nbChannels, mask } = frame.channelLayout;
    const layout = mask === 0n ? `${nbChannels}c` : `0x${mask.toString(16)}`;
    const name = avGetSampleFmtName(frame.format as AVSampleFormat);
    const format = `sample_rate=${frame.sampleRate}:sample_fmt=${name}:channel_layout=${layout}`;
    if (format !== this.#format) {
      this.flush();
      this.#build(format);
      this.#format = format;
      this.#changes++;
    }
    frame.pts = BigInt(pts);
    must(this.#source!.buffersrcAddFrameSync(frame, AV_BUFFERSRC_FLAG_KEEP_REF), 'filtering audio');
    this.#drain();
  }

  /** Delivers the frames in the filters. */
  flush(): void {
    if (!this.#graph) return;
    this.#source!.buffersrcAddFrameSync(null);
    this.#drain();
    this.#graph.free();
    this.#graph = undefined;
    this.#format = '';
  }

  [Symbol.dispose](): void {
    this.#graph?.free();
    this.#graph = undefined;
    this.#out.free();
  }

  #build(format: string): void {
    const { forms, timescale, gainDb } = this.#options;
    const gain = gainDb === 0 ? '' : `volume=${gainDb.toFixed(3)}dB:precision=float,`;
    const outputs = forms.map(({ sampleRate, channels }, index) => {
      const layout = channels === 1 ? 'mono' : 'stereo';
      const form = `aformat=sample_fmts=fltp:sample_rates=${sampleRate}:channel_layouts=${layout}`;
      return `[s${index}]${form},${gain}abuffersink@out${index}`;
    });
    const split = `asplit=${forms.length + 1}${forms.map((_, index) => `[s${index}]`).join('')}[m]`;
    const source = `abuffer@in=time_base=1/${timescale}:${format}`;
    const meter = '[m]aformat=sample_rates=48000,ebur128=metadata=1:peak=true:framelog=quiet,abuffersink@meter';
    const { graph, find } = openGraph([`${source},${split}`, ...outputs, meter].join(';'), 1);
    this.#graph = graph;
    this.#source = find('abuffer@in');
    // The last one measures.
    this.#sinks = [...forms.map((_, index) => find(`abuffersink@out${index}`)), find('abuffersink@meter')];
  }

  #drain(): void {
    const { deliver, forms } = this.#options;
    const rateOf = (index: number) => forms[index]?.sampleRate ?? 1;
    drainSinks(this.#sinks, this.#out, rateOf, (index, at) => {
      if (index === forms.length) this.#measure(this.#out);
      else deliver(index, at, planesOf(this.#out));
    });
  }

  #measure(frame: Samples): void {
    using metadata = frame.getMetadata();
    const of = (name: string) => Number(metadata.get(`lavfi.r128.${name}`) ?? Number.NaN);
    const integrated = of('I');
    if (Number.isNaN(integrated)) return;
    const peaks = Array.from({ length: frame.channelLayout.nbChannels }, (_, channel) => of(`true_peaks_ch${channel}`));
    const peak = Math.max(...peaks.filter((value) => !Number.isNaN(value)));
    const before = this.#loudness?.peak ?? Number.NEGATIVE_INFINITY;
    this.#loudness = { integrated, range: of('LRA'), peak: Math.max(before, Number.isFinite(peak) ? peak : before) };
  }
}

/** Copies the samples: the memory of the frame is used again. */
function planesOf(frame: Samples): Float32Array[] {
  const bytes = frame.nbSamples * Float32Array.BYTES_PER_ELEMENT;
  return (frame.extendedData ?? frame.data ?? []).map((plane) => {
    const copy = new Float32Array(frame.nbSamples);
    new Uint8Array(copy.buffer).set(plane.subarray(0, bytes));
    return copy;
  });
}
