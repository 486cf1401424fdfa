/**
 * How a person or a supervisor ends oxbow: SIGINT, SIGTERM, SIGHUP, or the end of the launcher that started it; and how a supervisor
 * tells it to read its settings again: SIGHUP, unless it says that the terminal was closed.
 * In: signals. Out: one call of `stop`; a second signal ends the process at once. Calls of `reload`.
 */
import { isatty } from 'node:tty';
import { isWindows } from '../lib/platform.ts';

/** Ctrl-C reaches the whole process group, and the launcher passes it on: what comes within this time is the same wish, ms. */
const SAME_WISH_MS = 500;

/** How often the parent is looked at where npm started oxbow, ms. */
const LOOK_AT_PARENT_MS = 250;

/** Why oxbow stops. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'launcher-gone' | 'data-folder-taken';

/**
 * Listens until disposed.
 *
 * @param stop called at the first wish to stop
 * @param atOnce called at the second; ends the process with 130 by default
 * @param reload called at a SIGHUP that does not mean the end; without it every SIGHUP does
 */
export function onStopSignal(
  stop: (reason: StopReason) => void,
  atOnce: () => void = () => process.exit(130),
  reload?: () => void,
): Disposable {
  const startedOnTerminal = isOnTerminal();
  let firstAt: number | undefined;
  const wish = (reason: StopReason) => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      stop(reason);
    } else if (now - firstAt >= SAME_WISH_MS && reason !== 'launcher-gone') {
      atOnce();
    }
  };
  const onInt = () => wish('SIGINT');
  const onTerm = () => wish('SIGTERM');
  const onHup = () => {
    // A terminal that was closed is none any more. On Windows the signal only ever means that.
    const isEnd = process.platform === 'win32' || (startedOnTerminal && !isOnTerminal());
    if (reload && !isEnd) reload();
    else wish('SIGHUP');
  };
  const onGone = () => wish('launcher-gone');
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
 * npm runs a script in a shell and passes SIGTERM to that shell, which dies of it and passes nothing on. The parent is another one then.
 * Outside npm a parent may end and oxbow continue, as behind nohup. Windows keeps the number of a parent that ended, and has no SIGTERM.
 */
function watchNpmShell(gone: () => void): NodeJS.Timeout | undefined {
  if (process.env.npm_lifecycle_event === undefined || isWindows) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) gone();
  }, LOOK_AT_PARENT_MS).unref();
}

const isOnTerminal = (): boolean => [0, 1, 2].some((fd) => isatty(fd));
