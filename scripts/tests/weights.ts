/**
 * The cost of each file of tests: seconds of wall time and of CPU, its programs included, the start of its
 * process and the programs that all files share not. In: test/weights.json, which a run with `--record`
 * writes. Out: the cost of any file; a new one costs the median of its folder.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../source-files.ts';

/** Cost of a file, seconds. */
export interface Weight {
  readonly wallS: number;
  readonly cpuS: number;
}

/**
 * By path from the root, with `/` between folders, and FULL after it for what a file that is long in part
 * costs in full.
 */
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

/**
 * Writes the weights in order of their paths, a file a line, so that a change of one is a change of one line.
 */
export function writeWeights(weights: Weights, path = PATH): void {
  const rounded = (seconds: number) => Math.max(0.1, Math.round(seconds * 10) / 10);
  const lines = [...weights]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, { wallS, cpuS }]) => `  ${JSON.stringify(file)}: [${rounded(wallS)}, ${rounded(cpuS)}]`);
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`);
}

/**
 * The weight of a file: the recorded one, otherwise the median of its folder.
 * @param isFull with all values of a file that is long in part
 */
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

/** The name of a file in the record. */
export function nameOf(file: string, isFull = false): string {
  return isFull ? `${file}${FULL}` : file;
}
