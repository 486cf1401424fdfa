/**
 * The file that `-o` names. In: its path. Out: a refusal where it exists.
 */
import { existsSync } from 'node:fs';
import { OxbowError } from '../lib/errors.ts';

/**
 * Refuses a file that exists, for verbs with `--overwrite`.
 *
 * @param path absolute
 * @throws OxbowError `bad-request`
 */
export function refuseToReplace(path: string): void {
  if (!existsSync(path)) return;
  throw new OxbowError('bad-request', `${path} exists already.`, {
    extra: { hint: 'Choose another name, or give --overwrite.' },
  });
}
