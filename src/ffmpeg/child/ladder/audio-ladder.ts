/**
 * Makes all renditions of one audio track: one decoder, one graph of filters, an encoder for each rendition.
 * In: packets in order. Out: frames of all renditions from the start of the asset to its end, without holes;
 * loudness. Native code: child processes only.
 */

import type { Frame } from '@oxbow/media/frame';
import { AV_NOPTS_VALUE } from 'node-av/constants';
import { Codec, CodecContext, type CodecParameters, type Packet, Rational, Frame as Samples } from 'node-av/lib';
import type { LadderAudioOptions, LadderCounts } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { AudioFilter } from './audio-filter.ts';
import { AudioRung } from './audio-rung.ts';

/** Options of {@link AudioLadder}. */
interface AudioLadderOptions {
  readonly parameters: CodecParameters;
  readonly timeBase: { readonly num: number; readonly den: number };
  readonly media: LadderAudioOptions;
  /** Time of the packets at which the asset begins, and its end, µs. */
  readonly originUs: number;
  readonly endUs: number;
  readonly onFrame: (frame: Frame) => void;
}

/** The renditions of one track. */
export class AudioLadder implements Disposable {
  readonly rungs: readonly AudioRung[];
  readonly #context = new CodecContext();
  readonly #frame = new Samples();
  readonly #filter: AudioFilter;
  readonly #options: AudioLadderOptions;
  #decoded = 0;
  #damaged = 0;
  /** Where the last frame ended, for those without a time, ticks. */
  #expected = 0;

  constructor(options: AudioLadderOptions) {
    const { parameters, timeBase, media, originUs, endUs, onFrame } = options;
    this.#options = options;
    const codec = Codec.findDecoder(parameters.codecId);
    if (!codec) throw new Error('this FFmpeg cannot decode the audio');
    const context = this.#context;
    context.allocContext3(codec);
    must(context.parametersToContext(parameters), 'describing the audio');
    context.pktTimebase = new Rational(timeBase.num, timeBase.den);
    context.threadCount = 1;
    must(context.open2Sync(codec, null), 'opening the audio decoder');
    this.#frame.alloc();
    this.rungs = media.renditions.map((rendition) => new AudioRung(rendition, onFrame));
    const forms = media.renditions.map(({ channels, sampleRate }) => ({ channels, sampleRate }));
    this.#filter = new AudioFilter({
      forms,
      timescale: timeBase.den,
      gainDb: media.gainDb,
      deliver: (form, at, planes) => {
        const ticks = (us: number) => Math.round((us * forms[form]!.sampleRate) / 1_000_000);
        const time = at - ticks(originUs);
        // A time behind the asset is that of another clock: the distance is no silence.
        if (time < ticks(endUs)) this.rungs[form]!.push(time, planes);
      },
    });
  }

  /** The counts; the loudness after `flush`. */
  get counts(): LadderCounts {
    const { loudness, changes } = this.#filter;
    const counts = { decoded: this.#decoded, damaged: this.#damaged, concealed: 0, changes, fallbacks: [] };
    return { ...counts, ...(loudness && { loudness }) };
  }

  /** Takes the next packet. One that cannot be decoded becomes silence. */
  push(packet: Packet): void {
    if (this.#context.sendPacketSync(packet) < 0) this.#damaged++;
    this.#drain();
  }

  /** The media ends: delivers everything. */
  flush(): void {
    this.#context.sendPacketSync(null);
    this.#drain();
    this.#filter.flush();
    for (const rung of this.rungs) rung.finish(this.#options.endUs);
  }

  [Symbol.dispose](): void {
    this.#frame.free();
    this.#context.freeContext();
    this.#filter[Symbol.dispose]();
    for (const rung of this.rungs) rung[Symbol.dispose]();
  }

  #drain(): void {
    const frame = this.#frame;
    const { num, den } = this.#options.timeBase;
    while (this.#context.receiveFrameSync(frame) >= 0) {
      if (frame.nbSamples > 0 && frame.sampleRate > 0) {
        const timestamp = frame.bestEffortTimestamp;
        const pts = timestamp === AV_NOPTS_VALUE ? this.#expected : Number(timestamp) * num;
        this.#expected = pts + Math.round((frame.nbSamples * den) / frame.sampleRate);
        this.#decoded++;
        this.#filter.push(frame, pts);
      }
      frame.unref();
    }
  }
}
