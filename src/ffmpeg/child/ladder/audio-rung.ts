/**
 * Encodes one audio rendition, so that each packet has the time of the samples that it decodes to, whatever the encoder delays.
 * In: decoded samples with times. Out: AAC or Opus frames from time 0 on, without holes. Native code: child processes only.
 */
import { AV_SAMPLE_FMT_FLT, FF_ENCODER_LIBOPUS } from 'node-av/constants';
import { printAacConfig } from '../../../media/aac/config.ts';
import type { AudioConfig, AudioTrack, Frame } from '../../../media/frame.ts';
import { AAC_FRAME_SAMPLES } from '../../audio-transcoder-options.ts';
import type { LadderAudioRendition } from '../../ladder-options.ts';
import { AacEncoder } from '../audio/aac-encoder.ts';
import { BlockEncoder } from '../audio/block-encoder.ts';
import { SampleTimeline } from './sample-timeline.ts';

const AAC_LC = 2;
const OPUS_FRAME_SAMPLES = 960;
/** Samples by which decoded Opus comes later than what was encoded (RFC 6716; libopus at 48 kHz). */
const OPUS_DELAY = 312;

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
   * The media ends: delivers what is left.
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

  /** Opus has no times of its own in a packet: its input is early by what the codec delays. */
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

/** One libopus. */
class OpusEncoder implements Disposable {
  readonly #encoder: BlockEncoder;
  readonly #mixed: Float32Array;
  readonly #channels: number;
  readonly #times: number[] = [];

  constructor(
    format: { readonly sampleRate: number; readonly channels: 1 | 2; readonly bitRate: number },
    deliver: (pts: number, data: Uint8Array) => void,
  ) {
    this.#channels = format.channels;
    this.#mixed = new Float32Array(OPUS_FRAME_SAMPLES * format.channels);
    const options = { encoder: FF_ENCODER_LIBOPUS, format: AV_SAMPLE_FMT_FLT, samples: OPUS_FRAME_SAMPLES };
    // Packets come in the order of the blocks; a last one of padding has no block.
    this.#encoder = new BlockEncoder({ ...format, ...options }, ({ data }) => {
      const pts = this.#times.shift();
      if (data && pts !== undefined) deliver(pts, data);
    });
  }

  encode(pts: number, planes: Float32Array): void {
    const channels = this.#channels;
    for (let channel = 0; channel < channels; channel++) {
      const from = channel * OPUS_FRAME_SAMPLES;
      for (let i = 0; i < OPUS_FRAME_SAMPLES; i++) this.#mixed[i * channels + channel] = planes[from + i]!;
    }
    this.#times.push(pts);
    this.#encoder.encode(this.#mixed);
  }

  finish(): void {
    this.#encoder.finish();
  }

  [Symbol.dispose](): void {
    this.#encoder[Symbol.dispose]();
  }
}
