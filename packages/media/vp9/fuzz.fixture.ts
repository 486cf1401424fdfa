/**
 * Random records of VP9.
 * In: a seed. Out: how many were read, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { vp9Codecs, vp9Features } from './vpcc.ts';

/** Reads `count` random records: a codec string and the features of Matroska, or a FormatError. */
export function fuzzVpcC(seed: number, count: number): number {
  const random = seeded(seed);
  let read = 0;
  for (let round = 0; round < count; round++) {
    const record = Uint8Array.from({ length: random(14) }, () => random(256));
    if (random(4) > 0)
      record.set(
        [1, 0, 0, 0, random(5), random(70), [0x80, 0xa0, 0xc0][random(3)]! | random(16)].slice(0, record.length),
      );
    try {
      assert.match(vp9Codecs(record, random(65_536), random(65_536)), /^vp09\.0[0-3]\.\d{2,3}\.(08|10|12)$/);
      assert.equal(vp9Features(record).length, 12);
      read++;
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
    }
  }
  return read;
}
