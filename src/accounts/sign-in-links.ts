/**
 * One-time links that sign a browser in. Each code is a file in the data folder, named by its digest: write
 * access to that folder permits sign-in, so the command line can create a link while oxbow runs.
 * In: the data folder. Out: codes that are valid for 15 minutes and one use.
 */
import { join } from 'node:path';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
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
  readonly #files: Files;

  /** @param nowMs ms since 1970 */
  constructor(dataFolder: string, nowMs: () => number, files: Files = systemFiles) {
    this.#folder = join(dataFolder, 'sign-in');
    this.#nowMs = nowMs;
    this.#files = files;
  }

  /** Creates a code; expired codes are deleted. */
  async make(): Promise<{ readonly code: string; readonly expiresMs: number }> {
    await this.#files.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const { name } of await this.#files.readdir(this.#folder)) {
      const file = join(this.#folder, name);
      if (!((await this.#untilOf(file)) > this.#nowMs())) await this.#files.rm(file, { force: true });
    }
    const code = createSecret(16);
    const expiresMs = this.#nowMs() + LINK_MS;
    const file = this.#fileOf(code);
    await replaceFile(this.#files, file, Buffer.from(String(expiresMs)), { mode: 0o600 });
    // A file created by root must be readable and removable by the user who runs the server.
    for (const each of [this.#folder, file]) giveToFolderOwner(each);
    return { code, expiresMs };
  }

  /** Uses up a code; true if it was valid. */
  async use(code: string): Promise<boolean> {
    const file = this.#fileOf(code);
    const until = await this.#untilOf(file);
    if (Number.isNaN(until)) return false;
    try {
      await this.#files.unlink(file); // of two simultaneous uses one succeeds
    } catch {
      return false;
    }
    return this.#nowMs() < until;
  }

  #fileOf(code: string): string {
    return join(this.#folder, digestOf(code));
  }

  /** Expiry of a code, ms since 1970; NaN for an unknown code. */
  async #untilOf(file: string): Promise<number> {
    const text = await this.#files.readFile(file).then(String, () => ''); // used meanwhile
    return text === '' ? Number.NaN : Number(text);
  }
}
