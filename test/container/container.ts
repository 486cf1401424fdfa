/**
 * `npm run container [-- FOLDER]`: runs container.test.ts alone.
 * In: FOLDER keeps the base image for the next run. Out: the report of the test, with times; exit code 1 if
 * it fails.
 */
import { resolve } from 'node:path';

const [folder] = process.argv.slice(2);
if (folder !== undefined) process.env.TESTS_CONTAINER_FOLDER = resolve(folder);
await import('./container.test.ts');
