/**
 * Packets of participants, for tests of forwarding.
 * In: numbers. Out: RTP packets of VP8 and Opus.
 */
import type { RtpPacket } from '../packet.ts';
import { ForwardSlot, type ForwardSlotOptions } from './forward-slot.ts';
import { ForwardSource, type ForwardSourceOptions } from './forward-source.ts';

/** A packet of VP8: one frame of one packet, with PictureID (15 bits) and TL0PICIDX. */
export function vp8Packet(
  sequence: number,
  { isKey = false, timestamp = sequence * 6000, ssrc = 1, picture = sequence & 0x7fff, payloadType = 96 } = {},
): RtpPacket {
  const payload = Uint8Array.of(0x90, 0xc0, 0x80 | (picture >> 8), picture & 0xff, picture & 0xff, isKey ? 0 : 1, 9, 9);
  const [number, ticks] = [sequence & 0xffff, timestamp >>> 0];
  return { payloadType, marker: true, sequence: number, timestamp: ticks, ssrc, payload };
}

/** A packet of Opus, 20 ms. */
export function opusPacket(sequence: number, { ssrc = 2, payloadType = 111 } = {}): RtpPacket {
  const [number, timestamp] = [sequence & 0xffff, (sequence * 960) >>> 0];
  return {
    payloadType,
    marker: false,
    sequence: number,
    timestamp,
    ssrc,
    payload: Uint8Array.of(0xfc, sequence & 0xff),
  };
}

/** A source of VP8. */
export function videoSource(change: Partial<ForwardSourceOptions> = {}): ForwardSource {
  return new ForwardSource({
    kind: 'video',
    clockRate: 90_000,
    payloadType: 96,
    repairPayloadType: 97,
    sources: [],
    canRepeat: true,
    counts: { dropped: 0 },
    ...change,
  });
}

export function videoSlot(change: Partial<ForwardSlotOptions> = {}): ForwardSlot {
  return new ForwardSlot({
    kind: 'video',
    mid: '7',
    ssrc: 0xabcd,
    payloadType: 120,
    clockRate: 90_000,
    firstSequence: 100,
    firstTimestamp: 5000,
    extensions: undefined,
    name: 'slot',
    ...change,
  });
}
