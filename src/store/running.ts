/**
 * Stores the addresses of a running server in its data folder, so that other commands find it by the folder.
 * In: the addresses. Out: `running.json`, read by another process.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Config } from '../config/schema.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { type Files, systemFiles } from '../lib/files/files.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { version } from '../lib/version.ts';
import { CRASH_FILE, LEFT_FILE, LOCK_FILE, RUNNING_FILE } from './file-names.ts';
import { sqliteCode } from './sqlite/sqlite-code.ts';

/** A server that holds a data folder. */
export interface RunningInstance {
  /** Process id; may differ in another container. */
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Local address, without a trailing slash. */
  readonly http: string;
  readonly version?: string;
  /** Setting `publicUrl`, without a trailing slash. */
  readonly publicUrl?: string;
  /** File of the certificate of an address with https, absolute. Verbs on this computer trust it. */
  readonly certificate?: string;
  /** Why the last `oxbow upgrade` failed. */
  readonly upgradeProblem?: string;
}

/** What a server says of itself in the file. @param http its local address */
export function describeRunning(
  { tls, publicUrl }: Pick<Config, 'tls' | 'publicUrl'>,
  http: string,
  startedAt: string,
): RunningInstance {
  return {
    pid: process.pid,
    startedAt,
    version,
    http,
    ...(http.startsWith('https:') && { certificate: resolve(tls.cert) }),
    ...(publicUrl !== undefined && { publicUrl: publicUrl.replace(/\/+$/, '') }),
  };
}

/**
 * Writes the file, readable by this user only. Call it with the lock held and the ports open. Dispose removes
 * it.
 *
 * @param folder the data folder
 */
export async function announceRunning(
  folder: string,
  instance: RunningInstance,
  files: Files = systemFiles,
): Promise<AsyncDisposable> {
  const file = join(folder, RUNNING_FILE);
  await write(files, file, instance);
  return { [Symbol.asyncDispose]: () => files.rm(file, { force: true }) };
}

/** Adds to the file why an upgrade failed. For the process that has announced itself. */
export async function noteUpgradeProblem(
  folder: string,
  upgradeProblem: string,
  files: Files = systemFiles,
): Promise<void> {
  const file = join(folder, RUNNING_FILE);
  const instance = JSON.parse((await files.readFile(file)).toString()) as RunningInstance;
  await write(files, file, { ...instance, upgradeProblem });
}

function write(files: Files, file: string, instance: RunningInstance): Promise<void> {
  return replaceFile(files, file, Buffer.from(`${JSON.stringify(instance)}\n`), { mode: 0o600 });
}

/**
 * The leftovers of a server that did not end in order, once. Call it with the lock held.
 *
 * @returns undefined if the last one ended in order, or there was none
 */
export function takeLeft(folder: string): RunningInstance | undefined {
  const file = join(folder, LEFT_FILE);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunningInstance;
  } catch {
    return undefined; // there is none, or it was cut off while it was written
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * The server that is using a data folder. Creates no file; ignores a file left by a killed server.
 *
 * @returns undefined if no process holds the lock, or it has no open port
 * @throws OxbowError `folder-unwritable` if this user cannot read the files
 */
export function findRunning(folder: string): RunningInstance | undefined {
  try {
    const file = join(folder, RUNNING_FILE);
    if (!existsSync(file) || !isLocked(folder)) return undefined;
    return JSON.parse(readFileSync(file, 'utf8')) as RunningInstance;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // it has just ended
    throw new OxbowError('folder-unwritable', `${folder} cannot be read: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'Run it as the user that oxbow runs as, or as root.' },
    });
  }
}

/** Whether a process holds the lock of a data folder. Creates no file. Not for the process that holds it. */
export function isLocked(folder: string): boolean {
  const file = join(folder, LOCK_FILE);
  if (!existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get(); // needs only a shared lock
    return false;
  } catch (error) {
    if (sqliteCode(error) === 'busy') return true;
    throw error;
  } finally {
    db.close();
  }
}

/**
 * Notes the crash of this process, so that the next start does not take it for one that was killed.
 *
 * @param report for the next start to send; undefined: nothing, or it was sent
 * @param isServer false: a process of several, whose server continues
 */
export function noteCrash(folder: string, report: string | undefined, isServer: boolean): void {
  if (isServer) rmSync(join(folder, RUNNING_FILE), { force: true });
  const file = join(folder, CRASH_FILE);
  if (report === undefined) rmSync(file, { force: true });
  else writeFileSync(file, report, { mode: 0o600 });
}

/** The report of a crash that could not be sent, once; undefined if there is none. */
export function takeCrash(folder: string): string | undefined {
  const file = join(folder, CRASH_FILE);
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // there was no crash, or it was reported
  } finally {
    rmSync(file, { force: true });
  }
}
