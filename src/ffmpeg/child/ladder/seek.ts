/**
 * Finds the key frame that a range of a stream is decoded from.
 * In: a demuxer, a time. Out: the packet of that key frame. Native code: child processes only.
 */
import { AVSEEK_FLAG_BACKWARD } from 'node-av/constants';
import type { FormatContext, Packet, Stream } from 'node-av/lib';

/** How far before a range reading begins, where the container's own index leads to a later key frame; s. */
const STEPS_BACK_S = [0, 2, 10, 60, 600, Number.POSITIVE_INFINITY];

/**
 * Reads up to the last key frame at or before `start`, which is then in `packet`.
 *
 * @param start ticks of the stream
 */
export function seek(format: FormatContext, stream: Stream, start: number, packet: Packet): void {
  const { num, den } = stream.timeBase;
  for (const back of STEPS_BACK_S) {
    const first = Number(stream.startTime);
    const target = Number.isFinite(back) ? start - Math.round((back * den) / num) : Math.min(first, start);
    if (format.seekFrameSync(stream.index, BigInt(target), AVSEEK_FLAG_BACKWARD) < 0) continue;
    while (format.readFrameSync(packet) >= 0) {
      const isKey = packet.streamIndex === stream.index && packet.isKeyframe;
      if (isKey && Number(packet.pts) <= start) return;
      if (isKey) break;
      packet.unref();
    }
    packet.unref();
  }
}
