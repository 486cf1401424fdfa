/**
 * Measures how loud some sound is, in steps of 10 ms.
 * In: an init section and a segment with audio. Out: levels from the first sample on. Native code: child
 * processes only.
 */
import { LevelMeter } from '@oxbow/media/align/energy';
import { AVDISCARD_ALL, AVMEDIA_TYPE_AUDIO } from 'node-av/constants';
import { Packet } from 'node-av/lib';
import { openDecoder } from '../decoder.ts';
import { openMediaInput } from '../media-input.ts';
import { must } from '../native.ts';
import { newFrame } from '../still.ts';
import { planesOf } from './sound-level.ts';

/** Sound before the first sample, of a decoder that delivers early, counts from it, s. */
const MAX_EARLY_S = 1;

/**
 * Decodes all sound. Units that cannot be decoded are silence.
 *
 * @param maxSteps most levels; sound after them is not decoded
 * @returns levels as 32-bit floats of this machine; empty if nothing could be decoded
 * @throws Error with the message of FFmpeg if there is no audio
 */
export function soundLevels(bytes: Uint8Array, maxSteps: number): Uint8Array {
  using input = openMediaInput(bytes);
  const { format } = input;
  const index = must(format.findBestStream(AVMEDIA_TYPE_AUDIO), 'there is no audio');
  for (const other of format.streams) if (other.index !== index) other.discard = AVDISCARD_ALL;
  const stream = format.streams[index]!;
  const { num, den } = stream.timeBase;
  using decoder = openDecoder(stream.codecpar);
  using packet = new Packet();
  packet.alloc();
  using frame = newFrame();
  const meter = new LevelMeter(maxSteps);
  let originS: number | undefined;
  while (format.readFrameSync(packet) >= 0) {
    if (packet.streamIndex === index && decoder.sendPacketSync(packet) >= 0) {
      while (decoder.receiveFrameSync(frame) >= 0) {
        const atS = (Number(frame.pts) * num) / den;
        originS ??= atS;
        const isPlaced = atS - originS > -MAX_EARLY_S && frame.sampleRate > 0;
        for (const [plane, scale] of isPlaced ? planesOf(frame) : []) {
          const interleaved = Math.max(1, Math.round(plane.length / Math.max(1, frame.nbSamples)));
          meter.add(Math.max(0, atS - originS), plane, frame.sampleRate * interleaved, scale);
        }
        frame.unref();
      }
    }
    packet.unref();
  }
  return new Uint8Array(meter.levels.buffer);
}
