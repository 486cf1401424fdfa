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
}

/** Files of tests of single modules in one process. */
const TOGETHER = 20;
/** What a file has that needs a separate process: hooks for all tests, replaced functions, programs, state of the process. */
const ALONE =
  /^(?:before|after)(?:Each)?\(|\b(?:mock|globalThis|spawn|Worker|openVirtualTime)\b|\b(?:need|openEngine)\(|\bprocess\./m;
/** CPU seconds above which a file gains nothing from a shared process; about one of them is its start. */
const LIGHT_CPU_S = 3;

/** CPU seconds of a process that loads the modules of one file. */
const START_CPU_S = 0.8;

function isLight(file: string, weights: Weights): boolean {
  if (!/^(?:web\/)?src\//.test(file) || ALONE.test(readFileSync(join(root, file), 'utf8'))) return false;
  return weightOf(file, weights).cpuS < LIGHT_CPU_S;
}

/** One process for each file. */
export function separateProcesses(files: readonly string[], weights: Weights): TestProcess[] {
  return files.map((file) => ({ entry: join(root, file), files: [file], weight: weightOf(file, weights) }));
}

/**
 * One process for each file, and one for twenty light files.
 *
 * @param folder for the files that import the light ones
 */
export function sharedProcesses(files: readonly string[], weights: Weights, folder: string): TestProcess[] {
  const light = files.filter((file) => isLight(file, weights));
  const groups = Array.from({ length: Math.ceil(light.length / TOGETHER) }, (_, group) =>
    light.slice(group * TOGETHER, (group + 1) * TOGETHER),
  );
  const shared = groups.map((group, i) => {
    const entry = join(folder, `modules-${String(i).padStart(2, '0')}.test.mjs`);
    const imports = group.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};\n`);
    writeFileSync(entry, imports.join(''));
    // Most of what a light file costs alone is the start of its process.
    const cpuS = group.reduce((total, file) => total + Math.max(0.1, weightOf(file, weights).cpuS - START_CPU_S), 1);
    return { entry, files: group, weight: { wallS: cpuS, cpuS } };
  });
  const others = files.filter((file) => !light.includes(file));
  return [...separateProcesses(others, weights), ...shared];
}
