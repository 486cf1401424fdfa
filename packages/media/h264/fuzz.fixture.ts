/**
 * Random NAL units for the parsers of H.264.
 * In: a seed. Out: how many slices were read, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { seeded } from '../random.fixture.ts';
import { attempt } from './nal.fixture.ts';
import { h264PpsId, h264PpsSpsId } from './pps.ts';
import { parseH264Slice } from './slice.ts';
import { parseH264Sps } from './sps.ts';

/** Reads `count` random slices and parameter sets: fields in their ranges, or a FormatError. */
export function fuzzH264(seed: number, count: number): number {
  const random = seeded(seed);
  const byte = () => random(256);
  let slices = 0;
  for (let round = 0; round < count; round++) {
    const bytes = Uint8Array.from({ length: 1 + (byte() % 60) }, () => (byte() < 60 ? 0 : byte()));
    const sps = {
      separatePlanes: byte() > 200,
      frameNumBits: 4 + (byte() % 13),
      progressive: byte() > 128,
      orderBits: byte() % 17,
    };
    attempt(() => {
      const slice = parseH264Slice(bytes, 0, bytes.length, (id) => (id < 200 ? sps : undefined));
      if (!slice) return;
      slices++;
      assert.ok(slice.frameNum < 2 ** sps.frameNumBits && (slice.order ?? 0) < 2 ** sps.orderBits);
      assert.ok(!sps.progressive || slice.field === undefined);
    });
    attempt(() => assert.ok(h264PpsId(bytes) <= 255 && h264PpsSpsId(bytes) <= 31));
    bytes[0] = 0x67;
    attempt(() => assert.ok(parseH264Sps(bytes).width > 0));
  }
  return slices;
}
