/**
 * One-time links that sign a browser in. The code of each is a file in the data folder, named by its digest: whoever may write there
 * may sign in, so that a link can be made beside a running oxbow too.
 * In: the data folder. Out: codes for 15 minutes and one use.
 */
import { mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { giveToFolderOwner } from '../lib/platform.ts';
import { createSecret, digestOf } from './random-secret.ts';

/** How long a link is good for, ms. */
export const LINK_MS = 15 * 60_000;

/** The page that takes the code out of the address, where neither logs nor a Referer hold it. */
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

  /** Makes a code; those that are out of date go. */
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
    // Made by root beside a server of another user, who must be able to read it and take it away.
    for (const each of [this.#folder, file]) giveToFolderOwner(each);
    return { code, expiresMs };
  }

  /** Uses a code up; true where it was good. */
  async use(code: string): Promise<boolean> {
    const file = this.#fileOf(code);
    const until = await untilOf(file);
    if (Number.isNaN(until)) return false;
    try {
      await unlink(file); // of two that come at once, one succeeds
    } catch {
      return false;
    }
    return this.#nowMs() < until;
  }

  #fileOf(code: string): string {
    return join(this.#folder, digestOf(code));
  }
}

/** Until when a code is good, ms since 1970; NaN where there is none. */
async function untilOf(file: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => ''); // used meanwhile
  return text === '' ? Number.NaN : Number(text);
}
