/**
 * RTP payload format of MPEG-TS.
 * In: packets. Out: bytes for the demuxer of MPEG-TS, which notices losses by itself. RFC 2250 2.
 */
import type { Depacketizer, DepacketizerOutput } from './payload.ts';

/** Passes the bytes of MPEG-TS to `bytes` of the output. */
export function createMp2tDepacketizer(out: DepacketizerOutput): Depacketizer {
  return {
    needsKey: false,
    push({ payload }) {
      if (payload.length > 0) out.bytes?.(payload);
    },
    lost() {},
    flush() {},
  };
}
