/**
 * Differences between operating systems; scripts/check-portable.ts keeps them out of other files.
 * In: the current system. Out: functions for Linux, macOS and Windows.
 */
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname, setPriority } from 'node:os';
import { basename, dirname } from 'node:path';

/** Whether this is Windows. */
export const isWindows: boolean = process.platform === 'win32';

/** Whether this is Linux. */
export const isLinux: boolean = process.platform === 'linux';

/** Devices that encode video: those of NVIDIA, render nodes of Linux, and VideoToolbox of macOS. */
export function videoDevices(): readonly ('nvidia' | 'render' | 'videotoolbox')[] {
  if (process.platform === 'darwin') return ['videotoolbox'];
  if (!isLinux) return [];
  const nodes = existsSync('/dev/dri') ? readdirSync('/dev/dri') : [];
  const hasRender = nodes.some((name) => name.startsWith('renderD'));
  return [...(existsSync('/dev/nvidiactl') ? (['nvidia'] as const) : []), ...(hasRender ? (['render'] as const) : [])];
}

/**
 * Lowers the priority of the calling thread, and of no other. Linux only: elsewhere a priority is that of a
 * process, and it stays.
 *
 * @param nice 1 to 19
 */
export function lowerThreadPriority(nice: number): void {
  if (!isLinux) return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), nice);
  } catch {
    // No /proc, or a system that does not allow it: only an order is lost.
  }
}

/**
 * Kills a program that was started as `detached`, with its child processes; on Windows only the program.
 *
 * @param pid of `spawn`; undefined if it could not start
 */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(isWindows ? pid : -pid, 'SIGKILL');
  } catch {
    // The processes have already ended.
  }
}

/** Restricts a file to its owner (mode 0600); on Windows it inherits the permissions of its folder. */
export function keepToOwner(file: string): void {
  chmodSync(file, 0o600);
}

/** Gives files that root creates in another user's folder to that user. No effect for other users. */
export function giveToFolderOwner(file: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(file));
  chownSync(file, uid, gid);
}

/** User id that this process runs as; undefined on Windows. */
export const ownUid: number | undefined = process.getuid?.();

const OTHERS = 0o077;
/** Sticky bit: a folder that several users share, as /tmp. */
const STICKY = 0o1000;

/**
 * Removes access of group and others to a file or folder.
 *
 * @returns whether there was any; false on Windows, and for a path that is missing, shared (/tmp), or another
 *   user's
 */
export function makePrivate(path: string): boolean {
  const stats = isWindows ? undefined : statSync(path, { throwIfNoEntry: false });
  if (!stats || stats.uid !== ownUid || (stats.mode & STICKY) !== 0 || (stats.mode & OTHERS) === 0) return false;
  chmodSync(path, stats.mode & 0o700);
  return true;
}

/**
 * Identifies the running system: new after each boot, the same in all containers. Not on Linux: the host
 * name.
 */
export function bootId(): string {
  const file = '/proc/sys/kernel/random/boot_id';
  return isLinux && existsSync(file) ? readFileSync(file, 'utf8').trim() : hostname();
}

/** Whether a process with this id runs. */
export function isProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // of another user
  }
}

const UPGRADE_SIGNAL = 'SIGUSR2';

/**
 * Signals a running oxbow to start its successor.
 * @throws the system's error if there is no such process, and always on Windows
 */
export function requestUpgrade(pid: number): void {
  process.kill(pid, UPGRADE_SIGNAL);
}

/** Calls `listener` at each request for a successor; never on Windows. */
export function onUpgradeRequest(listener: () => void): Disposable {
  if (isWindows) return { [Symbol.dispose]() {} };
  process.on(UPGRADE_SIGNAL, listener);
  return { [Symbol.dispose]: () => void process.off(UPGRADE_SIGNAL, listener) };
}
