import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BitWriter } from '../bits.ts';
import { FormatError } from '../errors.ts';
import { findNals, NalList } from '../h264/annexb.ts';
import { escaped, ues } from '../h264/nal.fixture.ts';
import { seeded } from '../random.fixture.ts';
import { fuzzHevc } from './fuzz.fixture.ts';
import { hevcConfig, parseHvcC } from './hvcc.ts';
import { hevcPpsId, hevcVpsId, isHevcKey } from './nal.ts';
import { hevcCodecs } from './profile-tier-level.ts';
import { parseHevcSps } from './sps.ts';

/** A Main 10 SPS of 1920x1080 with everything that may lie before the VUI. */
function printRich(layers = 3): Uint8Array {
  const bits = new BitWriter()
    .u(0x4201, 16)
    .u(0, 4)
    .u(layers - 1, 3)
    .u(1, 1);
  bits.u(0, 2).u(1, 1).u(2, 5).u(0x2000_0000, 32).u(0xb0, 8).u(0, 32).u(0, 8).u(123, 8);
  for (let i = 1; i < layers; i++) bits.u(i % 2, 1).u(1, 1);
  if (layers > 1) bits.u(0, 2 * (9 - layers));
  for (let i = 1; i < layers; i++) for (let k = i % 2 ? 96 : 8; k > 0; k -= 8) bits.u(0, 8);
  ues(bits, 0, 1, 1920, 1088).u(1, 1);
  ues(bits, 0, 0, 0, 4, 2, 2, 4).u(1, 1); // window, depths, POC bits
  for (let i = 0; i < layers; i++) ues(bits, 4, i, 0);
  ues(bits, 0, 3, 0, 3, 1, 1);
  bits.u(1, 1).u(1, 1); // scaling lists
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      bits.u(matrix % 2, 1);
      if (matrix % 2 === 0) ues(bits, 0);
      else ues(bits, ...new Array<number>(Math.min(64, 16 << (2 * size)) + (size > 1 ? 1 : 0)).fill(0));
    }
  }
  bits.u(3, 2).u(1, 1).u(0x77, 8); // amp, sao, PCM
  ues(bits, 0, 2).u(0, 1);
  ues(bits, 3); // short-term sets: 3 pictures, then two predicted from the one before
  ues(bits, 2, 1, 0).u(1, 1);
  ues(bits, 0).u(1, 1);
  ues(bits, 0).u(1, 1);
  ues(bits.u(1, 1).u(1, 1), 0).u(1, 1).u(0b01, 2).u(0b00, 2).u(1, 1); // keeps three of four
  ues(bits.u(1, 1).u(0, 1), 0).u(0b1111, 4);
  ues(bits.u(1, 1), 2).u(0, 2 * 9); // long-term pictures of 8 bits and a flag
  bits.u(3, 2).u(1, 1); // VUI
  bits.u(1, 1).u(255, 8).u(1, 16).u(1, 16).u(1, 1).u(0, 1).u(1, 1).u(5, 3).u(0, 1).u(1, 1).u(0x010101, 24);
  ues(bits.u(1, 1), 0, 0).u(0, 3);
  ues(bits.u(1, 1), 0, 0, 0, 0).u(1, 1).u(1, 32).u(50, 32);
  return escaped(bits.u(1, 1).finish());
}

const VPS = Uint8Array.of(0x40, 0x01, 0x3c, 0x01);
const PPS = Uint8Array.of(0x44, 0x01, 0x48, 0x80);

suite('HEVC parameter sets', () => {
  test('an SPS with all that may come before its VUI: size, depth, layers, frame rate', () => {
    for (const layers of [1, 3, 7]) {
      const sps = parseHevcSps(printRich(layers));
      const { width, height, bitDepthLuma, temporalLayers, frameRate, maxReorderFrames, id } = sps;
      assert.deepEqual(
        [width, height, bitDepthLuma, temporalLayers, frameRate, maxReorderFrames, id],
        [1920, 1080, 10, layers, 50, layers - 1, 0],
      );
    }
  });

  test('an SPS cut before its VUI still has a size', () => {
    const sps = parseHevcSps(printRich(1).subarray(0, 40));
    assert.deepEqual([sps.width, sps.frameRate], [1920, undefined]);
  });

  test('the codec string is that of 14496-15, Annex E', () => {
    assert.equal(hevcCodecs(parseHevcSps(printRich()).ptl), 'hvc1.2.4.H123.B0');
    const ptl = {
      space: 1,
      high: false,
      profile: 1,
      compatibility: 0x6000_0000,
      constraints: new Uint8Array(6),
      level: 93,
    };
    assert.equal(hevcCodecs(ptl), 'hvc1.A1.6.L93');
  });

  test('ids of VPS and PPS', () => {
    assert.deepEqual([hevcVpsId(VPS), hevcPpsId(PPS)], [3, 1]);
    assert.throws(() => hevcVpsId(VPS.subarray(0, 2)), { name: 'FormatError' });
  });

  test('hvcC is written and read (14496-15, 8.3.3.1)', () => {
    const sets = { vps: [VPS], sps: [printRich()], pps: [PPS, PPS] };
    const record = hevcConfig(sets).record;
    assert.deepEqual(parseHvcC(record), { lengthSize: 4, ...sets });
    const config = hevcConfig(sets);
    assert.deepEqual([config.codecs, config.width, config.frameRate], ['hvc1.2.4.H123.B0', 1920, 50]);
    assert.deepEqual(
      [record[0], record[1], record[12], record[16], record[17], record[21]],
      [1, 0x22, 123, 0xfd, 0xfa, 0x1f],
    );
  });

  test('an hvcC that lacks something is a FormatError', () => {
    const sets = { vps: [VPS], sps: [printRich()], pps: [PPS] };
    for (const part of ['vps', 'sps', 'pps']) {
      assert.throws(() => hevcConfig({ ...sets, [part]: [] }), { name: 'FormatError' });
    }
    assert.throws(() => hevcConfig({ ...sets, pps: [new Uint8Array(70_000)] }), { name: 'FormatError' });
    const record = hevcConfig(sets).record;
    for (const [at, value] of [
      [0, 2],
      [21, 0x0e],
      [22, 0],
    ] as const) {
      const bad = record.slice();
      bad[at] = value;
      assert.throws(() => parseHvcC(bad), { name: 'FormatError' });
    }
  });

  test('IRAP pictures are key frames, others are not (H.265 table 7-1)', () => {
    const list = new NalList();
    const keys = Array.from({ length: 64 }, (_, type) => type).filter((type) => {
      const bytes = Uint8Array.of(0, 0, 1, type << 1, 1, 0x80);
      findNals(bytes, 0, bytes.length, list);
      return isHevcKey(bytes, list);
    });
    assert.deepEqual(keys, [16, 17, 18, 19, 20, 21]);
  });

  test('2,000 broken SPS and hvcC give values or a FormatError', () => {
    const samples = [printRich(), hevcConfig({ vps: [VPS], sps: [printRich(1)], pps: [PPS] }).record];
    const random = seeded(1);
    for (let round = 0; round < 2000; round++) {
      const bytes = samples[round % 2]!.slice(0, 1 + random(samples[round % 2]!.length));
      for (let i = random(5); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      for (const parse of [parseHevcSps, hevcPpsId, hevcVpsId, parseHvcC]) {
        try {
          parse(bytes);
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error));
        }
      }
    }
  });
});

test('2,000 random slices and parameter sets give fields in their ranges, or a FormatError', () => {
  assert.ok(fuzzHevc(13, 2000) > 200);
});
