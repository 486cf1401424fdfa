/**
 * Runs tests with Node's own runner, with or without the measure of coverage.
 * In: globs of test files. Out: the runner's report, the last thing printed; its exit code.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './source-files.ts';
import { warmEngine } from './warm-engine.ts';

/** Every test and every file of tests ends within this time, or is reported as hanging. */
const LIMIT_MS = 600_000;
/** Files run at once. One with live media and a browser needs more than a core. */
const AT_ONCE = availableParallelism() < 4 ? 2 : 3;
const LEAST_LINES_PERCENT = 80;
/** Files of tests of single modules in one process: starting one with the measure of coverage takes longer than most of these tests. */
const TOGETHER = 20;
/** What a file has that needs a process of its own: hooks for all tests, replaced functions, programs, state of the process. */
const ALONE = /^(?:before|after)(?:Each)?\(|\b(?:mock|globalThis|spawn|Worker)\b|\b(?:need|openEngine)\(|\bprocess\./m;

/** Replaces files of tests of single modules by files in `folder` that import many of them. */
function together(patterns: readonly string[], folder: string): string[] {
  const files = globSync(patterns, { cwd: root }).sort();
  const isLight = (path: string) =>
    /^(?:web[\\/])?src[\\/]/.test(path) && !ALONE.test(readFileSync(join(root, path), 'utf8'));
  const light = files.filter(isLight);
  const groups = Array.from({ length: Math.ceil(light.length / TOGETHER) }, (_, group) => {
    const lines = light
      .slice(group * TOGETHER, (group + 1) * TOGETHER)
      .map((path) => `import ${JSON.stringify(pathToFileURL(join(root, path)).href)};\n`);
    const path = join(folder, `modules-${group}.test.mjs`);
    writeFileSync(path, lines.join(''));
    return path;
  });
  return [...files.filter((path) => !isLight(path)), ...groups];
}

/** Installs the servers of objects that tests start, which no installation of oxbow needs. */
function installEngines(): void {
  const folder = join(root, 'test', 'fixtures', 'engines', 'npm');
  if (existsSync(join(folder, 'node_modules'))) return;
  console.log('installing the servers of objects that tests start');
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const result = spawnSync('npm', args, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' });
  if (result.status !== 0) console.log('      npm ci failed; the tests of object stores will fail');
}

/**
 * Runs tests in one run of Node's own runner; its report is the last thing printed. Programs that tests start do
 * not count.
 *
 * @param patterns globs of test files
 * @param coverage of a complete run: light files share processes
 * @returns exit code of the runner
 */
export function runTests({
  patterns,
  coverage,
}: {
  readonly patterns: readonly string[];
  readonly coverage: boolean;
}): number {
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
  installEngines();
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
    warmEngine(env.TESTS_COMPILE_CACHE);
    return spawnSync(process.execPath, [...args, ...files], { cwd: root, stdio: 'inherit', env }).status ?? 1;
  } finally {
    rmSync(cache, { recursive: true, force: true, maxRetries: 5 });
  }
}
