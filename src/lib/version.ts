/**
 * The version of oxbow.
 * In: package.json next to the sources or the built files. Out: one string for --version, /version and logs.
 */
import { readFileSync } from 'node:fs';
import { packageFile } from './program-files.ts';

/** Version of the package, e.g. `0.1.0`. */
export const version: string = (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string })
  .version;
