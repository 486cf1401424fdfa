import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../../bytes.ts';
import { VP9_KEY } from '../../flv/forms.fixture.ts';
import { PPS, printSlice, printSps } from '../../mpegts/packets.fixture.ts';
import { base64, type Collected, collect, formatOf, hex, sample } from './payload.fixture.ts';
import type { PayloadFormat } from './payload.ts';

const h264 = (parameters: Record<string, string> = {}) => formatOf('h264', 90_000, parameters);
const inSdp = h264({ 'sprop-parameter-sets': `${base64(printSps())},${base64(PPS)}` });
const idr = printSlice(true, 400);
const p = printSlice(false, 60);
const stapA = (...nals: Uint8Array[]) =>
  concatBytes([Uint8Array.of(0x78), ...nals.flatMap((nal) => [Uint8Array.of(0, nal.length), nal])]);

/** FU-A in pieces of `size` bytes. */
function fuA(nal: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 1; at < nal.length; at += size) {
    const flags = (at === 1 ? 0x80 : 0) | (at + size >= nal.length ? 0x40 : 0);
    const head = Uint8Array.of((nal[0]! & 0xe0) | 28, flags | (nal[0]! & 0x1f));
    pieces.push(concatBytes([head, nal.subarray(at, at + size)]));
  }
  return pieces;
}

function opened(format: PayloadFormat): Collected {
  return collect(format);
}

test('H.264: parameter sets of the SDP are the configuration (RFC 6184 8.1)', () => {
  const { send, units, configs, damage } = opened(inSdp);
  send(9000, idr);
  send(12_000, p);
  assert.deepEqual(
    configs.map(({ codecs }) => codecs),
    ['avc1.42c01e'],
  );
  assert.deepEqual(units, [
    { timestamp: 9000, key: true, data: sample(idr) },
    { timestamp: 12_000, key: false, data: sample(p) },
  ]);
  assert.deepEqual(damage, []);
});

test('H.264: STAP-A gives parameter sets, which are left out of the sample (RFC 6184 5.7.1)', () => {
  const { send, units, configs } = opened(h264());
  send(0, stapA(printSps(), PPS, idr.subarray(0, 90)));
  assert.deepEqual(units, [{ timestamp: 0, key: true, data: sample(idr.subarray(0, 90)) }]);
  send(3000, stapA(printSps(8, 6), PPS), ...fuA(idr, 100));
  assert.deepEqual(
    configs.map((config) => 'width' in config && config.width),
    [64, 128],
  );
  assert.deepEqual(units[1]?.data, sample(idr));
});

test('H.264: fragments are joined (RFC 6184 5.8)', () => {
  const { send, units } = opened(inSdp);
  send(0, ...fuA(idr, 37));
  assert.deepEqual(units, [{ timestamp: 0, key: true, data: sample(idr) }]);
});

test('H.264: an access unit without a marker ends where the timestamp changes', () => {
  const { packet, units, depacketizer } = opened(inSdp);
  packet(0, false, idr);
  packet(0, false, printSlice(true, 30, false));
  packet(3000, false, p);
  assert.equal(units.length, 1);
  assert.deepEqual(units[0]?.data, sample(idr, printSlice(true, 30, false)));
  depacketizer.flush();
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [0, 3000],
  );
});

test('the last access unit is left out without its marker, if the sender sets markers: its end has not come', () => {
  const { packet, send, units, depacketizer } = opened(inSdp);
  send(0, idr);
  packet(3000, false, p);
  depacketizer.flush();
  send(6000, p);
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [0],
  );
  send(9000, idr);
  depacketizer.flush();
  send(12_000, p);
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [0, 9000, 12_000],
  );
});

test('H.264: after a loss nothing is given before the next key frame, and its incomplete unit is dropped', () => {
  const { send, packet, units, depacketizer } = opened(inSdp);
  assert.equal(depacketizer.needsKey, true);
  send(0, idr);
  assert.equal(depacketizer.needsKey, false);
  const [first, , last] = fuA(idr, 180);
  packet(3000, false, first!);
  depacketizer.lost();
  packet(3000, true, last!);
  send(6000, p);
  assert.equal(depacketizer.needsKey, true);
  send(9000, idr);
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [0, 9000],
  );
});

test('H.264: the rest of a damaged access unit is skipped, with one report of damage', () => {
  const { send, units, damage } = opened(inSdp);
  send(0, Uint8Array.of(0x7c), idr, p, p);
  assert.equal(damage.length, 1);
  send(3000, idr);
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [3000],
  );
});

