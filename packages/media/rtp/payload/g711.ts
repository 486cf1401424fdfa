/**
 * RTP payload format of G.711, µ-law and A-law: one byte for each sample of each channel.
 * In: packets. Out: the configuration, units. RFC 3551 4.5.14.
 */
import { type G711Law, g711Config } from '../../g711.ts';
import type { Depacketizer, DepacketizerOutput, PayloadFormat } from './payload.ts';

/** Rates at which it can be converted, Hz; 8,000 is usual. */
const RATES: readonly number[] = [8000, 16_000, 32_000, 44_100, 48_000];
const MAX_CHANNELS = 2;

/** Reads G.711. */
export function createG711Depacketizer(
  law: G711Law,
  { clockRate, channels = 1 }: PayloadFormat,
  out: DepacketizerOutput,
): Depacketizer {
  let isConfigured = false;
  const isSupported = RATES.includes(clockRate) && channels >= 1 && channels <= MAX_CHANNELS;
  if (!isSupported) out.refused({ kind: 'audio', name: `G.711 audio of ${clockRate} Hz and ${channels} channels` });
  return {
    needsKey: false,
    push({ timestamp, payload }) {
      if (!isSupported || payload.length === 0) return;
      if (payload.length % channels !== 0) {
        out.damage('a G.711 packet with a part of a sample');
        return;
      }
      if (!isConfigured) out.config(g711Config(law, clockRate, channels));
      isConfigured = true;
      out.unit({ timestamp, key: true, data: payload, duration: payload.length / channels });
    },
    lost() {},
    flush() {},
  };
}
