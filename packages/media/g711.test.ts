import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodeG711 } from './g711.ts';

/** Samples of 16 bits. */
const samples = (law: 'pcmu' | 'pcma', ...codes: number[]) =>
  Array.from(decodeG711(law, Uint8Array.from(codes), 1)[0]!, (sample) => sample * 32_768);

suite('G.711', () => {
  test('µ-law has the values of ITU-T G.711, table 2', () => {
    assert.deepEqual(samples('pcmu', 0xff, 0x7f, 0x80, 0x00, 0xfe, 0xf0, 0xef), [0, -0, 32_124, -32_124, 8, 120, 132]);
  });

  test('A-law has the values of ITU-T G.711, table 1', () => {
    assert.deepEqual(samples('pcma', 0xd5, 0x55, 0xaa, 0x2a, 0xd4, 0xc5), [8, -8, 32_256, -32_256, 24, 264]);
  });

  test('both rise with every step, and are symmetric', () => {
    for (const [law, first] of [
      ['pcmu', 0xff],
      ['pcma', 0xd5],
    ] as const) {
      const codes = Array.from({ length: 128 }, (_, i) => (law === 'pcmu' ? first - i : (i | 0x80) ^ 0x55));
      const positive = samples(law, ...codes);
      for (let i = 1; i < 128; i++) assert.ok(positive[i]! > positive[i - 1]!, `${law} ${i}`);
      const negative = samples(law, ...codes.map((code) => code ^ 0x80));
      assert.deepEqual(
        negative.map((sample) => -sample),
        positive,
      );
    }
  });

  test('channels are taken apart', () => {
    const [left, right] = decodeG711('pcmu', Uint8Array.of(0x80, 0x00, 0x80, 0x00, 0x80), 2);
    assert.deepEqual([left!.length, right!.length], [2, 2]);
    assert.ok(left![0]! > 0.9 && right![0]! < -0.9);
  });
});
