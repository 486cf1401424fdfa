import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readWeights, weightOf, writeWeights } from './weights.ts';

const weights = new Map([
  ['test/e2e/b.test.ts', { wallS: 20.04, cpuS: 8 }],
  ['test/e2e/a.test.ts', { wallS: 10, cpuS: 4 }],
  ['test/e2e/c.test.ts', { wallS: 90, cpuS: 2 }],
  ['test/e2e/deep/d.test.ts', { wallS: 500, cpuS: 500 }],
]);

test('a new file costs the median of its folder', () => {
  assert.deepEqual(weightOf('test/e2e/new.test.ts', weights), { wallS: 20.04, cpuS: 4 });
  assert.deepEqual(weightOf('test/e2e/a.test.ts', weights), { wallS: 10, cpuS: 4 });
  assert.ok(weightOf('elsewhere/new.test.ts', weights).wallS > 0);
});

test('recorded weights have a file a line, in order, and come back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-weights-'));
  const path = join(folder, 'weights.json');
  writeWeights(weights, path);
  assert.deepEqual(readFileSync(path, 'utf8').split('\n').slice(1, 3), [
    '  "test/e2e/a.test.ts": [10, 4],',
    '  "test/e2e/b.test.ts": [20, 8],',
  ]);
  assert.equal(readWeights(path).size, weights.size);
  rmSync(folder, { recursive: true });
  assert.equal(readWeights(path).size, 0);
});

test('a file that is long in part has a second weight, in full', () => {
  const both = new Map([...weights, ['test/e2e/a.test.ts in full', { wallS: 60, cpuS: 30 }]]);
  assert.deepEqual(weightOf('test/e2e/a.test.ts', both, true), { wallS: 60, cpuS: 30 });
  assert.deepEqual(weightOf('test/e2e/a.test.ts', both), { wallS: 10, cpuS: 4 });
  assert.deepEqual(weightOf('test/e2e/c.test.ts', both, true), { wallS: 90, cpuS: 2 }, 'recorded in short only');
});
