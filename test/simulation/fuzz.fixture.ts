/**
 * Sources by chance against the whole of a stream, from playlist to chunk file, over virtual hours.
 * In: a seed and a count of inputs. Out: nothing, or a failed assertion that names the seed. Used by tests
 * and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { problemsOf } from './invariants.ts';
import { type Outcome, simulate } from './simulate.ts';

/** A simulation costs as much as this many inputs of a parser. */
export const INPUTS_PER_SEED = 10;

/** The time of a failure is looked for to this precision, ms. */
const PREFIX_MS = 60_000;

/**
 * What holds of every recording holds, whatever the source does. The message names the seed and the shortest
 * run that fails.
 */
export async function fuzzTimeline(seed: number, count: number): Promise<void> {
  for (let i = 0; i < count / INPUTS_PER_SEED; i++) await checkSeed(seed * 1000 + i);
}

/** The same for one source. */
export async function checkSeed(seed: number): Promise<void> {
  const outcome = await simulate(seed);
  if (problemsOf(outcome).length === 0) return;
  const { endMs, problems } = await shorten(seed, outcome);
  assert.fail(`seed ${seed}, the first ${Math.round(endMs / 1000)} s:\n${problems.join('\n')}`);
}

/** The shortest beginning of a failed simulation that fails too, by halving. */
async function shorten(seed: number, failed: Outcome): Promise<{ endMs: number; problems: readonly string[] }> {
  let shortest = { endMs: failed.plan.endMs, problems: problemsOf(failed) };
  for (let goodMs = 0; shortest.endMs - goodMs > PREFIX_MS; ) {
    const endMs = (goodMs + shortest.endMs) / 2;
    const problems = problemsOf(await simulate(seed, endMs));
    if (problems.length > 0) shortest = { endMs, problems };
    else goodMs = endMs;
  }
  return shortest;
}
