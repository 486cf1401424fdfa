/**
 * Runs simulations of sources that have one known defect (test/mutations/put-back.mjs), until one of them
 * notices it.
 * In: seeds, as JSON. Out: `seed N: problem`; exit code 1 when no seed noticed it.
 */
import { problemsOf } from './invariants.ts';
import { simulate } from './simulate.ts';

for (const seed of JSON.parse(process.argv[2]!) as readonly number[]) {
  const [problem] = problemsOf(await simulate(seed));
  if (problem === undefined) continue;
  console.log(`seed ${seed}: ${problem}`);
  process.exit(0);
}
process.exit(1);
