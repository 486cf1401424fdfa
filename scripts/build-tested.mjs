/**
 * Writes dist/ as tests start it, some hundred times: with its dependencies inside, as the single executable
 * has them, a start loads 200 modules instead of 850 and takes half a second less of CPU time. `npm run
 * build` writes the published one.
 * In: src/, web/dist where it was built, node_modules. Out: dist/.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProgram, copyBeside, KEPT } from './bundle.mjs';

const dist = join(import.meta.dirname, '..', 'dist');
rmSync(dist, { recursive: true, force: true });
await bundleProgram(
  dist,
  (id) => id.startsWith('@seydx/') || KEPT.some((name) => id === name || id.startsWith(`${name}/`)),
);
copyBeside(dist);
