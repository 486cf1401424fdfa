/**
 * Which files of tests share a process: starting one takes longer than most tests of single modules.
 * In: paths from the root. Out: processes, each with an entry that Node's runner starts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../source-files.ts';
import { type Weight, type Weights, weightOf } from './weights.ts';

/** Files of tests that run in one process, one after the other. */
export interface TestProcess {
  /** Absolute path of what Node's runner starts. */
  readonly entry: string;
  /** Paths from the root. */
  readonly files: readonly string[];
  readonly weight: Weight;
  /** It takes all values of a file that is long in part (test/full.ts). */
  readonly isFull?: boolean;
}

/** Files of tests of single modules in one process, at most. */
const TOGETHER = 40;
/** CPU seconds of a shared process, at most: the last ones to start keep all cores busy. */
const TOGETHER_CPU_S = 20;
/** What a file has that needs a separate process: it measures the process, or sends it signals. */
const ALONE = /\bprocess\.(?:memoryUsage|cpuUsage|emit)\(/;
/** CPU seconds above which a file gains little from a shared process; about one of them is its start. */
const LIGHT_CPU_S = 10;

/** CPU seconds of a process that loads the modules of one file. */
const START_CPU_S = 0.8;

function isLight(file: string, weights: Weights): boolean {
  if (!/^(?:web\/)?src\//.test(file) || ALONE.test(readFileSync(join(root, file), 'utf8'))) return false;
  return weightOf(file, weights).cpuS < LIGHT_CPU_S;
}

/** One process for each file. @param full files that are run in full */
export function separateProcesses(
  files: readonly string[],
  weights: Weights,
  full: ReadonlySet<string> = new Set(),
): TestProcess[] {
  return files.map((file) => ({
    ...{ entry: join(root, file), files: [file], weight: weightOf(file, weights) },
    isFull: full.has(file),
  }));
}

/**
 * One process for each file, and one for each group of light files.
 *
 * @param folder for the files that import the light ones
 */
export function sharedProcesses(
  files: readonly string[],
  weights: Weights,
  { folder, full }: { readonly folder: string; readonly full?: ReadonlySet<string> },
): TestProcess[] {
  const light = files.filter((file) => isLight(file, weights));
  const others = files.filter((file) => !light.includes(file));
  const shared = groupsOf(light, weights).map(({ files: group, weight }, i) => {
    const entry = join(folder, `modules-${String(i).padStart(2, '0')}.test.mjs`);
    writeFileSync(entry, `import { suite } from 'node:test';\n${group.map(suiteOf).join('')}`);
    return { entry, files: group, weight };
  });
  return [...separateProcesses(others, weights, full), ...shared];
}

/** A suite for each file, so that its hooks hold for its tests alone. */
function suiteOf(file: string): string {
  const url = pathToFileURL(join(root, file)).href;
  return `suite(${JSON.stringify(file)}, () => import(${JSON.stringify(url)}));\n`;
}

/** Files that follow each other, until the group is full. */
function groupsOf(files: readonly string[], weights: Weights): Pick<TestProcess, 'files' | 'weight'>[] {
  const groups: { files: string[]; weight: Weight }[] = [];
  for (const file of files) {
    const { wallS, cpuS } = weightOf(file, weights);
    // Most of what a light file costs alone is the start of its process.
    const [wall, cpu] = [Math.max(0.1, wallS - START_CPU_S), Math.max(0.1, cpuS - START_CPU_S)];
    const last = groups.at(-1);
    if (last && last.files.length < TOGETHER && last.weight.cpuS + cpu < TOGETHER_CPU_S) {
      last.files.push(file);
      last.weight = { wallS: last.weight.wallS + wall, cpuS: last.weight.cpuS + cpu };
    } else groups.push({ files: [file], weight: { wallS: START_CPU_S + wall, cpuS: START_CPU_S + cpu } });
  }
  return groups;
}
