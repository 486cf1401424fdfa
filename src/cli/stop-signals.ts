/**
 * Signals that end oxbow: SIGINT, SIGTERM, SIGHUP of a closed terminal, or the end of the launcher. Otherwise
 * SIGHUP reloads the settings.
 * In: signals. Out: one call of `stop`, and at a second signal the end of the process; calls of `reload`.
 */
import { isatty } from 'node:tty';
import { isWindows } from '../lib/platform.ts';
import { note } from './terminal.ts';

/** Longest that a verb may take to end after a signal, ms: supervisors kill after ten seconds or more. */
export const END_WITHIN_MS = 9500;

/**
 * Ctrl-C reaches the whole process group, and the launcher forwards it: signals within this time count as
 * one, ms.
 */
const SAME_WISH_MS = 500;

/** Interval of the check of the parent process if npm started oxbow, ms. */
const LOOK_AT_PARENT_MS = 250;

/** Why oxbow stops. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'launcher-gone' | 'data-folder-taken' | 'succeeded';

/** Further effects of signals. */
interface StopOptions {
  /** Called at the second signal; by default ends the process with 130. */
  readonly atOnce?: () => void;
  /** Called at a SIGHUP whose terminal is open; without it every SIGHUP stops. */
  readonly reload?: () => void;
  /**
   * Called `END_WITHIN_MS` after the first signal, unless disposed before: what the verb waits for cannot be
   * aborted, such as a server that accepts connections and answers nothing. By default says so and ends the
   * process with 1.
   */
  readonly late?: (reason: StopReason) => void;
}

/**
 * Handles signals until disposed.
 *
 * @param stop called at the first signal
 */
export function onStopSignal(
  stop: (reason: StopReason) => void,
  { atOnce = () => process.exit(130), reload, late = endLate }: StopOptions = {},
): Disposable {
  const startedOnTerminal = isOnTerminal();
  let firstAt: number | undefined;
  let ending: NodeJS.Timeout | undefined;
  const stopFor = (reason: StopReason) => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      ending = setTimeout(() => late(reason), END_WITHIN_MS).unref();
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
      clearTimeout(ending);
      process.off('SIGINT', onInt).off('SIGTERM', onTerm).off('SIGHUP', onHup).off('disconnect', onGone);
    },
  };
}

function endLate(reason: StopReason): void {
  note(`oxbow: it took longer than ${END_WITHIN_MS / 1000} s to end after ${reason}; ending now`);
  process.exit(1);
}

/**
 * npm runs a script in a shell and sends SIGTERM to that shell, which ends without forwarding it. The parent
 * process then changes. Outside npm a parent may end while oxbow continues, as with nohup. Windows keeps the
 * id of an ended parent, and has no SIGTERM.
 */
function watchNpmShell(gone: () => void): NodeJS.Timeout | undefined {
  if (process.env.npm_lifecycle_event === undefined || isWindows) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) gone();
  }, LOOK_AT_PARENT_MS).unref();
}

const isOnTerminal = (): boolean => [0, 1, 2].some((fd) => isatty(fd));
