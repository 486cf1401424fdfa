/**
 * Which files of tests a command runs.
 * In: the table of the second tier, the number of the commit. Out: paths from the root.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { secondTier } from '../../test/tiers.ts';
import { root } from '../source-files.ts';
import { type Weights, weightOf } from './weights.ts';

/** Runs in which every file of the second tier has its turn in CI. */
const EIGHTHS = 8;

/** Files of tests that match globs, sorted. */
export function listTests(patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: root })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}

/** Every file of tests. */
export function allTests(): string[] {
  return listTests(['packages', 'src', 'web/src', 'scripts', 'test'].map((folder) => `${folder}/**/*.test.ts`));
}

/** Files of the first tier. */
export function firstTier(): string[] {
  return allTests().filter((file) => secondTier[file]?.isPartly ?? true);
}

/**
 * One eighth of the second tier: each file in one of eight commits that follow each other. Each eighth has
 * about the same CPU time, which is what a run takes.
 *
 * @param number of the commit, counted from the first one
 */
export function eighthOf(number: number, weights: Weights): string[] {
  const cpuS = (file: string) => weightOf(file, weights, true).cpuS;
  const eighths = Array.from({ length: EIGHTHS }, () => ({ files: [] as string[], cpuS: 0 }));
  const dearestFirst = Object.keys(secondTier)
    .sort()
    .sort((a, b) => cpuS(b) - cpuS(a));
  for (const file of dearestFirst) {
    const least = eighths.reduce((a, b) => (b.cpuS < a.cpuS ? b : a));
    least.files.push(file);
    least.cpuS += cpuS(file);
  }
  return eighths[number % EIGHTHS]!.files;
}

/** Number of the commit that is checked out; 0 where git does not know. */
export function commitNumber(): number {
  try {
    return Number(execFileSync('git', ['rev-list', '--count', 'HEAD'], { cwd: root, encoding: 'utf8' }));
  } catch {
    return 0;
  }
}

/** Whether a file has values for each tier. */
function readsTier(file: string): boolean {
  return /from '[./]*\/full\.ts'/.test(readFileSync(join(root, file), 'utf8'));
}

/** Problems of the table, and files whose further values no run of CI would take. */
export function checkTiers(): readonly string[] {
  const missing = allTests()
    .filter((file) => !(file in secondTier) && readsTier(file))
    .map((file) => `test/tiers.ts: ${file} imports test/full.ts and is missing`);
  const wrong = Object.entries(secondTier).flatMap(([file, { why, short, isPartly }]) => {
    const problems = [
      ...(existsSync(join(root, file)) ? [] : ['does not exist']),
      ...(/^(?:packages|src|web\/src)\//.test(file) ? ['is beside its code, which is always in the first tier'] : []),
      ...(why.length < 10 ? ['has no reason'] : []),
      ...(existsSync(join(root, file)) && isPartly !== readsTier(file)
        ? [`is ${isPartly ? '' : 'not '}long in part, and does ${isPartly ? 'not ' : ''}import test/full.ts`]
        : []),
      ...(short !== undefined && !existsSync(join(root, short)) ? [`names ${short}, which does not exist`] : []),
      ...(short !== undefined && secondTier[short]?.isPartly === false
        ? [`names ${short}, which is in the second tier`]
        : []),
    ];
    return problems.map((problem) => `test/tiers.ts: ${file} ${problem}`);
  });
  return [...missing, ...wrong];
}