test('H.264: an access unit without slices gives parameter sets, no unit', () => {
  const { send, units, configs, damage } = opened(h264());
  send(0, printSps());
  send(0, PPS);
  assert.deepEqual([units.length, configs.length, damage.length], [0, 1, 0]);
});

test('interleaved modes are refused by name', () => {
  const interleaved = opened(h264({ 'packetization-mode': '2' }));
  interleaved.send(0, idr);
  assert.deepEqual(interleaved.refused, ['H.264 video with interleaved NAL units']);
  assert.deepEqual(interleaved.damage, []);
  const hevc = opened(formatOf('hevc', 90_000, { 'sprop-max-don-diff': '2' }));
  assert.deepEqual(hevc.refused, ['HEVC video with interleaved NAL units']);
});

// Parameter sets of x265, Main profile, 640x360.
const VPS = Uint8Array.from(Buffer.from('QAEMAf//AWAAAAMAkAAAAwAAAwA/lZgJ', 'base64'));
const SPS = Uint8Array.from(Buffer.from('QgEBAWAAAAMAkAAAAwAAAwA/oAUCAWlllZpJMrwFoCAAAAMAIAAAAwMh', 'base64'));
const HEVC_PPS = Uint8Array.from(Buffer.from('RAHBcrRiQA==', 'base64'));
const hevcSdp = formatOf('hevc', 90_000, {
  'sprop-vps': base64(VPS),
  'sprop-sps': base64(SPS),
  'sprop-pps': base64(HEVC_PPS),
});
const hevcIdr = new Uint8Array(300).fill(0x55).fill(0x26, 0, 1).fill(1, 1, 2).fill(0x80, 2, 3);
const hevcP = new Uint8Array(50).fill(0x66).fill(0x02, 0, 1).fill(1, 1, 2).fill(0x80, 2, 3);

test('HEVC: single NAL units, aggregation packets and fragments give samples (RFC 7798 4.4)', () => {
  const { send, units, configs, damage } = opened(formatOf('hevc', 90_000));
  const aggregate = [VPS, SPS, HEVC_PPS].flatMap((nal) => [Uint8Array.of(0, nal.length), nal]);
  const fragment = (flags: number, from: number, to: number) =>
    concatBytes([Uint8Array.of(0x62, 1, flags | 19), hevcIdr.subarray(from, to)]);
  send(
    0,
    concatBytes([Uint8Array.of(0x60, 1), ...aggregate]),
    fragment(0x80, 2, 120),
    fragment(0, 120, 200),
    fragment(0x40, 200, 300),
  );
  send(3000, hevcP);
  assert.deepEqual(damage, []);
  assert.deepEqual(
    configs.map(({ codecs }) => codecs),
    ['hvc1.1.6.L63.90'],
  );
  assert.deepEqual(units, [
    { timestamp: 0, key: true, data: sample(hevcIdr) },
    { timestamp: 3000, key: false, data: sample(hevcP) },
  ]);
});

test('HEVC: parameter sets of the SDP are the configuration (RFC 7798 7.1)', () => {
  const { send, units, configs } = opened(hevcSdp);
  send(0, hevcIdr);
  assert.equal(configs.length, 1);
  assert.equal(units.length, 1);
});

// Reduced still picture header: profile 0, level 5, 64x48; then a frame: shown, key.
const AV1_HEADER = hex('0a 06 18 15 7f bc 00 08');
const withoutSize = (unit: Uint8Array) => concatBytes([Uint8Array.of(unit[0]! & ~2), unit.subarray(2)]);
const av1Key = Uint8Array.of(0x30, 0x10, 1, 2, 3);
const av1Inter = Uint8Array.of(0x30, 0x30, 4, 5);
const sized = (unit: Uint8Array) => concatBytes([Uint8Array.of(unit[0]! | 2, unit.length - 1), unit.subarray(1)]);

