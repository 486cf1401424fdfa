/**
 * Every package that oxbow brings to its users has a licence that lets them use it.
 * In: package-lock.json. Out: sentences about packages whose licence is not on the list.
 */
import { readSource } from './source-files.ts';

const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MIT OR Apache-2.0',
  'MPL-2.0',
  'Unlicense',
]);

/** Packages whose manifest says nothing; the licence was read in their files. */
const read: Readonly<Record<string, string>> = {
  '@shinyoshiaki/jspack': 'BSD-3-Clause',
};

/** Packages with another licence, one sentence each; development packages are left out. */
export function checkLicences(): readonly string[] {
  const lock = JSON.parse(readSource('package-lock.json')) as {
    packages: Record<string, { license?: string; dev?: boolean; link?: boolean }>;
  };
  return Object.entries(lock.packages).flatMap(([path, { license, dev, link }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const licenceId = license ?? read[name];
    if (!path.startsWith('node_modules/') || link || dev || (licenceId !== undefined && allowed.has(licenceId)))
      return [];
    return [`${name}: licence ${licenceId ?? 'unknown'} is not on the list in scripts/check-licences.ts`];
  });
}
