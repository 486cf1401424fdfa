/**
 * Runs `longRun` outside the runner of tests, which follows every promise of a test.
 * In: options as JSON. Out: a line of JSON per look; exit code 1 at the first problem.
 */
import { type LongRunOptions, longRun } from './long-run.ts';

for await (const look of longRun(JSON.parse(process.argv[2]!) as LongRunOptions)) {
  console.log(JSON.stringify(look));
  if (look.problems.length > 0) process.exitCode = 1;
}
