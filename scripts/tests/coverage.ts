/**
 * A run of both tiers that measures which lines of packages and src the tests execute. Programs that tests
 * start do not count.
 * In: files of tests. Out: the report; docs/reference/last-test-run.md. One run of Node's runner, which
 * adds up the coverage itself; before it, without coverage, those that make network interfaces.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { run } from 'node:test';
import { openEnvironment } from '../run-tests.ts';
import { root } from '../source-files.ts';
import { sharedProcesses, type TestProcess } from './processes.ts';
import { printCounts, RunReport, type RunResult } from './report.ts';
import {
  type CoveredFile,
  type Failure,
  failuresOf,
  inherited,
  LIMIT_MS,
  NONE,
  nodeArguments,
  type ProcessResult,
  type RunnerEvent,
  runProcess,
  totalOf,
} from './run-process.ts';
import { giveSecondTries } from './second-try.ts';
import { readWeights } from './weights.ts';

/** The run fails below. */
const LEAST_LINES_PERCENT = 90;
/** Of a message on the page; the report has all of it. */
const MOST_CHARACTERS = 160;
const PAGE = join(root, 'docs', 'reference', 'last-test-run.md');

const changesNetwork = ({ network }: TestProcess): boolean => network === 'changes';

/** Runs all files and writes the page. @param files paths from the root */
export async function runWithCoverage(files: readonly string[]): Promise<RunResult> {
  const startedMs = performance.now();
  await using environment = await openEnvironment();
  const env = { ...environment.compiled, ...environment.services };
  const processes = sharedProcesses(files, readWeights(), environment);
  const report = new RunReport();
  // Node's runner keeps none apart, and a browser cannot run while these make network interfaces.
  const results: ProcessResult[] = [];
  for (const each of processes.filter(changesNetwork)) {
    const result = await runProcess(each, { env });
    report.add(result);
    results.push(result);
  }
  const others = processes.filter((each) => !changesNetwork(each));
  const events: RunnerEvent[] = [];
  const stream = run({
    files: others.map(({ entry }) => entry),
    concurrency: availableParallelism() + 1,
    timeout: LIMIT_MS,
    cwd: root,
    execArgv: [...nodeArguments],
    env: { ...inherited(), ...env },
    coverage: true,
    coverageIncludeGlobs: ['packages/**', 'src/**'],
    coverageExcludeGlobs: ['**/*.test.ts', '**/*.contract.ts', '**/*.fixture.ts'],
  });
  let covered: readonly CoveredFile[] = [];
  for await (const event of stream as AsyncIterable<RunnerEvent>) {
    events.push(event);
    if (event.type === 'test:coverage') covered = event.data.summary!.files;
    else report.print(event);
  }
  results.push({
    process: { entry: root, files: others.flatMap((each) => each.files), weight: { wallS: 0, cpuS: 0 } },
    events,
    counts: totalOf(events)?.counts ?? NONE,
    failures: failuresOf(events, root),
    weight: { wallS: 0, cpuS: 0 },
  });
  const second = await giveSecondTries(results, { env }, report);
  const percent = percentOf(covered);
  const isEnough = percent >= LEAST_LINES_PERCENT;
  const message = `${percent.toFixed(2)} % of the lines of packages and src, at least ${LEAST_LINES_PERCENT} % are required`;
  const result: RunResult = {
    ...second,
    failures: isEnough ? second.failures : [...second.failures, { file: 'src', title: 'coverage', message }],
  };
  await report.end(result);
  const minutes = (performance.now() - startedMs) / 60_000;
  writeFileSync(PAGE, printPage({ result, covered, minutes }));
  return result;
}

function percentOf(files: readonly CoveredFile[]): number {
  const sum = (of: 'totalLineCount' | 'coveredLineCount') => files.reduce((total, file) => total + file[of], 0);
  return (100 * sum('coveredLineCount')) / Math.max(1, sum('totalLineCount'));
}

/** @returns Markdown, with the beginning of the message and no path of this machine */
function describe({ file, title, message }: Failure): string {
  const text = message.replaceAll(`${root}${sep}`, '');
  return `\`${file}\`: ${title}: \`${text.slice(0, MOST_CHARACTERS).replaceAll('`', "'").trim()}\``;
}

/** The page of the last run. */
function printPage({
  result: { counts, failures, flaky },
  covered,
  minutes,
}: {
  readonly result: RunResult;
  readonly covered: readonly CoveredFile[];
  readonly minutes: number;
}): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const folderOf = ({ path }: CoveredFile) => relative(root, path).split(sep).slice(0, 2).join('/');
  const folders = [...Map.groupBy(covered, folderOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '# Last complete run of the tests',
    '',
    `\`npm run test:all\` writes this page: commit ${commit}, ${new Date().toISOString().slice(0, 10)}, ${minutes.toFixed(0)} minutes on ${availableParallelism()} cores.`,
    '',
    `${printCounts(counts)}.`,
    ...failures.map((failure) => `- failed: ${describe(failure)}`),
    ...flaky.map(({ failures: [first] }) => `- flaky: ${describe(first!)}`),
    '',
    `Lines of \`packages\` and \`src\` that the tests execute, without the programs that they start: ${percentOf(covered).toFixed(2)} %.`,
    '',
    '| folder | lines | covered |',
    '| --- | ---: | ---: |',
    ...folders.map(([folder, files]) => {
      const lines = files.reduce((sum, { totalLineCount }) => sum + totalLineCount, 0);
      return `| \`${folder}\` | ${lines} | ${percentOf(files).toFixed(1)} % |`;
    }),
    '',
  ].join('\n');
}
