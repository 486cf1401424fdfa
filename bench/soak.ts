/**
 * `npm run soak -- NAME`: long tests.
 * In: a name, options of that test. Out: what `bench/soak/NAME.ts` prints; its exit code.
 */
const soaks: Readonly<Record<string, () => Promise<unknown>>> = {
  kill: () => import('./soak/kill.ts'),
  memory: () => import('./soak/memory.ts'),
  month: () => import('./soak/month.ts'),
  ranges: () => import('./soak/ranges.ts'),
};

const start = soaks[process.argv[2] ?? ''];
if (start) await start();
else {
  process.stderr.write(`Usage: npm run soak -- ${Object.keys(soaks).join('|')} [options]\n`);
  process.exitCode = 2;
}
