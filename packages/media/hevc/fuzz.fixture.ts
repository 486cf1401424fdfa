/**
 * Random NAL units for the parsers of HEVC.
 * In: a seed. Out: how many slices were read, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { attempt } from '../h264/nal.fixture.ts';
import { seeded } from '../random.fixture.ts';
import { parseHevcSlice, parseHevcSlicePps } from './slice.ts';
import { parseHevcSps } from './sps.ts';

/** Reads `count` random slices and parameter sets: fields in their ranges, or a FormatError. */
export function fuzzHevc(seed: number, count: number): number {
  const random = seeded(seed);
  const byte = () => random(256);
  let slices = 0;
  for (let round = 0; round < count; round++) {
    const bytes = Uint8Array.from({ length: 2 + (byte() % 80) }, () => (byte() < 60 ? 0 : byte()));
    const sps = { separatePlanes: byte() > 200, orderBits: 4 + (byte() % 13) };
    const pps = { id: 0, spsId: 0, outputFlagPresent: byte() > 128, extraBits: byte() % 8 };
    attempt(() => {
      const slice = parseHevcSlice(bytes, 0, bytes.length, (id) => (id < 50 ? { pps, sps } : undefined));
      if (!slice) return;
      slices++;
      assert.ok(slice.order < 2 ** sps.orderBits);
    });
    attempt(() => assert.ok(parseHevcSlicePps(bytes).id <= 63));
    bytes[0] = 0x42;
    attempt(() => assert.ok(parseHevcSps(bytes).width > 0));
  }
  return slices;
}
