import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printAc3 } from '../mpegts/forms.fixture.ts';
import { ac3Config, eac3Config } from './config.ts';
import { fuzzSyncframe } from './fuzz.fixture.ts';
import { type Ac3Header, type Eac3Header, parseSyncframe } from './syncframe.ts';

const parse = (bytes: Uint8Array) => parseSyncframe(bytes, 0, bytes.length);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const eac3 = (...args: Parameters<typeof printAc3>) => parse(printAc3(...args)) as Eac3Header;

test('AC-3: length, rate and channels, and the dac3 that they make (TS 102 366, F.4)', () => {
  // 448 kbit/s, 48 kHz, 3/2 with LFE; as ffmpeg writes it.
  const header = parse(Uint8Array.from(Buffer.from('0b7700001e40e1fffe00', 'hex'))) as Ac3Header;
  const { codec, sampleRate, channels, frameBytes, samples } = header;
  assert.deepEqual([codec, sampleRate, channels, frameBytes, samples], ['ac3', 48_000, 6, 1792, 1536]);
  assert.equal(hex(ac3Config(header).record), '103de0');
  assert.equal(ac3Config(header).codecs, 'ac-3');
});

test('AC-3 at 44.1 kHz has frames of two lengths', () => {
  const at = (code: number) => parse(Uint8Array.of(0x0b, 0x77, 0, 0, 0x40 | code, 0x40, 0x40, 0, 0, 0))?.frameBytes;
  assert.deepEqual([at(18), at(19)], [696, 698]); // 160 kbit/s
});

test('E-AC-3: blocks are samples, and a dependent substream adds channels once (annex E)', () => {
  assert.deepEqual(
    [1, 2, 3, 6].map((blocks) => eac3('eac3', blocks as 1).samples),
    [256, 512, 768, 1536],
  );
  const base = eac3('eac3', 6, { layout: 7, lfe: true });
  const back = eac3('eac3', 6, { layout: 6, dependent: true, map: (1 << 12) | (1 << 11) | (1 << 9) }); // Ls, Rs, Lrs/Rrs
  const { channels, record, codecs } = eac3Config([base, back]);
  assert.deepEqual([channels, codecs], [8, 'ec-3']);
  // 100 kbit/s; 48 kHz, bsid 16, 3/2 with LFE, one dependent substream with Lrs/Rrs.
  assert.equal(hex(record), '0320200f0202');
});

test('a reserved rate, a reserved size, another version or a cut header is no syncframe', () => {
  const good = printAc3();
  const broken = (at: number, byte: number) => parse(good.slice().fill(byte, at, at + 1));
  assert.ok(parse(good));
  for (const [at, byte] of [
    [0, 0x77],
    [4, 0xc8],
    [4, 0x3f],
    [5, 0x88],
  ] as const)
    assert.equal(broken(at, byte), undefined);
  assert.equal(parse(good.subarray(0, 6)), undefined);
});

test('2,000 random syncframes are syncframes or not', () => {
  assert.ok(fuzzSyncframe(5, 2000) > 500);
});
