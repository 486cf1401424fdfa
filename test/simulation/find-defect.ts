/**
 * Runs simulations with one known defect put back into the sources, until one of them notices it.
 * In: the defect's name and how many seeds to try, from 0 on. Out: `seed N: problem`; exit code 1 when no seed noticed it.
 */
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { defects } from './defects.ts';

const [name, seeds] = process.argv.slice(2);
const defect = defects.find((one) => one.name === name);
if (!defect) throw new Error(`no defect is named ${name}`);
const url = pathToFileURL(path.join(import.meta.dirname, '..', '..', defect.file)).href;
let isPut = false;
registerHooks({
  load(wanted, context, next) {
    const loaded = next(wanted, context);
    if (wanted !== url) return loaded;
    const source = String(loaded.source);
    if (source.split(defect.find).length !== 2) throw new Error(`${defect.file} does not have «${defect.find}» once`);
    isPut = true;
    return { ...loaded, source: source.replace(defect.find, defect.replace) };
  },
});
const { simulate } = await import('./simulate.ts');
const { problemsOf } = await import('./invariants.ts');
if (!isPut) throw new Error(`${defect.file} was not loaded`);
for (const seed of [defect.seed, ...Array(Number(seeds)).keys()]) {
  const [problem] = problemsOf(await simulate(seed));
  if (problem === undefined) continue;
  console.log(`seed ${seed}: ${problem}`);
  process.exit(0);
}
process.exit(1);
