/**
 * Random packets for the depacketizers.
 * In: a seed. Out: how many units were read, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { VP9_KEY } from '../../flv/forms.fixture.ts';
import { PPS, printSlice, printSps } from '../../mpegts/packets.fixture.ts';
import { seeded } from '../../random.fixture.ts';
import { base64, collect, formatOf, hex } from './payload.fixture.ts';
import type { PayloadCodec, PayloadFormat } from './payload.ts';

const sets = { 'sprop-parameter-sets': `${base64(printSps())},${base64(PPS)}` };
const STREAM_PACKETS = 100;
const aac = { config: '1190', sizelength: '13', indexlength: '3', indexdeltalength: '3' };
const formats: readonly PayloadFormat[] = [
  formatOf('h264', 90_000, sets),
  formatOf('hevc', 90_000),
  formatOf('av1', 90_000),
  formatOf('vp9', 90_000),
  formatOf('vp8', 90_000),
  formatOf('opus', 48_000),
  formatOf('aac', 48_000, aac),
  formatOf('aac', 48_000, { ...aac, auxiliarydatasizelength: '8', ctsdeltalength: '9', randomaccessindication: '1' }),
  formatOf('aac', 48_000, { config: '1190', constantsize: '20' }),
  formatOf('latm', 48_000, { cpresent: '0', config: '400023103fc0' }),
  formatOf('latm', 48_000),
  formatOf('mp2t', 90_000),
];

/** Payloads that are nearly valid. */
const seeds: Readonly<Partial<Record<PayloadCodec, readonly Uint8Array[]>>> = {
  h264: [
    printSps(),
    PPS,
    printSlice(true),
    printSlice(false),
    hex('7c 85 9a 55'),
    hex('7c 45 55 55'),
    hex('78 00 02 67 42'),
  ],
  hevc: [hex('62 01 93 80 55'), hex('62 01 53 55 55'), hex('60 01 00 03 26 01 80'), hex('26 01 80 55')],
  av1: [
    hex('28 07 08 18 15 7f bc 00 08 30 10 01'),
    hex('68 07 08 18 15 7f bc 00 08 30 10'),
    hex('90 01 02'),
    hex('10 30 30 04'),
  ],
  vp9: [Uint8Array.of(0x0c, ...VP9_KEY), hex('4c 86 00'), hex('0e 38 01 02 03 04 01 04')],
  vp8: [hex('10 10 02 00 9d 01 2a 80 02 68 01 07'), hex('10 11 22')],
  opus: [hex('fc 01 02')],
  aac: [hex('00 10 00 18 01 02 03'), hex('00 20 00 08 00 08 01 02'), hex('00 10 01 00 01')],
  latm: [hex('02 01 02'), hex('20 00 11 90 07 f8 01 ab cd ef')],
};

/**
 * Sends `count` random packets to each depacketizer: nothing throws, and units are as the contract says.
 * Returns the codecs with units.
 */
export function fuzzDepacketizers(seed: number, count: number): ReadonlySet<PayloadCodec> {
  const random = seeded(seed);
  const read = new Set<PayloadCodec>();
  for (const format of formats) {
    // A refusal is final, so each stream is short.
    for (let n = 0; n < count; n += STREAM_PACKETS) {
      const { depacketizer, units, packet } = collect(format);
      for (let k = 0; k < STREAM_PACKETS; k++) {
        if (random(20) === 0) depacketizer.lost();
        packet(Math.floor(k / 3) * 3000, random(3) === 0, randomPayload(seeds[format.codec] ?? [], random));
      }
      depacketizer.flush();
      for (const { timestamp, data } of units) {
        assert.ok(Number.isInteger(timestamp) && timestamp >= 0 && timestamp < 2 ** 32);
        assert.ok(data.length > 0);
      }
      if (units.length > 0) read.add(format.codec);
    }
  }
  return read;
}

/** Random bytes, or one of the nearly valid payloads with some bytes changed. */
function randomPayload(own: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
  const isRandom = own.length === 0 || random(3) === 0;
  const payload = isRandom
    ? Uint8Array.from({ length: random(60) }, () => random(256))
    : own[random(own.length)]!.slice();
  for (let k = random(3); k > 0 && payload.length > 0; k--) payload[random(payload.length)] = random(256);
  return payload.subarray(0, Math.max(0, payload.length - (random(4) === 0 ? 1 : 0)));
}

/**
 * Creates depacketizers of random parameters: what is malformed is refused or reported. Returns how many were
 * refused.
 */
export function fuzzParameters(seed: number, count: number): number {
  const random = seeded(seed);
  const names = [
    ...Object.keys(aac),
    'sprop-parameter-sets',
    'sprop-sps',
    'cpresent',
    'constantsize',
    'constantduration',
  ];
  let refusals = 0;
  for (let n = 0; n < count; n++) {
    const text = () =>
      random(3) === 0
        ? String(random(2 ** 20))
        : String.fromCharCode(...Array.from({ length: random(20) }, () => 33 + random(90)));
    const hexText = () => Array.from({ length: random(24) }, () => random(16).toString(16)).join('');
    const parameters = Object.fromEntries(names.map((name) => [name, random(2) ? text() : hexText()]));
    const { codec, clockRate } = formats[random(formats.length)]!;
    const { refused, send } = collect(formatOf(codec, clockRate, parameters));
    send(
      0,
      Uint8Array.from({ length: random(40) }, () => random(256)),
    );
    refusals += refused.length;
  }
  return refusals;
}
