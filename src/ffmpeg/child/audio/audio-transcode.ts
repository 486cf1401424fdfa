/**
 * Converts the frames of one audio track to AAC. Times derive from the times of the input: there is no drift,
 * however long it runs.
 * In: access units with their times. Out: AAC frames with the times of their first samples. Native code:
 * child processes only.
 */
import type { Frame } from '@oxbow/media/frame';
import { rescale } from '@oxbow/media/rescale';
import { AAC_FRAME_SAMPLES, type AudioTranscodeTrack } from '../../audio-transcoder-options.ts';
import { AacEncoder } from './aac-encoder.ts';
import { openDecoder, type Planes, type UnitDecoder } from './audio-decoder.ts';

/**
 * Up to this much, times of the source are rounded or corrected by it: samples stay joined, and the times
 * follow. s
 */
const JITTER_S = 0.01;
/**
 * Shorter holes, of lost frames, become silence of the same length; after longer ones the encoder begins
 * again. s
 */
const HOLE_S = 0.5;

/** The conversion of one track. */
export class AudioTranscode implements Disposable {
  readonly #track: AudioTranscodeTrack;
  readonly #deliver: (frame: Frame) => void;
  #decoder: UnitDecoder | undefined;
  #encoder: AacEncoder | undefined;
  /** Samples that do not fill a block yet, one channel after the other. */
  readonly #block: Float32Array;
  #filled = 0;
  /** Time of the first sample of the block, samples. */
  #blockPts = 0;
  /** Time at which the next sample is expected, samples; undefined while nothing came before it. */
  #expected: number | undefined;
  #lastPts = Number.NEGATIVE_INFINITY;

  /** @param deliver receives each AAC frame; its data may be kept */
  constructor(track: AudioTranscodeTrack, deliver: (frame: Frame) => void) {
    this.#track = track;
    this.#deliver = deliver;
    this.#block = new Float32Array(AAC_FRAME_SAMPLES * track.channels);
  }

  /** Takes the next frame. One that cannot be decoded is a hole. */
  push({ pts, data }: Frame): void {
    const { codec, timescale, sampleRate } = this.#track;
    this.#decoder ??= openDecoder(this.#track);
    const planes = this.#decoder.decode(data);
    if (!planes) return;
    const at = rescale(pts, timescale, sampleRate);
    const offset = at - (this.#expected ?? at);
    if (offset > HOLE_S * sampleRate || offset < -JITTER_S * sampleRate) {
      this.#finish();
      // The unit was decoded with what came before the jump: of these codecs, only MP3 refers to earlier
      // frames.
      if (codec === 'mp3') this.#restartDecoder();
    } else if (offset > JITTER_S * sampleRate) this.#addSilence(offset);
    this.#blockPts = at - this.#filled;
    this.#add(planes);
    this.#expected = at + planes[0]!.length;
  }

  /** The media ends: delivers the rest. The next frame begins new media. */
  end(): void {
    this.#finish();
    this.#restartDecoder();
    this.#lastPts = Number.NEGATIVE_INFINITY;
  }

  [Symbol.dispose](): void {
    this.#decoder?.[Symbol.dispose]();
    this.#encoder?.[Symbol.dispose]();
    this.#decoder = undefined;
    this.#encoder = undefined;
  }

  #restartDecoder(): void {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = undefined;
  }

  #finish(): void {
    if (this.#filled > 0) {
      const silence = new Float32Array(AAC_FRAME_SAMPLES - this.#filled);
      this.#add(Array.from({ length: this.#track.channels }, () => silence));
    }
    this.#encoder?.finish();
    this.#encoder?.[Symbol.dispose]();
    this.#encoder = undefined;
    this.#expected = undefined;
  }

  #addSilence(samples: number): void {
    const silence = new Float32Array(samples);
    this.#add(Array.from({ length: this.#track.channels }, () => silence));
  }

  #add(planes: Planes): void {
    const count = planes[0]!.length;
    for (let used = 0; used < count; ) {
      const taken = Math.min(AAC_FRAME_SAMPLES - this.#filled, count - used);
      for (let channel = 0; channel < this.#track.channels; channel++) {
        const plane = planes[channel]!.subarray(used, used + taken);
        this.#block.set(plane, channel * AAC_FRAME_SAMPLES + this.#filled);
      }
      used += taken;
      this.#filled += taken;
      if (this.#filled === AAC_FRAME_SAMPLES) this.#encode();
    }
  }

  #encode(): void {
    this.#encoder ??= new AacEncoder(this.#track, (pts, data) => this.#take(pts, data));
    // Small corrections backwards must not stop the times.
    const pts = Math.max(this.#blockPts, this.#lastPts + 1);
    this.#lastPts = pts;
    this.#encoder.encode(pts, this.#block);
    this.#filled = 0;
    this.#blockPts = pts + AAC_FRAME_SAMPLES;
  }

  #take(pts: number, data: Uint8Array): void {
    const trackId = this.#track.id;
    this.#deliver({ trackId, dts: pts, pts, duration: AAC_FRAME_SAMPLES, key: true, data: data.slice() });
  }
}
