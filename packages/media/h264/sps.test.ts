import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BitWriter } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { findNals, NalList } from './annexb.ts';
import { h264Codecs, h264Config, parseAvcC } from './avcc.ts';
import { hasRecoveryPoint, isH264Key } from './key.ts';
import { escaped, ues } from './nal.fixture.ts';
import { h264PpsId } from './pps.ts';
import { parseH264Sps } from './sps.ts';

interface Shape {
  readonly interlaced?: boolean;
  readonly chroma?: number;
  readonly scaling?: boolean;
  readonly poc?: number;
  readonly vui?: 'full' | 'cut';
}

/** A High profile SPS of 120 by 68 macroblocks that is cropped to 1080 lines. */
function printHigh({ interlaced = false, chroma = 1, scaling = false, poc = 0, vui }: Shape = {}): Uint8Array {
  const bits = new BitWriter()
    .u(0x67, 8)
    .u(chroma === 1 ? 100 : 244, 8)
    .u(0, 8)
    .u(40, 8);
  ues(bits, 3, chroma);
  if (chroma === 3) bits.u(0, 1);
  ues(bits, 2, 0);
  bits.u(0, 1).u(scaling ? 1 : 0, 1);
  if (scaling) {
    for (let i = 0; i < (chroma === 3 ? 12 : 8); i++) {
      bits.u(i % 2, 1);
      if (i % 2 === 1) for (let k = 0; k < (i < 6 ? 16 : 64); k++) ues(bits, k === 0 ? 3 : 0);
    }
  }
  ues(bits, 4, poc);
  if (poc === 0) ues(bits, 4);
  if (poc === 1) ues(bits.u(0, 1), 0, 0, 2, 1, 1);
  ues(bits, 4);
  bits.u(0, 1);
  ues(bits, 119, interlaced ? 33 : 67);
  bits.u(interlaced ? 0 : 1, 1);
  if (interlaced) bits.u(1, 1);
  bits.u(1, 1).u(1, 1);
  ues(bits, 0, 0, 0, 8 / ((chroma === 1 ? 2 : 1) * (interlaced ? 2 : 1)));
  bits.u(vui ? 1 : 0, 1);
  if (vui) {
    bits.u(1, 1).u(255, 8).u(4, 16).u(3, 16).u(1, 1).u(0, 1); // aspect ratio, overscan
    bits.u(1, 1).u(5, 3).u(0, 1).u(1, 1).u(0x010101, 24); // colours
    ues(bits.u(1, 1), 0, 0); // chroma location
    bits.u(1, 1).u(1001, 32).u(60_000, 32).u(1, 1); // timing
    if (vui === 'full') {
      for (const hrd of [1, 1]) {
        ues(bits.u(hrd, 1), 1);
        bits.u(0, 8);
        for (let i = 0; i < 2; i++) ues(bits, 1000, 2000).u(1, 1);
        bits.u(0, 20);
      }
      bits.u(0, 1).u(1, 1).u(1, 1).u(1, 1);
      ues(bits, 0, 0, 10, 10, 2, 4);
    }
  }
  return escaped(bits.u(1, 1).finish());
}

const PPS = Uint8Array.of(0x68, 0xee, 0x3c, 0x80);

