/**
 * `npm run fuzz`: every parser over 100,000 inputs made of seeds, and 10,000 simulated sources; `npm test`
 * gives them 2,000 and 200.
 * In: the `fuzz…(seed, count)` functions of the `fuzz.fixture.ts` files; `--count N`, `--seed N`, names to
 * narrow the run.
 * Out: a line for each with its speed and growth of memory; exit code 1 when one failed or grew.
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Inputs of one call: memory is looked at between calls, and the seed of a failure is known to one call. */
const BATCH = 1000;
/**
 * What a parser holds on to grows with the inputs; this much more after the first tenth is taken for that.
 */
const MAX_GROWTH_BYTES = 32 * 1024 * 1024;

type Fuzz = (seed: number, count: number) => unknown;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);
const firstSeed = Number(values.seed);
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Runs one function on all inputs; returns whether all passed. */
async function run(name: string, fuzz: Fuzz): Promise<boolean> {
  const began = performance.now();
  let steadyBytes = 0;
  for (let done = 0; done < count; done += BATCH) {
    const seed = firstSeed + done / BATCH;
    try {
      await fuzz(seed, Math.min(BATCH, count - done));
    } catch (error) {
      console.error(`${name}: seed ${seed}\n${(error as Error).stack}`);
      return false;
    }
    if (steadyBytes === 0 && done >= count / 10) steadyBytes = usedBytes();
  }
  const grewBytes = usedBytes() - steadyBytes;
  const perSecond = Math.round((count * 1000) / (performance.now() - began));
  console.log(`${name.padEnd(32)} ${count} inputs, ${perSecond} a second, ${Math.round(grewBytes / 1024)} KiB more`);
  return grewBytes <= MAX_GROWTH_BYTES;
}

const root = path.join(import.meta.dirname, '..');
let failed = 0;
for (const file of globSync(['packages/**/fuzz.fixture.ts', 'src/**/fuzz.fixture.ts', 'test/**/fuzz.fixture.ts'], {
  cwd: root,
}).sort()) {
  const module = (await import(path.join(root, file))) as Record<string, unknown>;
  for (const [name, fuzz] of Object.entries(module)) {
    if (!name.startsWith('fuzz') || typeof fuzz !== 'function') continue;
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    if (!(await run(name, fuzz as Fuzz))) failed += 1;
  }
}
process.exit(failed > 0 ? 1 : 0);
