/**
 * Writes the generated half of the typed client, src/client/made, which git does not have: in `npm ci`
 * (prepare), before the interface is built, and in `npm run generate`.
 * In: the table of routes. Out: files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { routes } from '../../src/app/features.ts';
import { createApi } from '../../src/http/api/api.ts';
import type { HttpDeps } from '../../src/http/deps.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { version } from '../../src/lib/version.ts';
import { clientFiles, type OpenApi } from './client-files.ts';

const root = join(import.meta.dirname, '..', '..');

/** The OpenAPI document of the table of routes; the routes have no handlers. */
export async function openApi(): Promise<OpenApi> {
  const deps = { version, clock: createSystemClock() } as HttpDeps;
  const api = await createApi(deps, createServer(), routes);
  await api.ready();
  const document = api.swagger();
  await api.close();
  return document as unknown as OpenApi;
}

if (import.meta.main) {
  for (const [path, text] of clientFiles(await openApi())) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  process.exit(0);
}
