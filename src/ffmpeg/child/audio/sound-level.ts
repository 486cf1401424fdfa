/**
 * Measures how loud the beginning of some sound is.
 * In: an init section and a segment with audio. Out: root mean square, peak and share of clipped samples.
 * Native code: child processes only.
 */
import {
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S16P,
  AV_SAMPLE_FMT_S32,
  AV_SAMPLE_FMT_S32P,
  AVDISCARD_ALL,
  AVMEDIA_TYPE_AUDIO,
} from 'node-av/constants';
import { type Frame, Packet } from 'node-av/lib';
import type { SoundLevel } from '../../frame-protocol.ts';
import { openDecoder } from '../decoder.ts';
import { openMediaInput } from '../media-input.ts';
import { must } from '../native.ts';
import { newFrame } from '../still.ts';

/** Samples at or above this are clipped: lossy codecs do not return full scale exactly. */
const FULL_SCALE = 0.9995;
/** So much is enough, seconds, if it is louder than -30 dB and its peak below half of full scale. */
const [ENOUGH_S, QUIET, LOUD] = [0.25, 0.0316, 0.5];

/** Sums of the samples so far. */
interface Sums {
  squares: number;
  peak: number;
  clipped: number;
  samples: number;
  /** Decoded sound. */
  seconds: number;
}

/**
 * Decodes the beginning until it is clear that it is neither silent nor clipped.
 *
 * @param seconds of sound that are decoded, at most
 * @throws Error with the message of FFmpeg if there is no audio
 */
export function soundLevel(bytes: Uint8Array, seconds: number): SoundLevel {
  using input = openMediaInput(bytes);
  const { format } = input;
  const index = must(format.findBestStream(AVMEDIA_TYPE_AUDIO), 'there is no audio');
  for (const other of format.streams) if (other.index !== index) other.discard = AVDISCARD_ALL;
  const stream = format.streams[index]!;
  using decoder = openDecoder(stream.codecpar);
  using packet = new Packet();
  packet.alloc();
  using frame = newFrame();
  const sum: Sums = { squares: 0, peak: 0, clipped: 0, samples: 0, seconds: 0 };
  while (sum.seconds < seconds && !isClear(sum) && format.readFrameSync(packet) >= 0) {
    // Units that cannot be decoded are skipped.
    if (packet.streamIndex === index && decoder.sendPacketSync(packet) >= 0) {
      while (decoder.receiveFrameSync(frame) >= 0) {
        add(frame, sum);
        frame.unref();
      }
    }
    packet.unref();
  }
  const { peak, clipped, samples } = sum;
  return {
    rms: rmsOf(sum),
    peak,
    clipped: samples === 0 ? 0 : clipped / samples,
    seconds: sum.seconds,
  };
}

function isClear(sum: Sums): boolean {
  return sum.seconds >= ENOUGH_S && sum.peak < LOUD && rmsOf(sum) >= QUIET;
}

function rmsOf({ squares, samples }: Sums): number {
  return samples === 0 ? 0 : Math.sqrt(squares / samples);
}

function add(frame: Frame, sum: Sums): void {
  for (const [plane, scale] of planesOf(frame)) {
    for (let i = 0; i < plane.length; i++) {
      const sample = Math.abs(plane[i]!) * scale;
      sum.squares += sample * sample;
      if (sample > sum.peak) sum.peak = sample;
      if (sample >= FULL_SCALE) sum.clipped++;
    }
    sum.samples += plane.length;
  }
  if (frame.sampleRate > 0) sum.seconds += frame.nbSamples / frame.sampleRate;
}

/**
 * The samples as numbers, with the factor that makes full scale 1. They share memory with the frame where it
 * is aligned.
 */
export function planesOf(
  frame: Frame,
): readonly (readonly [plane: Float32Array | Int16Array | Int32Array, scale: number])[] {
  const channels = Math.max(1, frame.channelLayout.nbChannels);
  const planes = frame.extendedData ?? frame.data ?? [];
  const read = (
    bytes: number,
    samples: number,
    kind: (buffer: ArrayBuffer) => Float32Array | Int16Array | Int32Array,
    scale: number,
  ) => planes.map((plane) => [kind(new Uint8Array(plane.subarray(0, samples * bytes)).buffer), scale] as const);
  const { nbSamples } = frame;
  switch (frame.format) {
    case AV_SAMPLE_FMT_FLTP:
      return read(4, nbSamples, (buffer) => new Float32Array(buffer), 1);
    case AV_SAMPLE_FMT_FLT:
      return read(4, nbSamples * channels, (buffer) => new Float32Array(buffer), 1);
    case AV_SAMPLE_FMT_S16P:
      return read(2, nbSamples, (buffer) => new Int16Array(buffer), 1 / 32_768);
    case AV_SAMPLE_FMT_S16:
      return read(2, nbSamples * channels, (buffer) => new Int16Array(buffer), 1 / 32_768);
    case AV_SAMPLE_FMT_S32P:
      return read(4, nbSamples, (buffer) => new Int32Array(buffer), 1 / 2_147_483_648);
    case AV_SAMPLE_FMT_S32:
      return read(4, nbSamples * channels, (buffer) => new Int32Array(buffer), 1 / 2_147_483_648);
    default:
      throw new Error(`samples of format ${frame.format} are not measured`);
  }
}
