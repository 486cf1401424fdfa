/**
 * Decoder of any audio, for Opus: its format may change from frame to frame.
 * In: access units. Out: samples of 48 kHz, mixed to the wanted channels. Native code: child processes only.
 */

import { printOpusHead } from '@oxbow/media/opus/head';
import { AV_CHANNEL_ORDER_NATIVE, AV_SAMPLE_FMT_FLTP, type AVSampleFormat } from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, SoftwareResampleContext } from 'node-av/lib';
import type { OpusSourceAudio, OpusTranscodeTrack } from '../../audio-transcoder-options.ts';
import { must } from '../native.ts';

const RATE = 48_000;
const DECODERS: Readonly<Record<OpusSourceAudio, string>> = {
  mp1: 'mp1float',
  mp2: 'mp2float',
  mp3: 'mp3float',
  ac3: 'ac3',
  eac3: 'eac3',
  aac: 'aac',
  flac: 'flac',
  opus: 'libopus',
};
/** Speakers of 1 to 8 channels where the decoder names none, as masks of FFmpeg. */
const MASKS = [0n, 0x4n, 0x3n, 0x7n, 0x107n, 0x37n, 0x3fn, 0x13fn, 0x63fn] as const;
/** STREAMINFO in a `dfLa`: after version, flags and the header of its metadata block. */
const STREAM_INFO = [8, 42] as const;

/** Samples of one access unit: a plane for each channel. */
interface Sound {
  readonly planes: readonly Float32Array[];
  /** By this much they begin before the access unit, because the resampler holds some, samples. */
  readonly early: number;
}

export class SoundDecoder implements Disposable {
  readonly #channels: 1 | 2;
  readonly #context = new CodecContext();
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  #resampler: SoftwareResampleContext | undefined;
  #format = '';

  constructor({ codec: name, record, channels }: OpusTranscodeTrack) {
    this.#channels = channels;
    const codec = Codec.findDecoderByName(DECODERS[name] as Parameters<typeof Codec.findDecoderByName>[0]);
    if (!codec) throw new Error(`this FFmpeg has no decoder of ${name}`);
    const context = this.#context;
    context.allocContext3(codec);
    context.threadCount = 1;
    const extra = extraDataOf(name, Buffer.from(record, 'base64'));
    if (extra.length > 0) context.extraData = Buffer.from(extra);
    must(context.open2Sync(codec, null), `opening the decoder of ${name}`);
    this.#packet.alloc();
    this.#frame.alloc();
  }

  /** Decodes one access unit; undefined if it cannot be decoded. */
  decode(data: Uint8Array): Sound | undefined {
    this.#packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const sent = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    if (sent < 0) return undefined;
    const sounds: Sound[] = [];
    const frame = this.#frame;
    while (this.#context.receiveFrameSync(frame) >= 0) {
      const sound = this.#resample(frame);
      if (sound) sounds.push(sound);
      frame.unref();
    }
    const [first] = sounds;
    if (!first || sounds.length === 1) return first;
    return { early: first.early, planes: first.planes.map((_, i) => joined(sounds.map(({ planes }) => planes[i]!))) };
  }

  [Symbol.dispose](): void {
    this.#resampler?.free();
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }

  #resample(frame: Frame): Sound | undefined {
    const { nbChannels } = frame.channelLayout;
    const mask = frame.channelLayout.mask || MASKS[nbChannels];
    if (!mask || frame.sampleRate <= 0) return undefined;
    const format = [frame.sampleRate, frame.format, nbChannels, mask].join();
    if (format !== this.#format) {
      this.#open(frame, mask);
      this.#format = format;
    }
    const resampler = this.#resampler!;
    const early = Number(resampler.getDelay(BigInt(RATE)));
    const room = Math.max(1, resampler.getOutSamples(frame.nbSamples));
    const planes = Array.from({ length: this.#channels }, () => new Float32Array(room));
    const out = planes.map(({ buffer }) => Buffer.from(buffer));
    const input = frame.extendedData ?? frame.data ?? [];
    const count = must(resampler.convertSync(out, room, input, frame.nbSamples), 'resampling');
    return { early, planes: planes.map((plane) => plane.subarray(0, count)) };
  }

  /** A new format: the few samples in the resampler are left out. */
  #open(frame: Frame, mask: bigint): void {
    this.#resampler?.free();
    const resampler = new SoftwareResampleContext();
    this.#resampler = resampler;
    const { nbChannels } = frame.channelLayout;
    const layout = (count: number, speakers: bigint) => ({
      nbChannels: count,
      order: AV_CHANNEL_ORDER_NATIVE,
      mask: speakers,
    });
    const target = layout(this.#channels, MASKS[this.#channels]);
    const source = layout(nbChannels, mask);
    const { sampleRate, format } = frame;
    must(
      resampler.allocSetOpts2(target, AV_SAMPLE_FMT_FLTP, RATE, source, format as AVSampleFormat, sampleRate),
      'preparing the resampler',
    );
    must(resampler.init(), 'opening the resampler');
  }
}

function extraDataOf(codec: OpusSourceAudio, record: Uint8Array): Uint8Array {
  if (codec === 'aac') return record;
  if (codec === 'flac') return record.subarray(...STREAM_INFO);
  return codec === 'opus' ? printOpusHead(record, 0) : new Uint8Array(0);
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const samples = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  return samples;
}
