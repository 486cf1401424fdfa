/**
 * RTP payload format of Opus: one packet each.
 * In: packets. Out: the configuration, units. RFC 7587 4.2 (payload), 7 (always two channels).
 */
import { opusConfig } from '../../opus/config.ts';
import { opusSamples } from '../../opus/packet.ts';
import type { Depacketizer, DepacketizerOutput } from './payload.ts';

const CHANNELS = 2;

/** Reads Opus. */
export function createOpusDepacketizer(out: DepacketizerOutput): Depacketizer {
  let isConfigured = false;
  return {
    needsKey: false,
    push({ timestamp, payload }) {
      if (payload.length === 0) return;
      const duration = opusSamples(payload);
      if (duration === undefined) {
        out.damage('an Opus packet of an unknown length');
        return;
      }
      if (!isConfigured) out.config(opusConfig(CHANNELS)!);
      isConfigured = true;
      out.unit({ timestamp, key: true, data: payload, duration });
    },
    lost() {},
    flush() {},
  };
}
