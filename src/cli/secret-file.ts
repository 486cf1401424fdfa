/**
 * Secrets in files: those of verbs that read no settings (`worker`, `edge`), from a flag, a variable, or the
 * file that a variable with `_FILE` names; and those of flags that end in `-file`.
 * In: the flag's value, the name of the variable. Out: the secret.
 */
import { readFileSync } from 'node:fs';
import { messageOf, OxbowError } from '../lib/errors.ts';

/**
 * Finds a secret. One newline at the end of a file is not part of it.
 *
 * @param value of the flag; an empty one counts as none
 * @param variable name without `_FILE`, e.g. `OXBOW_WORKER_TOKEN`
 * @throws OxbowError `bad-setting` for a file that is empty or cannot be read, and for a secret that is also
 *   set directly
 */
export function secretOf(value: string | undefined, variable: string): string | undefined {
  const direct = value || process.env[variable] || undefined;
  const name = `${variable}_FILE`;
  const file = process.env[name];
  if (file === undefined || file === '') return direct;
  if (direct !== undefined) refuse(`${name} is set, and the secret itself too.`, 'Set one of them.');
  return readSecretFile(file, name);
}

/**
 * The secret in a file.
 *
 * @param name what named the file, for errors
 * @throws OxbowError `bad-setting` for a file that is empty or cannot be read
 */
export function readSecretFile(file: string, name: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    return refuse(`${name}: the file cannot be read (${messageOf(error)}).`, 'Name a file that oxbow may read.', error);
  }
  if (secret === '') refuse(`${name}: ${file} is empty.`, 'Write the secret into it.');
  return secret;
}

function refuse(detail: string, hint: string, cause?: unknown): never {
  throw new OxbowError('bad-setting', detail, { cause, extra: { hint } });
}
