/**
 * Remembers uploads that are not complete, so that the same command continues them after a crash or a restart
 * of the computer.
 * In: a file and a server. Out: one small JSON file for each upload in the user's state folder.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Uploads that were not continued for this long are forgotten, ms; the server forgets them earlier. */
const FORGET_AFTER_MS = 30 * 86_400_000;

/** What identifies an upload: the same file, not changed since, to the same server. */
interface UploadKey {
  /** Address or data folder. */
  readonly server: string;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** Time of the last change, ms since 1970. */
  readonly changedMs: number;
}

/** Where programs of this user keep state: `XDG_STATE_HOME`, `LOCALAPPDATA`, or `~/.local/state`. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_STATE_HOME || env.LOCALAPPDATA || join(homedir(), '.local', 'state');
  return join(base, 'oxbow', 'uploads');
}

/** The uploads of one user. */
export class UploadMemory {
  readonly #folder: string;

  /** @param folder created when the first upload is kept */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The id of the interrupted upload of a file; undefined if there is none. */
  async find(key: UploadKey): Promise<string | undefined> {
    try {
      const kept = JSON.parse(await readFile(this.#fileOf(key), 'utf8')) as { uploadId?: unknown };
      return typeof kept.uploadId === 'string' ? kept.uploadId : undefined;
    } catch {
      return undefined; // none, or not readable: the upload begins again
    }
  }

  /** Keeps the id of an upload that has begun. */
  async keep(key: UploadKey, uploadId: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#forgetOld();
    const file = this.#fileOf(key);
    await writeFile(`${file}.part`, JSON.stringify({ ...key, uploadId }), { mode: 0o600 });
    await rename(`${file}.part`, file);
  }

  /** Forgets an upload that is complete or was refused. */
  async forget(key: UploadKey): Promise<void> {
    await rm(this.#fileOf(key), { force: true });
  }

  async #forgetOld(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const file = join(this.#folder, name);
      const stats = await stat(file).catch(() => undefined); // another process may have removed it
      if (stats && Date.now() - stats.mtimeMs > FORGET_AFTER_MS) await rm(file, { force: true });
    }
  }

  #fileOf({ server, path, bytes, changedMs }: UploadKey): string {
    const name = createHash('sha256')
      .update(JSON.stringify([server, path, bytes, changedMs]))
      .digest('hex')
      .slice(0, 32);
    return join(this.#folder, `${name}.json`);
  }
}