suite('H.264 parameter sets', () => {
  test('size after cropping, for frames and fields and every chroma format', () => {
    for (const shape of [
      {},
      { interlaced: true },
      { chroma: 2 },
      { chroma: 3 },
      { chroma: 3, scaling: true },
      { scaling: true, poc: 1 },
      { poc: 2 },
    ]) {
      const sps = parseH264Sps(printHigh(shape));
      const { width, height, id, bitDepthLuma, progressive } = sps;
      assert.deepEqual(
        [width, height, id, bitDepthLuma, progressive],
        [1920, 1080, 3, 10, !('interlaced' in shape)],
        JSON.stringify(shape),
      );
    }
  });

  test('the VUI has frame rate and reordering', () => {
    const sps = parseH264Sps(printHigh({ vui: 'full' }));
    assert.equal(sps.frameRate?.toFixed(3), '29.970');
    assert.equal(sps.maxReorderFrames, 2);
  });

  test('a VUI that is cut short costs only what it did not say', () => {
    const sps = parseH264Sps(printHigh({ vui: 'cut' }));
    assert.deepEqual([sps.width, sps.frameRate?.toFixed(2), sps.maxReorderFrames], [1920, '29.97', undefined]);
  });

  test('another NAL unit, a short one or one that crops all away is a FormatError', () => {
    assert.throws(() => parseH264Sps(PPS), { name: 'FormatError' });
    assert.throws(() => parseH264Sps(printHigh().subarray(0, 8)), { name: 'FormatError' });
    const bits = ues(new BitWriter().u(0x67, 8).u(66, 8).u(0, 8).u(30, 8), 0, 0, 0, 0, 1).u(0, 1);
    const gone = ues(ues(bits, 0, 0).u(1, 1).u(1, 1).u(1, 1), 9, 9, 0, 0)
      .u(0, 1)
      .u(1, 1)
      .finish();
    assert.throws(() => parseH264Sps(gone), { name: 'FormatError', message: /crops/ });
  });

  test('the id of a PPS is its first field', () => {
    assert.equal(h264PpsId(PPS), 0);
    assert.equal(h264PpsId(ues(new BitWriter().u(0x68, 8), 37).u(1, 1).finish()), 37);
  });

  test('avcC is written and read (14496-15, 5.3.3.1)', () => {
    const sps = printHigh({ vui: 'full' });
    const record = h264Config([sps], [PPS, PPS]).record;
    assert.deepEqual([...record.subarray(0, 6)], [1, 100, 0, 40, 0xff, 0xe1]);
    assert.deepEqual([...record.subarray(-4)], [0xfd, 0xfa, 0xf8, 0]);
    assert.deepEqual(parseAvcC(record), { lengthSize: 4, sps: [sps], pps: [PPS, PPS] });
    const config = h264Config([sps], [PPS, PPS]);
    assert.deepEqual([config.codecs, config.width, config.height], ['avc1.640028', 1920, 1080]);
    assert.equal(h264Codecs({ profile: 66, constraints: 0xc0, level: 11 }), 'avc1.42c00b');
  });

  test('an avcC without SPS, of another version or with lengths of 3 bytes is a FormatError', () => {
    for (const bytes of [
      [1, 100, 0, 40, 0xff, 0xe0, 0],
      [2],
      [1, 100, 0, 40, 0xfe, 0xe1],
      [1, 100, 0, 40, 0xff, 0xe1, 0, 9],
    ]) {
      assert.throws(() => parseAvcC(Uint8Array.from(bytes)), { name: 'FormatError' });
    }
    assert.throws(() => h264Config([], [PPS]), { name: 'FormatError' });
    assert.throws(() => h264Config([printHigh()], []), { name: 'FormatError' });
    assert.throws(() => h264Config([printHigh()], [new Uint8Array(70_000)]), { name: 'FormatError' });
  });

  test('2,000 broken SPS and avcC give values or a FormatError', () => {
    const samples = [
      printHigh({ vui: 'full' }),
      printHigh({ scaling: true, poc: 1 }),
      h264Config([printHigh()], [PPS]).record,
    ];
    const random = seeded(1);
    for (let round = 0; round < 2000; round++) {
      const bytes = samples[round % 3]!.slice(0, 1 + random(samples[round % 3]!.length));
      for (let i = random(5); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      for (const parse of [parseH264Sps, h264PpsId, parseAvcC]) {
        try {
          parse(bytes);
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error));
        }
      }
    }
  });
});

suite('H.264 key frames (docs/media.md 12)', () => {
  const RECOVERY = [0, 0, 1, 0x06, 0x05, 0x02, 0xaa, 0xbb, 0x06, 0x01, 0xc4, 0x80];
  const slice = (type: number) => [0, 0, 1, 0x41, ...ues(new BitWriter(), 0, type, 0).u(1, 1).finish(), 0x80];
  const isKey = (...bytes: number[]) => {
    const list = new NalList();
    findNals(Uint8Array.from(bytes), 0, bytes.length, list);
    return isH264Key(Uint8Array.from(bytes), list);
  };

  test('an IDR picture is one', () => {
    assert.equal(isKey(0, 0, 1, 0x06, 1, 0x80, 0, 0, 1, 0x65, 0x88), true);
  });

  test('an I picture is one with a recovery point only', () => {
    assert.equal(isKey(...RECOVERY, ...slice(7)), true);
    assert.equal(isKey(...RECOVERY, ...slice(2), ...slice(2)), true);
    assert.equal(isKey(...slice(7)), false);
  });

  test('P slices are none, even with a recovery point (intra refresh)', () => {
    assert.equal(isKey(...RECOVERY, ...slice(2), ...slice(5)), false);
    assert.equal(isKey(...RECOVERY, 0, 0, 1, 0x41, 0), false);
  });

  test('a SEI with a wrong size is skipped', () => {
    assert.equal(hasRecoveryPoint(Uint8Array.of(6, 5, 255, 255, 255), 0, 5), false);
    assert.equal(hasRecoveryPoint(Uint8Array.of(6, 255, 255), 0, 3), false);
    const long = Uint8Array.from([6, 255, 1, 255, 2, ...new Uint8Array(257).fill(9), 6, 1, 0x80]);
    assert.equal(hasRecoveryPoint(long, 0, long.length), true);
  });
});
