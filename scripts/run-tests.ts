/**
 * Runs tests with Node's own runner, with or without the measure of coverage.
 * In: globs of test files. Out: the runner's report, the last thing printed; its exit code.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { root } from './source-files.ts';
import { warmEngine } from './warm-engine.ts';

/** Every test and every file of tests ends within this time, or is reported as hanging. */
const LIMIT_MS = 600_000;
/** Files run at once: most wait for live media and use half a core, but one with a browser needs more than a core. */
const AT_ONCE = Math.min(4, availableParallelism() + 1);
const LEAST_LINES_PERCENT = 80;
/** Files of tests of single modules in one process: starting one with the measure of coverage takes longer than most of these tests. */
const TOGETHER = 20;
/** What a file has that needs a process of its own: hooks for all tests, replaced functions, programs, state of the process. */
const ALONE = /^(?:before|after)(?:Each)?\(|\b(?:mock|globalThis|spawn|Worker)\b|\b(?:need|openEngine)\(|\bprocess\./m;

/**
 * Writes files that import those of a complete run: many tests of single modules in one, each other file in one of its own. Node's runner
 * sorts by name, and theirs begin with a number.
 */
function together(patterns: readonly string[], folder: string): string[] {
  const files = globSync(patterns, { cwd: root }).sort();
  const isLight = (path: string) =>
    /^(?:web[\\/])?src[\\/]/.test(path) && !ALONE.test(readFileSync(join(root, path), 'utf8'));
  const light = files.filter(isLight);
  const groups = Array.from({ length: Math.ceil(light.length / TOGETHER) }, (_, group) =>
    light.slice(group * TOGETHER, (group + 1) * TOGETHER),
  );
  return spread([...files.filter((path) => !isLight(path)).map((path) => [path]), ...groups]).map((group, i) => {
    const lines = group.map((path) => `import ${JSON.stringify(pathToFileURL(join(root, path)).href)};\n`);
    const name = group.length === 1 ? group[0]!.replaceAll(/[\\/]/g, '-').replace(/\.ts$/, '') : 'modules.test';
    const path = join(folder, `${String(i).padStart(4, '0')}-${name}.mjs`);
    writeFileSync(path, lines.join(''));
    return path;
  });
}

/**
 * Spreads what is in a folder over the run: what waits for live media then runs beside what computes, and rarely do two files have a
 * browser at the same time. It ends with short files of folders that have many.
 */
function spread(groups: readonly (readonly string[])[]): (readonly string[])[] {
  const folders = Map.groupBy(groups, ([path, ...others]) =>
    others.length > 0 ? 'modules' : /^(?:test.)?\w+/.exec(path!)![0],
  );
  const placed = [...folders.values()].flatMap((all) => all.map((group, i) => ({ group, at: (i + 0.5) / all.length })));
  return placed.sort((a, b) => a.at - b.at).map(({ group }) => group);
}

/** Installs the servers of objects that tests start, which no installation of oxbow needs. */
export async function installEngines(): Promise<void> {
  const folder = join(root, 'test', 'fixtures', 'engines', 'npm');
  if (existsSync(join(folder, 'node_modules'))) return;
  console.log('installing the servers of objects that tests start');
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', args, { cwd: folder, shell: process.platform === 'win32' });
  } catch (error) {
    console.log(`      npm ci failed; the tests of object stores will fail: ${error}`);
  }
}

/**
 * Runs tests in one run of Node's own runner; its report is the last thing printed. Programs that tests start do
 * not count.
 *
 * @param patterns globs of test files
 * @param coverage of a complete run: light files share processes
 * @returns exit code of the runner
 */
export async function runTests({
  patterns,
  coverage,
}: {
  readonly patterns: readonly string[];
  readonly coverage: boolean;
}): Promise<number> {
  const measured = [
    '--experimental-test-coverage',
    `--test-coverage-lines=${LEAST_LINES_PERCENT}`,
    '--test-coverage-include=src/**',
    '--test-coverage-exclude=**/*.test.ts',
    '--test-coverage-exclude=**/*.contract.ts',
    '--test-coverage-exclude=**/*.fixture.ts',
  ];
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${AT_ONCE}`,
    `--test-timeout=${LIMIT_MS}`,
    `--import=${pathToFileURL(join(import.meta.dirname, 'test-children.ts'))}`,
    ...(coverage ? measured : []),
  ];
  await installEngines();
  const cache = mkdtempSync(join(tmpdir(), 'oxbow-compiled-'));
  const files = coverage ? together(patterns, cache) : patterns;
  try {
    // Two folders: what is compiled to be measured is slower. It costs the report a quarter of a percent of the lines, which count as not
    // covered, and saves a third of the time of the tests of single modules.
    const env = {
      ...process.env,
      NODE_COMPILE_CACHE: join(cache, 'tests'),
      TESTS_COMPILE_CACHE: join(cache, 'programs'),
    };
    await warmEngine(env.TESTS_COMPILE_CACHE);
    return spawnSync(process.execPath, [...args, ...files], { cwd: root, stdio: 'inherit', env }).status ?? 1;
  } finally {
    rmSync(cache, { recursive: true, force: true, maxRetries: 5 });
  }
}
