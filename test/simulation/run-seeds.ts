/**
 * Simulates sources by chance, outside the runner of tests.
 * In: seeds, as JSON. Out: a line when all is well; else an error that names the seed, and exit code 1.
 */
import { checkSeed } from './fuzz.fixture.ts';

const seeds = JSON.parse(process.argv[2]!) as readonly number[];
for (const seed of seeds) await checkSeed(seed);
console.log(`${seeds.length} sources: all is well`);
