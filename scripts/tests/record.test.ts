import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { weightsOfFiles } from './record.ts';
import type { ProcessResult } from './run-process.ts';
import { START } from './weights.ts';

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
