/**
 * What each file of tests costs: seconds of wall time and of CPU, its programs included, the start of its process and the programs that
 * all files share not. In: test/weights.json, which a run with `--record` writes. Out: the cost of any file; a new one costs the median
 * of its folder.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../source-files.ts';
import type { ProcessResult } from './run-process.ts';

/** Cost of a file, seconds. */
export interface Weight {
  readonly wallS: number;
  readonly cpuS: number;
}

/** By path from the root, with `/` between folders, and FULL behind it for what a file that is long in part costs in full. */
export type Weights = ReadonlyMap<string, Weight>;

/** Cost of a process that loads the modules of one file. */
export const START: Weight = { wallS: 0.8, cpuS: 0.8 };

const FULL = ' in full';
const PATH = join(root, 'test', 'weights.json');
/** Of a file in a folder of which nothing is known. */
const UNKNOWN: Weight = { wallS: 5, cpuS: 2 };

/** Reads the recorded weights; none if there is no record. */
export function readWeights(path = PATH): Weights {
  if (!existsSync(path)) return new Map();
  const table = JSON.parse(readFileSync(path, 'utf8')) as Record<string, readonly [number, number]>;
  return new Map(Object.entries(table).map(([file, [wallS, cpuS]]) => [file, { wallS, cpuS }]));
}

/** Writes the weights in order of their paths, a file a line, so that a change of one is a change of one line. */
export function writeWeights(weights: Weights, path = PATH): void {
  const rounded = (seconds: number) => Math.max(0.1, Math.round(seconds * 10) / 10);
  const lines = [...weights]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, { wallS, cpuS }]) => `  ${JSON.stringify(file)}: [${rounded(wallS)}, ${rounded(cpuS)}]`);
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`);
}

/** What files cost in a run, each by its name in the record. The CPU time of a shared process is split by how long each file took. */
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

/** The weight of a file: the recorded one, otherwise the median of its folder. @param isFull with all values of a file that is long in part */
export function weightOf(file: string, weights: Weights, isFull = false): Weight {
  const recorded = weights.get(nameOf(file, isFull)) ?? weights.get(file);
  if (recorded) return recorded;
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  const beside = [...weights].filter(([path]) => path.slice(0, path.lastIndexOf('/') + 1) === folder);
  if (beside.length === 0) return UNKNOWN;
  const middle = (of: keyof Weight) =>
    beside.map(([, weight]) => weight[of]).sort((a, b) => a - b)[beside.length >> 1]!;
  return { wallS: middle('wallS'), cpuS: middle('cpuS') };
}

function nameOf(file: string, isFull = false): string {
  return isFull ? `${file}${FULL}` : file;
}
