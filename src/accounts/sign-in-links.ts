/**
 * One-time links that sign a browser in. Each code is a file in the data folder, named by its digest: write access to that folder
 * permits sign-in, so the command line can create a link while oxbow runs.
 * In: the data folder. Out: codes that are valid for 15 minutes and one use.
 */
import { mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { giveToFolderOwner } from '../lib/platform.ts';
import { createSecret, digestOf } from './random-secret.ts';

/** Validity of a link, ms. */
export const LINK_MS = 15 * 60_000;

/** Path of the sign-in page. The code is in the fragment, so that neither logs nor a Referer contain it. */
export function signInPath(code: string): string {
  return `/sign-in#${code}`;
}

/** The links of one data folder. */
export class SignInLinks {
  readonly #folder: string;
  readonly #nowMs: () => number;

  /** @param nowMs ms since 1970 */
  constructor(dataFolder: string, nowMs: () => number) {
    this.#folder = join(dataFolder, 'sign-in');
    this.#nowMs = nowMs;
  }

  /** Creates a code; expired codes are deleted. */
  async make(): Promise<{ readonly code: string; readonly expiresMs: number }> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      const file = join(this.#folder, name);
      if (!((await untilOf(file)) > this.#nowMs())) await rm(file, { force: true });
    }
    const code = createSecret(16);
    const expiresMs = this.#nowMs() + LINK_MS;
    const file = this.#fileOf(code);
    await writeFile(file, String(expiresMs), { mode: 0o600, flag: 'wx' });
    // A file created by root must be readable and removable by the user who runs the server.
    for (const each of [this.#folder, file]) giveToFolderOwner(each);
    return { code, expiresMs };
  }

  /** Uses up a code; true if it was valid. */
  async use(code: string): Promise<boolean> {
    const file = this.#fileOf(code);
    const until = await untilOf(file);
    if (Number.isNaN(until)) return false;
    try {
      await unlink(file); // of two simultaneous uses one succeeds
    } catch {
      return false;
    }
    return this.#nowMs() < until;
  }

  #fileOf(code: string): string {
    return join(this.#folder, digestOf(code));
  }
}

/** Expiry of a code, ms since 1970; NaN for an unknown code. */
async function untilOf(file: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => ''); // used meanwhile
  return text === '' ? Number.NaN : Number(text);
}