test('AV1: elements become units with sizes, and the temporal delimiter is left out (RTP for AV1, 5)', () => {
  const { send, units, configs, damage } = opened(formatOf('av1', 90_000));
  const header = withoutSize(AV1_HEADER);
  const delimiter = Uint8Array.of(0x10);
  // W = 3, N = 1: delimiter and header with sizes, the frame without.
  const first = concatBytes([Uint8Array.of(0x38, 1), delimiter, Uint8Array.of(header.length), header, av1Key]);
  send(0, first);
  send(3000, concatBytes([Uint8Array.of(0, av1Inter.length), av1Inter])); // W = 0: each has a size
  assert.deepEqual(damage, []);
  assert.equal(configs.length, 1);
  assert.deepEqual(
    units.map(({ key }) => key),
    [true, false],
  );
  assert.deepEqual(units[0]?.data, concatBytes([sized(header), sized(av1Key)]));
  assert.deepEqual(units[1]?.data, sized(av1Inter));
});

test('AV1: a unit in fragments is joined; without its start it is dropped (RTP for AV1, 4.4)', () => {
  const { send, packet, units, damage, depacketizer } = opened(formatOf('av1', 90_000));
  const header = withoutSize(AV1_HEADER);
  const first = concatBytes([Uint8Array.of(0x68, header.length), header, av1Key.subarray(0, 2)]); // Y, W = 2, N
  const rest = concatBytes([Uint8Array.of(0x90), av1Key.subarray(2)]); // Z, W = 1
  send(0, first, rest);
  assert.deepEqual(
    units.map(({ data }) => data),
    [concatBytes([sized(header), sized(av1Key)])],
  );
  packet(3000, false, first);
  depacketizer.lost();
  packet(3000, true, rest);
  assert.deepEqual([units.length, damage.length], [1, 1]);
});

test('VP9: pieces are joined, key frames give the configuration (RFC 9628 4.2)', () => {
  const { send, units, configs, damage } = opened(formatOf('vp9', 90_000));
  const piece = (flags: number, bytes: Uint8Array) => concatBytes([Uint8Array.of(0x80 | flags, 0x81, 0x23), bytes]);
  send(0, piece(0x08, VP9_KEY.subarray(0, 5)), piece(0x04, VP9_KEY.subarray(5)));
  // A frame that refers to others, in flexible mode, with a layer byte.
  const inter = Uint8Array.of(0x86, 0, 1);
  send(3000, concatBytes([Uint8Array.of(0x40 | 0x20 | 0x10 | 0x0c, 0x00, 0x03, 0x02), inter]));
  assert.deepEqual(damage, []);
  assert.equal(configs.length, 1);
  assert.deepEqual(units, [
    { timestamp: 0, key: true, data: VP9_KEY },
    { timestamp: 3000, key: false, data: inter },
  ]);
});

test('VP9: spatial layers are refused by name (RFC 9628 4.2.1)', () => {
  const { send, units, refused } = opened(formatOf('vp9', 90_000));
  const structure = Uint8Array.of(0x08 | 0x04 | 0x02, 0x20); // N_S = 1: two layers
  send(0, concatBytes([structure, VP9_KEY]));
  send(3000, concatBytes([structure, VP9_KEY]));
  assert.deepEqual(refused, ['VP9 video with spatial layers']);
  assert.equal(units.length, 0);
});

test('VP8: pieces are joined; key frames whose size is another one give a configuration (RFC 7741 4.3)', () => {
  const { send, units, configs } = opened(formatOf('vp8', 90_000));
  const key = hex('10 02 00 9d 01 2a 80 02 68 01 07');
  send(0, concatBytes([hex('90 80 81 23'), key.subarray(0, 6)]), concatBytes([hex('80 80 81 23'), key.subarray(6)]));
  send(3000, hex('10 11 22'));
  send(6000, hex('10'), key);
  send(9000, hex('10 10 02 00 9d 01 2a 40 01 b4 00 07'));
  const vp8 = { codec: 'vp8', record: new Uint8Array(0), codecs: 'vp8' };
  assert.deepEqual(configs, [
    { ...vp8, width: 640, height: 360 },
    { ...vp8, width: 320, height: 180 },
  ]);
  assert.deepEqual(units.slice(0, 2), [
    { timestamp: 0, key: true, data: key },
    { timestamp: 3000, key: false, data: hex('11 22') },
  ]);
});

test('H.264: after a loss a key frame without its first slice is dropped', () => {
  const { packet, send, units, depacketizer, damage } = collect(inSdp);
  packet(0, false, idr);
  depacketizer.lost();
  packet(0, true, printSlice(true, 30, false));
  assert.deepEqual([units.length, depacketizer.needsKey, damage.length], [0, true, 0]);
  send(3000, idr, printSlice(true, 30, false));
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [3000],
  );
});
