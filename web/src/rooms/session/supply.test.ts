import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Supply } from './supply.ts';

/** Looks four times a second for this many seconds. */
function pass(supply: Supply, fromS: number, toS: number, lacks: (atS: number) => boolean): void {
  for (let atS = fromS; atS < toS; atS += 0.25) supply.look(lacks(atS), 1000 * atS);
}

test('a network is slow from 4 s without media in half a minute, until almost none is missed', () => {
  const supply = new Supply();
  pass(supply, 0, 20, (atS) => atS >= 10 && atS < 13);
  assert.equal(supply.isSlow, false, 'one wait of 3 s');
  pass(supply, 20, 30, (atS) => atS < 22);
  assert.equal(supply.isSlow, true, 'and another of 2 s');
  pass(supply, 30, 45, () => false);
  assert.equal(supply.isSlow, true);
  pass(supply, 45, 53, () => false);
  assert.equal(supply.isSlow, false);
});

test('the time in which a page stood still is no wait', () => {
  const supply = new Supply();
  pass(supply, 0, 1, () => true);
  supply.look(true, 60_000);
  assert.equal(supply.isSlow, false);
});

test('after a reset nothing counts', () => {
  const supply = new Supply();
  pass(supply, 0, 10, () => true);
  assert.equal(supply.isSlow, true);
  supply.reset();
  assert.equal(supply.isSlow, false);
});
