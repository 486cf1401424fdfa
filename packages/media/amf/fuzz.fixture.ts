/**
 * Random AMF values, printed, scrambled and parsed.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { parseAmf0, printAmf0 } from './amf0.ts';
import { printAmf3 } from './amf3.fixture.ts';
import { parseAmf3 } from './amf3.ts';
import { type AmfValue, createAmfObject } from './value.ts';

/** AMF0 survives printing and parsing; scrambled, it is read or is a FormatError. */
export function fuzzAmf0(seed: number, count: number): void {
  fuzz(seed, count, printAmf0, parseAmf0);
}

/** AMF3, in the same way. */
export function fuzzAmf3(seed: number, count: number): void {
  fuzz(seed, count, printAmf3, parseAmf3);
}

function fuzz(
  seed: number,
  count: number,
  print: (values: readonly AmfValue[]) => Uint8Array,
  parse: (bytes: Uint8Array) => AmfValue[],
): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const values = Array.from({ length: random(5) }, () => randomValue(random, 0));
    const printed = print(values);
    assert.deepEqual(parse(printed), values);
    for (let k = 1 + random(4); k > 0 && printed.length > 0; k--) printed[random(printed.length)] = random(256);
    const bytes = printed.subarray(0, random(5) === 0 ? random(printed.length + 1) : printed.length);
    try {
      parse(bytes);
    } catch (error) {
      assert.ok(error instanceof FormatError, `${Buffer.from(bytes).toString('hex')}\n${(error as Error).stack}`);
    }
  }
}

function randomValue(random: (below: number) => number, depth: number): AmfValue {
  switch (random(depth > 3 ? 7 : 9)) {
    case 0:
      return random(2) === 0;
    case 1:
      return null;
    case 2:
      return undefined;
    case 3:
      return random(2 ** 32) - 2 ** 31;
    case 4:
      return random(2 ** 32) / 7;
    case 5:
      return new Date(random(2 ** 32) * 1000);
    case 6:
      return 'aö€'.repeat(random(30));
    case 7:
      return Array.from({ length: random(5) }, () => randomValue(random, depth + 1));
    default: {
      const object = createAmfObject();
      for (let k = random(5); k > 0; k--) object[`name-${random(10)}`] = randomValue(random, depth + 1);
      return object;
    }
  }
}
