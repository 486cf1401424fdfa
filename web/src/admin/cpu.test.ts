import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuPercent } from './cpu.ts';

test('CPU time between two readings is a share of a core; a restart and the first reading have none', () => {
  const before = { atMs: 10_000, seconds: 4 };
  assert.equal(cpuPercent(null, before), null);
  assert.equal(cpuPercent(before, { atMs: 15_000, seconds: 5 }), 20);
  assert.equal(cpuPercent(before, { atMs: 15_000, seconds: 11.5 }), 150, 'more than one core');
  assert.equal(cpuPercent(before, { atMs: 15_000, seconds: 0.4 }), null, 'another process');
  assert.equal(cpuPercent(before, before), null);
});
