/**
 * Differences between operating systems; scripts/check-portable.ts keeps them out of other files.
 * In: the current system. Out: functions for Linux, macOS and Windows.
 */
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname, release, setPriority } from 'node:os';
import { basename, dirname } from 'node:path';

/** Whether this is Windows. */
export const isWindows: boolean = process.platform === 'win32';

/** Whether this is Linux. */
export const isLinux: boolean = process.platform === 'linux';

/** A device that encodes video. */
export interface VideoDevice {
  readonly kind: 'nvidia' | 'render' | 'videotoolbox';
  /** E.g. `nvidia0` (the first that CUDA counts), `renderD128`, `videotoolbox`. */
  readonly name: string;
}

/** Devices that encode video: those of NVIDIA, render nodes of Linux, and VideoToolbox of macOS. */
export function videoDevices(): readonly VideoDevice[] {
  if (process.platform === 'darwin') return [{ kind: 'videotoolbox', name: 'videotoolbox' }];
  if (!isLinux) return [];
  const of = (kind: VideoDevice['kind'], folder: string, pattern: RegExp) =>
    (existsSync(folder) ? readdirSync(folder) : [])
      .filter((name) => pattern.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .map((name): VideoDevice => ({ kind, name }));
  const cards = existsSync('/dev/nvidiactl') ? of('nvidia', '/dev', /^nvidia\d+$/) : [];
  // CUDA counts the cards that this process sees, e.g. from 0 in a container with only /dev/nvidia3.
  const nvidia = cards.map(({ kind }, index) => ({ kind, name: `nvidia${index}` }));
  return [...nvidia, ...of('render', '/dev/dri', /^renderD\d+$/)];
}

/** The path of a render node, e.g. of `renderD128`. */
export const renderNodePath = (name: string): string => `/dev/dri/${name}`;

/** What changes with the drivers of video devices: the version of the kernel, and of the module of NVIDIA. */
export function videoDriverVersion(): string {
  const file = '/proc/driver/nvidia/version';
  const nvidia = isLinux && existsSync(file) ? readFileSync(file, 'utf8').split('\n')[0]! : '';
  return `${release()} ${nvidia}`;
}

/**
 * An address of the kernel that one process at a time can listen on, and that is free again when it ends;
 * undefined where there are none (not Linux).
 *
 * @param name e.g. `oxbow-encoder-nvidia0-1`
 */
export const machineAddress = (name: string): string | undefined => (isLinux ? `\0${name}` : undefined);

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

/**
 * What Linux says about this process (proc(5)); empty where that cannot be read: on another system, in a
 * sandbox, or while all descriptors are in use.
 */
export function readProcess(file: 'smaps' | 'status'): string {
  try {
    return isLinux ? readFileSync(`/proc/self/${file}`, 'utf8') : '';
  } catch {
    return '';
  }
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
