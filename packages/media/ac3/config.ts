/**
 * AC-3 and E-AC-3 as ISO BMFF carries them: the bodies of `dac3` and `dec3`.
 * In: headers of syncframes. Out: the record in an AudioConfig. ETSI TS 102 366, F.4 and F.6.
 */
import { BitWriter } from '../bits.ts';
import type { AudioConfig } from '../frame.ts';
import type { Ac3Header, Eac3Header } from './syncframe.ts';

/** chan_loc by chanmap (tables F.6 and E.5): Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh, LFE2. */
const LOCATIONS = [10, 9, 8, 7, 6, 5, 4, 3, 1] as const;
/** Bits of chanmap that stand for two channels. */
const PAIRS = (1 << 10) | (1 << 9) | (1 << 6) | (1 << 5) | (1 << 4) | (1 << 2);
const [LEFT, CENTRE, RIGHT, LEFT_SURROUND, RIGHT_SURROUND, BACK, LOW] = [15, 14, 13, 12, 11, 8, 0];
/** Bits of chanmap by acmod. */
const LAYOUTS = [
  [LEFT, RIGHT],
  [CENTRE],
  [LEFT, RIGHT],
  [LEFT, CENTRE, RIGHT],
  [LEFT, RIGHT, BACK],
  [LEFT, CENTRE, RIGHT, BACK],
  [LEFT, RIGHT, LEFT_SURROUND, RIGHT_SURROUND],
  [LEFT, CENTRE, RIGHT, LEFT_SURROUND, RIGHT_SURROUND],
] as const;

/** The configuration of a track of AC-3. */
export function ac3Config(header: Ac3Header): AudioConfig {
  const { fscod, version, service, layout, lfe, bitRateCode, sampleRate, channels } = header;
  const bits = new BitWriter().u(fscod, 2).u(version, 5).u(service, 3).u(layout, 3).u(Number(lfe), 1);
  return { codec: 'ac3', record: bits.u(bitRateCode, 5).u(0, 5).finish(), codecs: 'ac-3', sampleRate, channels };
}

/**
 * The configuration of a track of E-AC-3.
 *
 * @param headers of all syncframes that make one sample: the independent substreams, each with those that
 *   depend on it behind it
 */
export function eac3Config(headers: readonly Eac3Header[]): AudioConfig {
  const first = headers[0]!;
  const programs: { header: Eac3Header; added: Eac3Header[] }[] = [];
  for (const header of headers) {
    const last = programs.at(-1);
    if (header.dependent) last?.added.push(header);
    else if (!programs.some((program) => program.header.substream === header.substream))
      programs.push({ header, added: [] });
  }
  const samples = headers.reduce(
    (sum, header) => sum + (header.dependent || header.substream !== 0 ? 0 : header.samples),
    0,
  );
  const bytes = headers.reduce((sum, header) => sum + header.frameBytes, 0);
  const kbitPerS = Math.round((bytes * 8 * first.sampleRate) / Math.max(1, samples) / 1000);
  const bits = new BitWriter().u(Math.min(0x1fff, kbitPerS), 13).u(programs.length - 1, 3);
  for (const { header, added } of programs) {
    const { fscod, version, service, layout, lfe } = header;
    const substreams = new Set(added.map(({ substream }) => substream)).size;
    bits.u(fscod, 2).u(version, 5).u(0, 2).u(service, 3).u(layout, 3).u(Number(lfe), 1).u(0, 3).u(substreams, 4);
    if (substreams > 0) bits.u(locationsOf(added), 9);
    else bits.u(0, 1);
  }
  const { sampleRate } = first;
  return { codec: 'eac3', record: bits.finish(), codecs: 'ec-3', sampleRate, channels: channelsOf(programs[0]!) };
}

function locationsOf(added: readonly Eac3Header[]): number {
  const map = added.reduce((mask, header) => mask | header.channelMap, 0);
  return LOCATIONS.reduce((locations: number, bit, i) => locations | (((map >> bit) & 1) << i), 0);
}

/** Channels of the first program, those of dependent substreams counted once. */
function channelsOf({ header, added }: { header: Eac3Header; added: readonly Eac3Header[] }): number {
  let map = mapOf(header);
  for (const dependent of added) map |= dependent.channelMap || mapOf(dependent);
  let channels = 0;
  for (let bit = 0; bit < 16; bit++) if ((map >> bit) & 1) channels += (PAIRS >> bit) & 1 ? 2 : 1;
  return channels;
}

function mapOf({ layout, lfe }: Eac3Header): number {
  return LAYOUTS[layout]!.reduce((map: number, bit) => map | (1 << bit), lfe ? 1 << LOW : 0);
}
