import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from './random.fixture.ts';

test('the same seed gives the same numbers, another seed others, all below the bound', () => {
  const ten = (seed: number) => Array.from({ length: 10 }, seeded(seed).bind(undefined, 1000));
  assert.deepEqual(ten(1), ten(1));
  assert.notDeepEqual(ten(1), ten(2));
  const random = seeded(3);
  const seen = new Set(Array.from({ length: 200 }, () => random(6)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5]);
  assert.ok(random(2 ** 32) < 2 ** 32);
});
