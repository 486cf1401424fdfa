/**
 * Simulates sources by chance, outside the runner of tests.
 * In: how many seeds, from 0 on. Out: a line when all is well; else an error that names the seed, and exit code 1.
 */
import { fuzzTimeline, INPUTS_PER_SEED } from './fuzz.fixture.ts';

const seeds = Number(process.argv[2]);
await fuzzTimeline(0, seeds * INPUTS_PER_SEED);
console.log(`${seeds} sources: all is well`);
