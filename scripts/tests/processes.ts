/**
 * Which files of tests share a process: starting one takes longer than most tests of modules.
 * In: paths from the root. Out: processes, each with an entry that Node's runner starts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../source-files.ts';
import type { NetworkUse } from './schedule.ts';
import { START, type Weight, type Weights, weightOf } from './weights.ts';

/** Files of tests that run in one process, one after the other. */
export interface TestProcess {
  /** Absolute path of the file that Node's runner starts. */
  readonly entry: string;
  /** Paths from the root. */
  readonly files: readonly string[];
  readonly weight: Weight;
  readonly network?: NetworkUse | undefined;
  /** It takes all values of a file that is long in part (test/full.ts). */
  readonly isFull?: boolean;
}

/**
 * How much one process has, at most: the last ones to start keep all cores busy, and a long one holds them
 * up.
 */
interface Bound {
  readonly files: number;
  readonly wallS: number;
  readonly cpuS: number;
}

/** Folders whose files share processes. Those of the sources share them with each other. */
const SHARED: Readonly<Record<string, Bound>> = {
  packages: { files: 40, wallS: 60, cpuS: 20 },
  src: { files: 40, wallS: 60, cpuS: 20 },
  'web/src': { files: 40, wallS: 60, cpuS: 20 },
  'test/browser': { files: 6, wallS: 60, cpuS: 60 },
  'test/checks': { files: 40, wallS: 60, cpuS: 20 },
  'test/e2e': { files: 6, wallS: 60, cpuS: 60 },
  'test/faults': { files: 6, wallS: 60, cpuS: 60 },
  'test/threads': { files: 6, wallS: 60, cpuS: 60 },
};
/** Code that needs a separate process: it measures the process, or sends it signals. */
const ALONE = /\bprocess\.(?:memoryUsage|cpuUsage|emit)\(/;
/** Imports of what makes network interfaces on this computer. */
const CHANGES_NETWORK = /\/(?:podman|regions)\.ts'/;
/**
 * Code that opens a browser, or runs other files of tests, which may; a file that only names one waits for
 * nothing that is often there.
 */
const BROWSES = /\b(?:chromium|firefox|playwright)\b|\/mutations\.ts'/i;
/** Part of the bound above which a file gains little from a shared process. */
const LIGHT = 0.5;

function folderOf(file: string): string | undefined {
  return Object.keys(SHARED).find((folder) => file.startsWith(`${folder}/`));
}

function networkOf(file: string): NetworkUse | undefined {
  const text = readFileSync(join(root, file), 'utf8');
  if (CHANGES_NETWORK.test(text)) return 'changes';
  return BROWSES.test(text) ? 'browses' : undefined;
}

function isLight(file: string, weights: Weights): boolean {
  const folder = folderOf(file);
  if (folder === undefined || ALONE.test(readFileSync(join(root, file), 'utf8'))) return false;
  const { wallS, cpuS } = weightOf(file, weights);
  return wallS < LIGHT * SHARED[folder]!.wallS && cpuS < LIGHT * SHARED[folder]!.cpuS;
}

/** One process for each file. @param full files that are run in full */
export function separateProcesses(
  files: readonly string[],
  weights: Weights,
  full: ReadonlySet<string> = new Set(),
): TestProcess[] {
  return files.map((file) => ({
    entry: join(root, file),
    files: [file],
    weight: sumOf(START, weightOf(file, weights, full.has(file))),
    network: networkOf(file),
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
  { folder, full = new Set() }: { readonly folder: string; readonly full?: ReadonlySet<string> },
): TestProcess[] {
  const light = files.filter((file) => !full.has(file) && isLight(file, weights));
  const others = files.filter((file) => !light.includes(file));
  const shared = [...Map.groupBy(light, folderOf)].flatMap(([of, group]) => groupsOf(group, weights, SHARED[of!]!));
  return [
    ...separateProcesses(others, weights, full),
    ...shared.map(({ files: group, weight }, i) => {
      const entry = join(folder, `files-${String(i).padStart(2, '0')}.test.mjs`);
      writeFileSync(entry, `import { suite } from 'node:test';\n${group.map(suiteOf).join('')}`);
      return { entry, files: group, weight, network: group.map(networkOf).find(Boolean) };
    }),
  ];
}

/** A suite for each file, so that its hooks hold for its tests only. */
function suiteOf(file: string): string {
  const url = pathToFileURL(join(root, file)).href;
  return `suite(${JSON.stringify(file)}, () => import(${JSON.stringify(url)}));\n`;
}

/** Files that follow each other, until the group is full. */
function groupsOf(files: readonly string[], weights: Weights, most: Bound): Pick<TestProcess, 'files' | 'weight'>[] {
  const groups: { files: string[]; weight: Weight }[] = [];
  for (const file of files) {
    const weight = weightOf(file, weights);
    const last = groups.at(-1);
    const together = sumOf(last?.weight ?? START, weight);
    if (last && last.files.length < most.files && together.wallS < most.wallS && together.cpuS < most.cpuS) {
      last.files.push(file);
      last.weight = together;
    } else groups.push({ files: [file], weight: sumOf(START, weight) });
  }
  return groups;
}

function sumOf(a: Weight, b: Weight): Weight {
  return { wallS: a.wallS + b.wallS, cpuS: a.cpuS + b.cpuS };
}
