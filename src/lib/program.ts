/**
 * The command that runs this oxbow on this computer, for messages; words of a command line.
 * In: path of the code, current user. Out: the beginning of a command line.
 */
import { isWindows, ownUid } from './platform.ts';
import { isInstalled, isWorkingTree, launcherPath } from './program-files.ts';

/** Lower user ids are services (Linux, Debian Policy 9.2.2); their folders are not accessible to users. */
const FIRST_PERSON_UID = 1000;

/**
 * The program of this installation: `oxbow` if installed as a package, otherwise the path of the launcher in
 * the checkout; with `sudo` if oxbow runs as a service.
 */
export function programName(): string {
  const program = launcherName();
  if (isWindows) return program;
  return ownUid !== undefined && ownUid < FIRST_PERSON_UID ? `sudo ${program}` : program;
}

/** The same for the user of this process. */
export function launcherName(): string {
  if (isInstalled) return 'oxbow';
  return isWindows && isWorkingTree ? `node ${launcherPath}` : launcherPath;
}

/** Quotes one word of a command line for a shell, where it needs that. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
