import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAtSupply, newSupply, type Supply, withoutWaits } from './supply.ts';

/** Looks four times a second for this many seconds. */
function pass(before: Supply, fromS: number, toS: number, lacks: (atS: number) => boolean): Supply {
  let supply = before;
  for (let atS = fromS; atS < toS; atS += 0.25) supply = lookAtSupply(supply, lacks(atS), 1000 * atS).supply;
  return supply;
}

test('a network is slow from 4 s without media in half a minute, until almost none is missed', () => {
  let supply = pass(newSupply, 0, 20, (atS) => atS >= 10 && atS < 13);
  assert.equal(supply.isSlow, false, 'one wait of 3 s');
  supply = pass(supply, 20, 30, (atS) => atS < 22);
  assert.equal(supply.isSlow, true, 'and another of 2 s');
  supply = pass(supply, 30, 45, () => false);
  assert.equal(supply.isSlow, true);
  supply = pass(supply, 45, 53, () => false);
  assert.equal(supply.isSlow, false);
});

test('the time in which a page stood still is no wait', () => {
  const supply = pass(newSupply, 0, 1, () => true);
  assert.equal(lookAtSupply(supply, true, 60_000).supply.isSlow, false);
});

test('after a reset nothing counts', () => {
  const supply = pass(newSupply, 0, 10, () => true);
  assert.equal(supply.isSlow, true);
  assert.equal(withoutWaits(supply).isSlow, false);
});
