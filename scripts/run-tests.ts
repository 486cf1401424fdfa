/**
 * Runs files of tests, as many at once as the cores can take, and the files that failed once more, alone.
 * In: paths of files. Out: the report, last of all; whether the run is good.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openServices } from '../test/fixtures/services/services.ts';
import { root } from './source-files.ts';
import { IdleWatch } from './tests/idle-watch.ts';
import { separateProcesses, sharedProcesses, type TestProcess } from './tests/processes.ts';
import { recordWeights } from './tests/record.ts';
import { isGood, RunReport, type RunResult } from './tests/report.ts';
import { type ProcessOptions, type ProcessResult, runProcess } from './tests/run-process.ts';
import { nextOf } from './tests/schedule.ts';
import { giveSecondTries } from './tests/second-try.ts';
import { readWeights } from './tests/weights.ts';
import { warmEngine } from './warm-engine.ts';

/** The machine is looked at this often; the start of a process takes about as long. */
const LOOK_EVERY_MS = 1000;
/** Idle part of all cores below which nothing starts. */
const LEAST_IDLE = 0.15;
/** A process and its programs are busy by then, so that idle cores are free. */
const BUSY_AFTER_MS = 3000;

/** Further options of a run. */
interface RunOptions {
  /** Light files share processes: for a complete run. */
  readonly shared?: boolean;
  /** Writes the cost of each file to test/weights.json, if the run is good. */
  readonly record?: boolean;
  /** Files that are run in full, if they are long in part. */
  readonly full?: readonly string[];
}

/** Shared by all files of a run; disposing it ends the programs. */
interface TestEnvironment extends AsyncDisposable {
  /** Temporary. */
  readonly folder: string;
  /** Variables: where Node keeps compiled code. */
  readonly compiled: Readonly<Record<string, string>>;
  /** Variables: where shared programs are. */
  readonly services: Readonly<Record<string, string>>;
}

/** Opens the environment of a run. */
export async function openEnvironment(): Promise<TestEnvironment> {
  await installEngines();
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-compiled-'));
  const programs = join(folder, 'programs');
  await warmEngine(programs);
  const services = await openServices();
  return {
    folder,
    compiled: { NODE_COMPILE_CACHE: join(folder, 'tests'), TESTS_COMPILE_CACHE: programs },
    services: services.env,
    async [Symbol.asyncDispose]() {
      await services[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Installs the servers of objects that tests start, which no installation of oxbow needs. */
export async function installEngines(): Promise<void> {
  const folder = join(root, 'test', 'fixtures', 'engines', 'npm');
  if (['s3rver', '@duckdb/node-api'].every((name) => existsSync(join(folder, 'node_modules', name)))) return;
  console.log('installing the servers of objects that tests start');
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', args, { cwd: folder, shell: process.platform === 'win32' });
  } catch (error) {
    console.log(`      npm ci failed; the tests of object stores will fail: ${error}`);
  }
}

/**
 * Runs tests; the report is the last thing printed.
 *
 * @param files paths from the root, with `/` between folders
 * @returns the result; `isGood` of the report judges it
 */
export async function runTests(
  files: readonly string[],
  { shared = false, record = false, full = [] }: RunOptions = {},
): Promise<RunResult> {
  await using environment = await openEnvironment();
  const weights = readWeights();
  const options: ProcessOptions = { env: { ...environment.compiled, ...environment.services } };
  const inFull = new Set(full);
  const processes = shared
    ? sharedProcesses(files, weights, { folder: environment.folder, full: inFull })
    : separateProcesses(files, weights, inFull);
  const report = new RunReport();
  const results = await runAll(processes, options, report);
  const result = await giveSecondTries(results, options, report);
  await report.end(result);
  if (record && isGood(result)) recordWeights(weights, results);
  return result;
}

/**
 * Runs all processes, as many at once as the cores can take by their weights, and as they really have left.
 */
async function runAll(
  processes: readonly TestProcess[],
  options: ProcessOptions,
  report: RunReport,
): Promise<ProcessResult[]> {
  const cores = availableParallelism();
  const idle = new IdleWatch();
  const waiting = new Set(processes);
  const running = new Map<TestProcess, Promise<void>>();
  const results: ProcessResult[] = [];
  const start = (each: TestProcess): void => {
    waiting.delete(each);
    const ended = runProcess(each, options).then((result) => {
      results.push(result);
      report.add(result);
      running.delete(each);
    });
    running.set(each, ended);
  };
  let mayStart = true;
  let idleCores = 0;
  let startedMs = 0;
  let lookedMs = performance.now();
  while (waiting.size > 0 || running.size > 0) {
    const next = mayStart || running.size < cores ? nextOf(waiting, running.keys(), cores, idleCores) : undefined;
    if (next) {
      start(next);
      startedMs = performance.now();
      mayStart = false;
      idleCores = 0;
      continue;
    }
    await Promise.race([...running.values(), sleep(LOOK_EVERY_MS)]);
    if (performance.now() - lookedMs < LOOK_EVERY_MS / 2) continue;
    lookedMs = performance.now();
    const idlePart = idle.look();
    mayStart = idlePart >= LEAST_IDLE;
    idleCores = lookedMs - startedMs < BUSY_AFTER_MS ? 0 : idlePart * cores;
  }
  return results;
}
