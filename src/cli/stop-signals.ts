/**
 * Signals that end oxbow: SIGINT, SIGTERM, SIGHUP of a closed terminal, or the end of the launcher. Otherwise SIGHUP reloads the settings.
 * In: signals. Out: one call of `stop`, and at a second signal the end of the process; calls of `reload`.
 */
import { isatty } from 'node:tty';
import { isWindows } from '../lib/platform.ts';

/** Ctrl-C reaches the whole process group, and the launcher forwards it: signals within this time count as one, ms. */
const SAME_WISH_MS = 500;

/** Interval of the check of the parent process if npm started oxbow, ms. */
const LOOK_AT_PARENT_MS = 250;

/** Why oxbow stops. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'launcher-gone' | 'data-folder-taken' | 'succeeded';

/**
 * Handles signals until disposed.
 *
 * @param stop called at the first signal
 * @param atOnce called at the second; by default ends the process with 130
 * @param reload called at a SIGHUP whose terminal is open; without it every SIGHUP stops
 */
export function onStopSignal(
  stop: (reason: StopReason) => void,
  atOnce: () => void = () => process.exit(130),
  reload?: () => void,
): Disposable {
  const startedOnTerminal = isOnTerminal();
  let firstAt: number | undefined;
  const stopFor = (reason: StopReason) => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      stop(reason);
    } else if (now - firstAt >= SAME_WISH_MS && reason !== 'launcher-gone') {
      atOnce();
    }
  };
  const onInt = () => stopFor('SIGINT');
  const onTerm = () => stopFor('SIGTERM');
  const onHup = () => {
    // After its terminal is closed stdin is not a TTY. On Windows the signal always means that.
    const isEnd = process.platform === 'win32' || (startedOnTerminal && !isOnTerminal());
    if (reload && !isEnd) reload();
    else stopFor('SIGHUP');
  };
  const onGone = () => stopFor('launcher-gone');
  process.on('SIGINT', onInt).on('SIGTERM', onTerm).on('SIGHUP', onHup).on('disconnect', onGone);
  // The channel to the launcher must not keep a finished process alive.
  process.channel?.unref();
  const looking = watchNpmShell(onGone);
  return {
    [Symbol.dispose]() {
      clearInterval(looking);
      process.off('SIGINT', onInt).off('SIGTERM', onTerm).off('SIGHUP', onHup).off('disconnect', onGone);
    },
  };
}

/**
 * npm runs a script in a shell and sends SIGTERM to that shell, which ends without forwarding it. The parent process then changes.
 * Outside npm a parent may end while oxbow continues, as with nohup. Windows keeps the id of an ended parent, and has no SIGTERM.
 */
function watchNpmShell(gone: () => void): NodeJS.Timeout | undefined {
  if (process.env.npm_lifecycle_event === undefined || isWindows) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) gone();
  }, LOOK_AT_PARENT_MS).unref();
}

const isOnTerminal = (): boolean => [0, 1, 2].some((fd) => isatty(fd));
