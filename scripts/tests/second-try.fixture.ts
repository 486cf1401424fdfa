/**
 * Runs files of tests one after the other, with second tries; a separate process, because Node's runner does
 * not run in one of its tests.
 * In: paths from the root as arguments. Out: the result as JSON.
 */
import { separateProcesses } from './processes.ts';
import type { RunReport } from './report.ts';
import { type ProcessResult, runProcess } from './run-process.ts';
import { giveSecondTries } from './second-try.ts';

const results: ProcessResult[] = [];
for (const each of separateProcesses(process.argv.slice(2), new Map())) {
  results.push(await runProcess(each, { env: {} }));
}
const silent = { add() {} } as unknown as RunReport;
process.stdout.write(JSON.stringify(await giveSecondTries(results, { env: {} }, silent)));
