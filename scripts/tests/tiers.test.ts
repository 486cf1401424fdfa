import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { secondTier } from '../../test/tiers.ts';
import { allTests, checkTiers, eighthOf, firstTier } from './tiers.ts';

suite('the tiers of the tests', () => {
  test('have every file in one of them, and in both only what is long in part', () => {
    const second = Object.keys(secondTier);
    assert.deepEqual([...new Set([...firstTier(), ...second])].sort(), allTests());
    const inBoth = firstTier().filter((file) => second.includes(file));
    assert.deepEqual(
      inBoth,
      second.filter((file) => secondTier[file]!.isPartly),
    );
    assert.deepEqual(checkTiers(), []);
  });

  const files = Object.keys(secondTier);

  test('give each file of the second tier its turn once in eight commits', () => {
    for (const from of [0, 3, 1205]) {
      const turns = Array.from({ length: 8 }, (_, i) => eighthOf(from + i, new Map())).flat();
      assert.deepEqual(turns.sort(), files.toSorted());
    }
  });

  test('have eighths of the same CPU time, also where few files have most of it', () => {
    const weights = new Map(files.map((name, i) => [name, { wallS: 1, cpuS: i < 8 ? 300 - 30 * i : 1 + (i % 20) }]));
    const seconds = Array.from({ length: 8 }, (_, i) =>
      eighthOf(i, weights).reduce((sum, name) => sum + weights.get(name)!.cpuS, 0),
    );
    assert.ok(Math.max(...seconds) - Math.min(...seconds) <= 20, seconds.join());
  });
});
