/**
 * Scrambled ID3 tags.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { printId3 } from './tag.fixture.ts';
import { boundId3, parseId3 } from './tag.ts';

/** Every tag is read, or is a FormatError; what is cut to a bound is a tag again. */
export function fuzzId3(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const frames = Array.from({ length: random(5) }, () => ['TXXX', 'x'.repeat(random(200))] as const);
    const tag = printId3(frames);
    for (let k = random(4); k > 0; k--) tag[random(Math.min(tag.length, 40))] = random(256);
    const bytes = tag.subarray(0, random(5) === 0 ? random(tag.length) : tag.length);
    try {
      parseId3(bytes);
      const bound = random(300);
      const cut = boundId3(bytes, bound);
      if (cut) {
        assert.ok(cut.length <= bound);
        assert.equal(parseId3(cut).length, cut.length);
      }
    } catch (error) {
      assert.ok(error instanceof FormatError, `${Buffer.from(bytes).toString('hex')}\n${(error as Error).stack}`);
    }
  }
}
