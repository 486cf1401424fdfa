/**
 * Opus configuration: the body of `dOps` in ISO BMFF, and the descriptor of MPEG-TS.
 * In: the channel_config_code of MPEG-TS, or a record. Out: an AudioConfig, or the code.
 * Opus in ISO BMFF, 4.3.2; ETSI TS 103 491 (Opus in MPEG-TS); channel orders: RFC 7845, 5.1.1.2.
 */
import { ByteReader } from '../bytes.ts';
import type { AudioConfig } from '../frame.ts';
import { OPUS_RATE } from './packet.ts';

/**
 * By number of channels: streams, coupled streams, and which decoded channel each output is, in Vorbis order.
 */
const LAYOUTS: readonly (readonly [number, number, readonly number[]] | undefined)[] = [
  undefined,
  [1, 0, [0]],
  [1, 1, [0, 1]],
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
];

/**
 * The configuration of a track, or undefined for a channel configuration that oxbow does not know.
 *
 * @param code channel_config_code: 1 to 8 channels, 0 is two independent ones
 */
export function opusConfig(code: number): AudioConfig | undefined {
  const channels = code === 0 ? 2 : code;
  const layout = LAYOUTS[channels];
  if (!layout) return undefined;
  const [streams, coupled, map] = code === 0 ? ([2, 0, [0, 1]] as const) : layout;
  const family = code === 0 ? 255 : channels > 2 ? 1 : 0;
  // A live stream is joined in the middle: PreSkip 0. The input sample rate is unknown: that of the decoder.
  const head = [0, channels, 0, 0, 0, 0, OPUS_RATE >> 8, OPUS_RATE & 0xff, 0, 0, family];
  const record = Uint8Array.from(family === 0 ? head : [...head, streams, coupled, ...map]);
  return { codec: 'opus', record, codecs: 'opus', sampleRate: OPUS_RATE, channels };
}

/**
 * The channel_config_code of a `dOps`, or undefined where MPEG-TS has none for it.
 *
 * @throws FormatError if the record ends early
 */
export function opusCode(record: Uint8Array): number | undefined {
  const reader = new ByteReader(record, 'dOps');
  reader.skip(1);
  const channels = reader.u8();
  reader.skip(8);
  const family = reader.u8();
  if (family === 0) return channels === 1 || channels === 2 ? channels : undefined;
  const told = [...reader.take(2 + channels)];
  const same = (streams: number, coupled: number, map: readonly number[]) =>
    told.join() === [streams, coupled, ...map].join();
  if (family === 255) return same(2, 0, [0, 1]) ? 0 : undefined;
  const layout = LAYOUTS[channels];
  return family === 1 && layout && same(...layout) ? channels : undefined;
}
