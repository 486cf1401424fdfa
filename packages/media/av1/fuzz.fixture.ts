/**
 * Random records and temporal units of AV1.
 * In: a seed. Out: how many records were read, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { av1Codecs, withoutTemporalDelimiter } from './av1c.ts';

/**
 * Reads `count` random records and units: a codec string or a FormatError; the end of the unit, and at most a
 * delimiter less.
 */
export function fuzzAv1(seed: number, count: number): number {
  const random = seeded(seed);
  let read = 0;
  for (let round = 0; round < count; round++) {
    const record = Uint8Array.from({ length: random(20) }, () => random(256));
    if (random(4) > 0) record.fill(0x81, 0, 1);
    try {
      assert.match(av1Codecs(record), /^av01\.[0-7]\.\d\d[MH]\.(08|10|12)$/);
      read++;
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
    }
    const unit = Uint8Array.from({ length: random(9) }, () =>
      random(3) > 0 ? [0x12, 0x16, 0][random(3)]! : random(256),
    );
    const rest = withoutTemporalDelimiter(unit);
    assert.ok(unit.length - rest.length <= 3);
    assert.deepEqual(rest, unit.subarray(unit.length - rest.length));
  }
  return read;
}
