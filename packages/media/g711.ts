/**
 * G.711, the sound of telephones and of many cameras: its configuration, and its samples as numbers. It has
 * no form in the files that oxbow stores: it is always converted.
 * In: bytes of µ-law (`pcmu`) or A-law (`pcma`). Out: samples. Pure. ITU-T G.711.
 */
import type { AudioConfig } from './frame.ts';

/** µ-law or A-law, as RTP names them. */
export type G711Law = 'pcmu' | 'pcma';

/** The configuration of a track. @param sampleRate Hz */
export function g711Config(law: G711Law, sampleRate: number, channels: number): AudioConfig {
  const codecs = law === 'pcmu' ? 'ulaw' : 'alaw';
  return { codec: law, record: new Uint8Array(0), codecs, sampleRate, channels };
}

/** Whether a codec is G.711. */
export function isG711(codec: string): codec is G711Law {
  return codec === 'pcmu' || codec === 'pcma';
}

const tables: Readonly<Record<G711Law, Float32Array>> = {
  pcmu: Float32Array.from({ length: 256 }, (_, code) => muLaw(code) / 32_768),
  pcma: Float32Array.from({ length: 256 }, (_, code) => aLaw(code) / 32_768),
};

/**
 * The samples, from -1 to 1, one array for each channel.
 *
 * @param data one byte for each channel of each sample, in turn
 * @param channels 1 or more; bytes of an incomplete last sample are ignored
 */
export function decodeG711(law: G711Law, data: Uint8Array, channels: number): Float32Array[] {
  const table = tables[law];
  const length = Math.floor(data.length / channels);
  return Array.from({ length: channels }, (_, channel) => {
    const plane = new Float32Array(length);
    for (let i = 0; i < length; i++) plane[i] = table[data[i * channels + channel]!]!;
    return plane;
  });
}

/** Table 2 of ITU-T G.711: 14 bits, as 16. Codes are inverted. */
function muLaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
  return bits & 0x80 ? -magnitude : magnitude;
}

/** Table 1 of ITU-T G.711: 13 bits, as 16. Every second bit is inverted. */
function aLaw(code: number): number {
  const bits = code ^ 0x55;
  const segment = (bits & 0x70) >> 4;
  const step = ((bits & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return bits & 0x80 ? magnitude : -magnitude;
}
