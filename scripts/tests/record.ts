/**
 * Records the cost of files of tests in a run.
 * In: results of processes. Out: test/weights.json.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../source-files.ts';
import type { ProcessResult } from './run-process.ts';
import { nameOf, START, type Weight, type Weights, writeWeights } from './weights.ts';

/** Writes the costs of a run; those of other files are kept, as long as they exist. */
export function recordWeights(before: Weights, results: readonly ProcessResult[]): void {
  const kept = [...before].filter(([name]) => existsSync(join(root, name.split(' ')[0]!)));
  writeWeights(new Map([...kept, ...results.flatMap(weightsOfFiles)]));
}

/**
 * The cost of files in a run, each by its name in the record. The CPU time of a shared process is split by
 * how long each file took.
 */
export function weightsOfFiles({ process: { files, isFull }, events, weight }: ProcessResult): [string, Weight][] {
  const cpuS = Math.max(0, weight.cpuS - START.cpuS);
  const [first] = files;
  if (files.length === 1) return [[nameOf(first!, isFull), { wallS: Math.max(0, weight.wallS - START.wallS), cpuS }]];
  const suites = events.filter(({ data }) => data.nesting === 0 && data.details?.type === 'suite');
  const wallS = new Map(suites.map(({ data }) => [data.name!, (data.details!.duration_ms ?? 0) / 1000]));
  const allS = files.reduce((sum, file) => sum + (wallS.get(file) ?? 0), 0);
  return files.map((file) => {
    const ownS = wallS.get(file) ?? 0;
    return [nameOf(file, isFull), { wallS: ownS, cpuS: allS > 0 ? (cpuS * ownS) / allS : 0 }];
  });
}
