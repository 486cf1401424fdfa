/**
 * The sources by chance that tests simulate: some in the first tier, the others in the second.
 * In: the table of defects. Out: seeds; a failed assertion if a source finds something.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { defects } from './defects.ts';

/** Seeds of both tiers, from 0 on. */
const SEEDS = 200;
/** A simulation takes about a second of CPU time. */
const QUICK_SEEDS = 24;

/** Of the first tier: the first ones, and those that find a defect of the table. */
export const quickSeeds: readonly number[] = [
  ...new Set([...Array(QUICK_SEEDS).keys(), ...defects.map(({ seed }) => seed)]),
];

/** Of the second tier: all others. */
export const longSeeds: readonly number[] = [...Array(SEEDS).keys()].filter((seed) => !quickSeeds.includes(seed));

/**
 * Simulates them in its own process: the runner follows every promise of a test and counts its calls,
 * which doubles the time.
 */
export async function simulateSeeds(seeds: readonly number[]): Promise<void> {
  const script = path.join(import.meta.dirname, 'run-seeds.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(seeds)]);
  assert.match(stdout, new RegExp(`^${seeds.length} sources: all is well$`, 'm'));
}
