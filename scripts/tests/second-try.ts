/**
 * The second try of files that failed: alone, one at a time, so that a slow machine is not taken for a
 * defect.
 * In: results of the first tries. Out: the result of the run. A file that fails again is a failure;
 * one that passes is flaky.
 */
import { separateProcesses } from './processes.ts';
import type { FlakyFile, RunReport, RunResult } from './report.ts';
import { type Counts, type Failure, NONE, type ProcessOptions, type ProcessResult, runProcess } from './run-process.ts';

/** With more files than this that failed, no second try follows: the reason is one for all. */
const MOST_SECOND_TRIES = 10;

/** Gives each file that failed its second try, and adds up. */
export async function giveSecondTries(
  results: readonly ProcessResult[],
  options: ProcessOptions,
  report: RunReport,
): Promise<RunResult> {
  const flaky: FlakyFile[] = [];
  const failures: Failure[] = [];
  let counts = NONE;
  const failed = new Set(results.flatMap((result) => filesToRepeat(result)));
  for (const result of results) {
    const again = failed.size > MOST_SECOND_TRIES ? result.failures : await repeat(result, options, report);
    const isFlaky = result.failures.length > 0 && again.length === 0;
    counts = addCounts(counts, isFlaky ? allPassed(result.counts) : result.counts);
    failures.push(...again);
    if (!isFlaky) continue;
    for (const [file, first] of Map.groupBy(result.failures, (failure) => failure.file)) {
      flaky.push({ file, failures: first });
    }
  }
  return { counts, failures, flaky };
}

/** Files whose tests failed; all of a process that failed outside of tests. */
function filesToRepeat({ process: { files }, failures }: ProcessResult): readonly string[] {
  const failedFiles = [...new Set(failures.map(({ file }) => file))];
  return failedFiles.every((file) => files.includes(file)) ? failedFiles : files;
}

async function repeat(result: ProcessResult, options: ProcessOptions, report: RunReport): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const each of separateProcesses(filesToRepeat(result), new Map())) {
    const again = await runProcess({ ...each, isFull: result.process.isFull ?? false }, options);
    report.add(again);
    failures.push(...again.failures);
  }
  return failures;
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    cancelled: a.cancelled + b.cancelled,
    skipped: a.skipped + b.skipped,
    todo: a.todo + b.todo,
  };
}

function allPassed(counts: Counts): Counts {
  return { ...counts, passed: counts.passed + counts.failed + counts.cancelled, failed: 0, cancelled: 0 };
}
