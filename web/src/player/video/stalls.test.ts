import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stalls } from './stalls.ts';

test('a picture that waits is one stall, and lost after ten seconds', () => {
  const stalls = new Stalls();
  stalls.begins(0);
  stalls.waits(5_000);
  assert.equal(stalls.look(5_200, true), 'fine');
  assert.equal(stalls.look(5_400, true), 'stall');
  assert.equal(stalls.look(6_000, true), 'still', 'reported once');
  assert.equal(stalls.look(15_100, true), 'lost');
  stalls.flows(15_200);
  assert.equal(stalls.look(16_000, true), 'fine');
  assert.equal(stalls.count, 1);
});

test('waiting right after a seek is not a stall', () => {
  const stalls = new Stalls();
  stalls.begins(1_000);
  stalls.waits(1_100);
  assert.equal(stalls.look(2_000, true), 'fine');
  assert.equal(stalls.count, 0);
});

test('a picture that runs dry as soon as it plays is still the same stall', () => {
  const stalls = new Stalls();
  stalls.waits(5_000);
  assert.equal(stalls.look(5_400, true), 'stall');
  stalls.flows(5_500);
  stalls.waits(6_000);
  assert.equal(stalls.look(6_600, true), 'fine');
  stalls.flows(6_700);
  stalls.waits(9_000);
  assert.equal(stalls.look(9_400, true), 'stall', 'seconds later it is another one');
  assert.equal(stalls.count, 2);
});

test('waiting while hidden is not a stall, but may be a loss', () => {
  const stalls = new Stalls();
  stalls.waits(5_000);
  assert.equal(stalls.look(6_000, false), 'fine');
  assert.equal(stalls.look(15_100, false), 'lost');
  assert.equal(stalls.count, 0);
});

test('a stall can be undone once, while it lasts', () => {
  const stalls = new Stalls();
  stalls.waits(5_000);
  stalls.look(5_400, true);
  assert.equal(stalls.undo(), true);
  assert.equal(stalls.undo(), false);
  assert.equal(stalls.count, 0);
  stalls.look(5_700, true);
  stalls.flows(5_800);
  assert.equal(stalls.undo(), false, 'the picture plays: that was a stall');
  assert.equal(stalls.count, 1);
});

test('have a duration, that of one in progress included; waiting that is no stall has none', () => {
  const stalls = new Stalls();
  stalls.waits(10_000);
  stalls.look(10_200, true);
  assert.equal(stalls.stalledMs(10_200), 0);
  stalls.look(10_400, true);
  assert.equal(stalls.stalledMs(11_000), 1000);
  stalls.flows(12_500);
  assert.equal(stalls.stalledMs(20_000), 2500);
});
