/**
 * Runs tests with Node's own runner, with or without the measure of coverage.
 * In: globs of test files. Out: the runner's report, the last thing printed; its exit code.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

/**
 * Runs tests in one run of Node's own runner; its report is the last thing printed. Programs that tests start do
 * not count.
 *
 * @param patterns globs of test files
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
    ...patterns,
  ];
  const cache = mkdtempSync(join(tmpdir(), 'oxbow-compiled-'));
  try {
    // Two folders: what is compiled to be measured is slower. It costs the report a quarter of a percent of the lines, which count as not
    // covered, and saves a third of the time of the tests of single modules.
    const env = {
      ...process.env,
      NODE_COMPILE_CACHE: join(cache, 'tests'),
      TESTS_COMPILE_CACHE: join(cache, 'programs'),
    };
    warmEngine(env.TESTS_COMPILE_CACHE);
    return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env }).status ?? 1;
  } finally {
    rmSync(cache, { recursive: true, force: true, maxRetries: 5 });
  }
}
