/**
 * Decoders of the audio that is converted to AAC: MPEG audio of all layers, AC-3, E-AC-3; G.711.
 * In: access units. Out: samples, mixed to the wanted channels. Native code: child processes only.
 */

import { decodeG711, isG711 } from '@oxbow/media/g711';
import { AV_SAMPLE_FMT_FLTP } from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet } from 'node-av/lib';
import type { AudioTranscodeTrack, SourceAudio } from '../../audio-transcoder-options.ts';
import { must } from '../native.ts';

/** Decoders with samples as floats, one plane for each channel. */
const DECODERS = { mp1: 'mp1float', mp2: 'mp2float', mp3: 'mp3float', ac3: 'ac3', eac3: 'eac3' } as const;
const SAMPLE_BYTES = Float32Array.BYTES_PER_ELEMENT;

/**
 * Samples of one access unit: a plane for each wanted channel, at most two. May share memory; good until the
 * next call.
 */
export type Planes = readonly Float32Array[];

/** Decodes the access units of one track. */
export interface UnitDecoder extends Disposable {
  /** Decodes one access unit; undefined if it cannot be decoded, or has another sample rate. */
  decode(data: Uint8Array): Planes | undefined;
}

/** Opens the decoder of a track. */
export function openDecoder(track: AudioTranscodeTrack): UnitDecoder {
  const { codec, sourceChannels, channels } = track;
  if (!isG711(codec)) return new AudioDecoder(track);
  return {
    decode: (data) => mix(decodeG711(codec, data, sourceChannels), channels),
    [Symbol.dispose]() {},
  };
}

class AudioDecoder implements UnitDecoder {
  readonly #track: AudioTranscodeTrack;
  readonly #context = new CodecContext();
  readonly #packet = new Packet();
  readonly #frame = new Frame();

  constructor(track: AudioTranscodeTrack) {
    this.#track = track;
    const codec = Codec.findDecoderByName(
      DECODERS[track.codec as keyof typeof DECODERS] as Parameters<typeof Codec.findDecoderByName>[0],
    );
    if (!codec) throw new Error(`this FFmpeg has no decoder of ${track.codec}`);
    const context = this.#context;
    context.allocContext3(codec);
    context.threadCount = 1;
    if (mixesDown(track.codec)) must(context.setOption('downmix', 'stereo'), 'mixing to stereo');
    must(context.open2Sync(codec, null), `opening the decoder of ${track.codec}`);
    this.#packet.alloc();
    this.#frame.alloc();
  }

  decode(data: Uint8Array): Planes | undefined {
    this.#packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const sent = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    if (sent < 0) return undefined;
    let planes: Planes | undefined;
    const frame = this.#frame;
    while (this.#context.receiveFrameSync(frame) >= 0) {
      if (frame.format === AV_SAMPLE_FMT_FLTP && frame.sampleRate === this.#track.sampleRate) {
        planes = mix(planesOf(frame), this.#track.channels);
      }
      frame.unref();
    }
    return planes;
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}

function mixesDown(codec: SourceAudio): boolean {
  return codec === 'ac3' || codec === 'eac3';
}

/** Copies the samples: the memory of the frame is reused. */
function planesOf(frame: Frame): Float32Array[] {
  const bytes = frame.nbSamples * SAMPLE_BYTES;
  return (frame.extendedData ?? frame.data ?? []).map((plane) => {
    const copy = new Float32Array(frame.nbSamples);
    new Uint8Array(copy.buffer).set(plane.subarray(0, bytes));
    return copy;
  });
}

/**
 * Mono becomes both channels; stereo becomes their mean. Of more channels the first two are taken: decoders
 * mix down before.
 */
function mix(planes: readonly Float32Array[], channels: 1 | 2): Planes | undefined {
  const [left, right] = planes;
  if (!left) return undefined;
  if (channels === 2) return [left, right ?? left];
  return [right ? left.map((sample, i) => (sample + right[i]!) / 2) : left];
}
