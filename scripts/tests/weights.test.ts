import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ProcessResult } from './run-process.ts';
import { readWeights, START, weightOf, weightsOfFiles, writeWeights } from './weights.ts';

const weights = new Map([
  ['test/e2e/b.test.ts', { wallS: 20.04, cpuS: 8 }],
  ['test/e2e/a.test.ts', { wallS: 10, cpuS: 4 }],
  ['test/e2e/c.test.ts', { wallS: 90, cpuS: 2 }],
  ['test/e2e/deep/d.test.ts', { wallS: 500, cpuS: 500 }],
]);

test('a new file costs the median of its own folder', () => {
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

suite('the weights of a run', () => {
  const suiteOf = (name: string, seconds: number) => ({
    type: 'test:pass',
    data: { name, nesting: 0, details: { type: 'suite', duration_ms: seconds * 1000 } },
  });
  const ran = (files: string[], cpuS: number, events: unknown[], isFull = false) =>
    weightsOfFiles({
      process: { files, isFull },
      events,
      weight: { wallS: 50, cpuS: START.cpuS + cpuS },
    } as unknown as ProcessResult);

  test('are without the start of the process', () => {
    const [[name, weight]] = ran(['a.test.ts'], 7, [], true) as [[string, { wallS: number; cpuS: number }]];
    assert.equal(name, 'a.test.ts in full');
    assert.deepEqual([Math.round(weight.wallS * 10), Math.round(weight.cpuS)], [492, 7]);
  });

  test('split the CPU time of a shared process by how long each file took, suites inside of files aside', () => {
    const inner = {
      type: 'test:pass',
      data: { name: 'a.test.ts', nesting: 1, details: { type: 'suite', duration_ms: 9e9 } },
    };
    const got = ran(['a.test.ts', 'b.test.ts'], 8, [suiteOf('a.test.ts', 3), inner, suiteOf('b.test.ts', 1)]);
    assert.deepEqual(
      got.map(([name, { wallS, cpuS }]) => [name, wallS, Math.round(cpuS)]),
      [
        ['a.test.ts', 3, 6],
        ['b.test.ts', 1, 2],
      ],
    );
  });
});
