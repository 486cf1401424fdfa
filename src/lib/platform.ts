/**
 * What differs from one operating system to another; scripts/check-portable.ts keeps it out of the other files.
 * In: the system that runs this. Out: answers that hold on Linux, macOS and Windows.
 */
import { existsSync } from 'node:fs';

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
