/**
 * Runs one process of tests with Node's runner.
 * In: the process, its environment. Out: the events of the runner, which file failed with which message, the
 * cost of the process.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { run } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../source-files.ts';
import type { TestProcess } from './processes.ts';
import type { Weight } from './weights.ts';

/** Every test and every file of tests ends within this time, or is reported as hanging. */
export const LIMIT_MS = 600_000;

/** A process that does not end, for example because of a timer that was left, is killed and reported. */
const PROCESS_LIMIT_MS = 2 * LIMIT_MS;

/** Characters of a message in the list of failures; the report has all of it. */
const MESSAGE_LENGTH = 300;

/** An event of Node's runner. */
export type RunnerEvent = { readonly type: string; readonly data: EventData };

/** Lines of a source that tests executed. */
export interface CoveredFile {
  readonly path: string;
  readonly totalLineCount: number;
  readonly coveredLineCount: number;
}

/** Fields of an event; each type has some of them. */
interface EventData {
  readonly name?: string;
  readonly nesting?: number;
  readonly file?: string;
  readonly counts?: Counts;
  readonly success?: boolean;
  readonly summary?: { readonly files: readonly CoveredFile[] };
  readonly details?: { readonly type?: string; readonly duration_ms?: number; readonly error?: Error };
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
}

/** Tests by their result. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly skipped: number;
  readonly todo: number;
}

/** A test that failed. */
export interface Failure {
  /** Path from the root; of the entry if the process itself failed. */
  readonly file: string;
  readonly title: string;
  /** Of the error, in one line. */
  readonly message: string;
}

/** Result of a process of tests. */
export interface ProcessResult {
  readonly process: TestProcess;
  readonly events: readonly RunnerEvent[];
  readonly counts: Counts;
  readonly failures: readonly Failure[];
  readonly weight: Weight;
}

/** Shared by all processes of a run. */
export interface ProcessOptions {
  /** Variables, in addition to those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** Arguments of Node for files of tests. */
export const nodeArguments: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4', // as programs that it starts (test-children.ts)
  `--import=${pathToFileURL(join(root, 'scripts', 'test-children.ts'))}`,
];

/** Variables of this process. */
export const inherited = (): Record<string, string> => ({ ...process.env }) as Record<string, string>;

/** Counts before the first test. */
export const NONE: Counts = { passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };

/** Runs a process to its end. It never throws for a test that fails. */
export async function runProcess(tests: TestProcess, { env }: ProcessOptions): Promise<ProcessResult> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-usage-'));
  const usage = join(folder, 'cpu');
  const startedMs = performance.now();
  const events: RunnerEvent[] = [];
  const stream = run({
    files: [tests.entry],
    concurrency: 1,
    timeout: LIMIT_MS,
    signal: AbortSignal.timeout(PROCESS_LIMIT_MS),
    cwd: root,
    execArgv: [...nodeArguments],
    env: { ...inherited(), ...env, ...(tests.isFull && { TESTS_FULL: '1' }), TESTS_USAGE: usage },
  });
  for await (const event of stream as AsyncIterable<RunnerEvent>) events.push(event);
  const cpuS = existsSync(usage) ? Number(readFileSync(usage, 'utf8')) : 0;
  rmSync(folder, { recursive: true, force: true });
  return {
    process: tests,
    events,
    counts: totalOf(events)?.counts ?? NONE,
    failures: failuresOf(events, tests.entry),
    weight: { wallS: (performance.now() - startedMs) / 1000, cpuS },
  };
}

/**
 * Tests that failed; suites where no test did, for example because a hook behind them failed; at least the
 * process itself.
 *
 * @param entry named where an event names no file
 */
export function failuresOf(events: readonly RunnerEvent[], entry: string): readonly Failure[] {
  if (totalOf(events)?.success === true) return [];
  const failed = events.filter(({ type, data }) => type === 'test:fail' && !data.todo);
  const tests = failed.filter(({ data }) => data.details?.type !== 'suite');
  const failures = (tests.length > 0 ? tests : failed).map((event) => failureOf(event, entry));
  const file = relative(root, entry).replaceAll(sep, '/');
  return failures.length > 0
    ? failures
    : [{ file, title: 'the process', message: 'it failed, and none of its tests did' }];
}

/** The last event: counts of the whole run. */
export function totalOf(events: readonly RunnerEvent[]): EventData | undefined {
  return events.findLast(({ type, data }) => type === 'test:summary' && data.file === undefined)?.data;
}

function failureOf({ data }: RunnerEvent, entry: string): Failure {
  const error = data.details?.error;
  const cause = (error?.cause as Error | undefined) ?? error;
  const file = relative(root, data.file ?? entry).replaceAll(sep, '/');
  const title = data.name === entry ? 'the process' : (data.name ?? file);
  return { file, title, message: inOneLine(String(cause?.message ?? cause)) };
}

function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, MESSAGE_LENGTH);
}
