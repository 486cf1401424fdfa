/**
 * What differs from one operating system to another; scripts/check-portable.ts keeps it out of the other files.
 * In: the system that runs this. Out: answers that hold on Linux, macOS and Windows.
 */
import { chmodSync, chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** Whether this is Windows. */
export const isWindows: boolean = process.platform === 'win32';

/** Whether this is Linux. */
export const isLinux: boolean = process.platform === 'linux';

/** Path of util-linux's prlimit, which starts a program within hard limits; undefined where there is none. */
export const prlimit: string | undefined = ['/usr/bin/prlimit', '/bin/prlimit'].find(
  (path) => isLinux && existsSync(path),
);

/**
 * Ends a program that was started as `detached`, at once and with all that it started itself; on Windows the program alone.
 *
 * @param pid what `spawn` gave; undefined where it could not start
 */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(isWindows ? pid : -pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Lets nobody but its owner read or write a file; on Windows, which has other rights, those of its folder go on to hold. */
export function keepToOwner(file: string): void {
  chmodSync(file, 0o600);
}

/** What root puts into another user's folder belongs to that user, who else could not use it. Anyone but root gives nothing away. */
export function giveToFolderOwner(file: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(file));
  chownSync(file, uid, gid);
}

/** User id that this process runs as; undefined on Windows. */
export const ownUid: number | undefined = process.getuid?.();

const OTHERS = 0o077;
/** As /tmp has it: a folder that several users share. */
const STICKY = 0o1000;

/**
 * Takes the rights of group and others from a file or folder.
 *
 * @returns whether there were some to take; false on Windows, and for what is missing, shared (/tmp), or another user's
 */
export function makePrivate(path: string): boolean {
  const found = isWindows ? undefined : statSync(path, { throwIfNoEntry: false });
  if (!found || found.uid !== ownUid || (found.mode & STICKY) !== 0 || (found.mode & OTHERS) === 0) return false;
  chmodSync(path, found.mode & 0o700);
  return true;
}

/** Names the running system: another after each boot, the same in all its containers. Elsewhere than on Linux the host's name. */
export function bootId(): string {
  const file = '/proc/sys/kernel/random/boot_id';
  return isLinux && existsSync(file) ? readFileSync(file, 'utf8').trim() : hostname();
}
