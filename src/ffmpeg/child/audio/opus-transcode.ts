/**
 * Converts the frames of one audio track to Opus. Times derive from the times of the input: there is no
 * drift, however long it runs.
 * In: access units with their times. Out: Opus frames of 20 ms at 48 kHz; each decodes to the samples of its
 * time, because the delay of the codec is taken off. Native code: child processes only. RFC 6716.
 */
import type { Frame } from '@oxbow/media/frame';
import { OPUS_RATE } from '@oxbow/media/opus/packet';
import { rescale } from '@oxbow/media/rescale';
import type { OpusTranscodeTrack } from '../../audio-transcoder-options.ts';
import { OPUS_DELAY, OPUS_FRAME_SAMPLES, OpusEncoder } from './opus-encoder.ts';
import { OpusTimeline } from './opus-timeline.ts';
import { SoundDecoder } from './sound-decoder.ts';

/** The conversion of one track. */
export class OpusTranscode implements Disposable {
  readonly #track: OpusTranscodeTrack;
  readonly #deliver: (frame: Frame) => void;
  readonly #timeline: OpusTimeline;
  #decoder: SoundDecoder | undefined;
  #encoder: OpusEncoder | undefined;

  /** @param deliver receives each Opus frame; its data may be kept */
  constructor(track: OpusTranscodeTrack, deliver: (frame: Frame) => void) {
    this.#track = track;
    this.#deliver = deliver;
    this.#timeline = new OpusTimeline(track.channels, (pts, block) => {
      const format = { sampleRate: OPUS_RATE, channels: track.channels, bitRate: track.bitRate };
      this.#encoder ??= new OpusEncoder(format, (at, data) => this.#take(at, data));
      this.#encoder.encode(pts, block);
    });
  }

  /** Takes the next frame. One that cannot be decoded is a hole. */
  push({ pts, data }: Frame): void {
    this.#decoder ??= new SoundDecoder(this.#track);
    const sound = this.#decoder.decode(data);
    if (!sound) return;
    const at = rescale(pts, this.#track.timescale, OPUS_RATE);
    this.#timeline.push(at - sound.early - OPUS_DELAY, sound.planes);
  }

  /** The media ends: delivers the rest. The next frame begins new media. */
  end(): void {
    this.#timeline.finish(OPUS_DELAY);
    this.#encoder?.finish();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#decoder?.[Symbol.dispose]();
    this.#encoder?.[Symbol.dispose]();
    this.#decoder = undefined;
    this.#encoder = undefined;
  }

  #take(pts: number, data: Uint8Array): void {
    const trackId = this.#track.id;
    this.#deliver({ trackId, dts: pts, pts, duration: OPUS_FRAME_SAMPLES, key: true, data: data.slice() });
  }
}
