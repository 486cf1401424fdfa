/**
 * Encodes one audio rendition, so that each packet has the time of the samples that it decodes to, whatever
 * the encoder delays.
 * In: decoded samples with times. Out: AAC or Opus frames from time 0 on, without holes. Native code: child
 * processes only.
 */
import { printAacConfig } from '@oxbow/media/aac/config';
import type { AudioConfig, AudioTrack, Frame } from '@oxbow/media/frame';
import { AAC_FRAME_SAMPLES } from '../../audio-transcoder-options.ts';
import type { LadderAudioRendition } from '../../ladder-options.ts';
import { AacEncoder } from '../audio/aac-encoder.ts';
import { OPUS_DELAY, OPUS_FRAME_SAMPLES, OpusEncoder } from '../audio/opus-encoder.ts';
import { SampleTimeline } from './sample-timeline.ts';

const AAC_LC = 2;

/** One rendition. */
export class AudioRung implements Disposable {
  readonly track: AudioTrack;
  readonly #timeline: SampleTimeline;
  readonly #encoder: AacEncoder | OpusEncoder;
  readonly #duration: number;
  #blocks = 0;

  /** @param deliver receives each frame; its data may be kept */
  constructor(rendition: LadderAudioRendition, deliver: (frame: Frame) => void) {
    const { codec, trackId, sampleRate, channels, bitRate, language, label } = rendition;
    this.track = { kind: 'audio', id: trackId, timescale: sampleRate, language, label, config: configOf(rendition) };
    this.#duration = codec === 'aac' ? AAC_FRAME_SAMPLES : OPUS_FRAME_SAMPLES;
    const onData = (pts: number, data: Uint8Array) =>
      deliver({ trackId, dts: pts, pts, duration: this.#duration, key: true, data: data.slice() });
    const format = { sampleRate, channels, bitRate };
    this.#encoder = codec === 'aac' ? new AacEncoder(format, onData) : new OpusEncoder(format, onData);
    this.#timeline = new SampleTimeline(channels, sampleRate, this.#duration, (block) => {
      this.#encoder.encode(this.#blocks++ * this.#duration, block);
    });
  }

  /** @param at time of the first sample, samples from the start of the asset */
  push(at: number, planes: readonly Float32Array[]): void {
    this.#timeline.push(at - this.#advance, planes);
  }

  /**
   * The media ends: delivers the rest.
   *
   * @param endUs silence is added up to here, µs
   */
  finish(endUs: number): void {
    const end = Math.floor((endUs * this.track.timescale) / 1_000_000) - this.#advance;
    if (end > this.#timeline.end) this.#timeline.silence(end - this.#timeline.end);
    if (this.#advance > 0) this.#timeline.silence(this.#advance);
    this.#timeline.finish();
    this.#encoder.finish();
  }

  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }

  /** A packet of Opus has no times: its input is early by the delay of the codec. */
  get #advance(): number {
    return this.#encoder instanceof OpusEncoder ? OPUS_DELAY : 0;
  }
}

function configOf({ codec, sampleRate, channels }: LadderAudioRendition): AudioConfig {
  if (codec === 'aac') {
    const record = printAacConfig({ objectType: AAC_LC, sampleRate, channelConfiguration: channels });
    return { codec, record, codecs: `mp4a.40.${AAC_LC}`, sampleRate, channels };
  }
  // dOps: version 0, channels, PreSkip 0, input rate, gain 0, family 0.
  const record = new Uint8Array(11);
  record[1] = channels;
  new DataView(record.buffer).setUint32(4, sampleRate);
  return { codec, record, codecs: 'opus', sampleRate, channels };
}
