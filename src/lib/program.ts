/**
 * What a person types to run this oxbow on the computer where it runs.
 * In: where the code lies, which user runs it. Out: the beginning of a command line.
 */
import { fileURLToPath } from 'node:url';
import { isWindows, ownUid } from './platform.ts';

/** Users below it are services (Linux, Debian Policy 9.2.2); their folders are closed to people. */
const FIRST_PERSON_UID = 1000;

/**
 * The program of this installation: `oxbow` where it was installed as a package, else the path of the launcher in the checkout; with
 * `sudo` where oxbow runs as a service.
 */
export function programName(): string {
  const isCheckout = import.meta.url.endsWith('.ts');
  const launcher = fileURLToPath(new URL('../../bin/oxbow', import.meta.url));
  if (isWindows) return isCheckout ? `node ${launcher}` : 'oxbow';
  const program = isCheckout ? launcher : 'oxbow';
  return ownUid !== undefined && ownUid < FIRST_PERSON_UID ? `sudo ${program}` : program;
}
