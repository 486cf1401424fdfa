/**
 * How a new process of oxbow follows a running one without a refused connection: the running one starts it
 * with its own arguments; the new one listens on the same port, where connections wait, and reports that; the
 * running one then ends in order, and the new one takes the data folder. docs/9-run/upgrade.md.
 * In: SIGUSR2 in the running process; the environment of the new one, or of a unit of systemd. Out: an open
 * port.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Endpoint } from '../../config/address.ts';
import type { Config } from '../../config/schema.ts';
import { sleep, waitFor, withDeadline } from '../../lib/abort.ts';
import { messageOf, OxbowError, sentenceOf } from '../../lib/errors.ts';
import { onUpgradeRequest } from '../../lib/platform.ts';
import { launcherPath } from '../../lib/program-files.ts';
import type { Log } from '../../observe/log.ts';
import { type ClaimedPort, claimPort } from '../../serve/claimed-port.ts';
import { canSharePorts } from '../../serve/hot/listeners.ts';
import { findRunning, isLocked, noteUpgradeProblem } from '../../store/running.ts';

/** Set in the new process: file descriptor on which it reports that it holds the port. */
const REPORT_FD = 'OXBOW_REPORT_FD';
const CLAIMED = 'claimed';
/**
 * Longest start of the new process until then, ms: long, because a busy machine may need it, and the running
 * process serves meanwhile.
 */
export const START_WITHIN_MS = 120_000;
/** Longest end of the running process, ms. */
export const FREE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** SD_LISTEN_FDS_START. */
const FIRST_FD = 3;

/**
 * Starts the new process at SIGUSR2. A start that fails is logged and reported to `oxbow upgrade`; this
 * process continues.
 *
 * @param followed called when the new process holds the port: end this one
 */
export function onUpgradeSignal(
  { data }: Pick<Config, 'data'>,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
  followed: () => void,
): Disposable {
  let isStarting = false;
  const start = async () => {
    if (isStarting) return;
    isStarting = true;
    try {
      assertCanBeFollowed();
      const { pid } = await startSuccessor({ signal });
      log.info({ pid }, 'a new process takes over');
      followed();
    } catch (error) {
      isStarting = false;
      log.error({ error: messageOf(error) }, 'the upgrade failed; this process continues');
      await noteUpgradeProblem(data, messageOf(error)).catch((second: unknown) =>
        log.warn({ error: messageOf(second) }, 'the reason cannot be reported to `oxbow upgrade`'),
      );
    }
  };
  return onUpgradeRequest(() => void start());
}

function assertCanBeFollowed(): void {
  const reason = !canSharePorts
    ? 'This system does not let two processes share a port.'
    : process.env.npm_lifecycle_event !== undefined
      ? 'The server was started by npm, which ends with it: start bin/oxbow.'
      : undefined;
  if (reason) throw new OxbowError('upgrade-failed', reason);
}

/**
 * Starts the new process, with the arguments and the output of this one.
 *
 * @returns when it holds the port; this process should then end
 * @throws OxbowError `upgrade-failed` if it ended or did not report in time: this process continues
 */
async function startSuccessor({ signal }: { signal: AbortSignal }): Promise<{ readonly pid: number }> {
  const { npm_lifecycle_event: _, ...environment } = process.env;
  const child = spawn(launcherPath, process.argv.slice(2), {
    env: { ...environment, [REPORT_FD]: '3' },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  const exited = new Promise<string>((resolve) =>
    child.once('exit', (code, by) => resolve(code === null ? `by ${by}` : `with status ${code}`)),
  );
  using limit = withDeadline(START_WITHIN_MS, 'holding the port', { signal });
  try {
    await once(child, 'spawn', limit);
    await untilClaimed(child.stdio[3] as Readable, exited, limit);
    child.unref();
    return { pid: child.pid! };
  } catch (error) {
    child.kill('SIGKILL');
    throw new OxbowError('upgrade-failed', `The new process did not start: ${sentenceOf(error)}`, { cause: error });
  }
}

/**
 * Waits until a new process reports that it holds the port.
 *
 * @param exited how it ended
 * @throws the signal's reason; Error if the process ended without that report
 */
export async function untilClaimed(
  report: Readable,
  exited: Promise<string>,
  limit: { readonly signal: AbortSignal },
): Promise<void> {
  for await (const line of createInterface({ input: report, ...limit })) if (line === CLAIMED) return;
  // An aborted interface ends as one whose input has ended.
  limit.signal.throwIfAborted();
  throw new Error(`it ended before it held the port, ${await waitFor(exited, limit)}`);
}

/**
 * The port that is open before this process serves: in a process that a running one has started it claims the
 * port of that one and waits until it has ended; under systemd it is the socket of the unit.
 *
 * @returns undefined where the process opens its port itself
 * @throws DOMException `TimeoutError` if the running process does not end
 * @throws OxbowError `bad-setting` where systemd has the port that serving threads would share
 */
export async function openEarlyPort(
  { data, http, threads, processes }: Pick<Config, 'data' | 'http' | 'threads' | 'processes'>,
  { signal }: { signal: AbortSignal },
): Promise<ClaimedPort | undefined> {
  const report = Number(process.env[REPORT_FD] ?? Number.NaN);
  delete process.env[REPORT_FD];
  if (Number.isNaN(report)) return takeListenFd(threads);
  const running = findRunning(data);
  const claimed = await claimPort(running ? withPortOf(http, running.http) : http, { isPaused: processes > 1 });
  try {
    writeSync(report, `${CLAIMED}\n`);
    closeSync(report);
    using limit = withDeadline(FREE_WITHIN_MS, 'waiting for the data folder', { signal });
    while (isLocked(data)) await sleep(LOOK_EVERY_MS, limit);
    return claimed;
  } catch (error) {
    await claimed[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The socket that systemd listens on for this process, so that connections wait during a restart.
 * sd_listen_fds(3).
 *
 * @throws OxbowError `bad-setting` with serving threads: a port is shared only by sockets of one user that
 *   were opened to share it
 */
async function takeListenFd(threads: number): Promise<ClaimedPort | undefined> {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  delete process.env.LISTEN_PID; // child processes have no such socket
  delete process.env.LISTEN_FDS;
  if (Number(LISTEN_PID) !== process.pid || !(Number(LISTEN_FDS) > 0)) return undefined;
  if (threads > 1) {
    throw new OxbowError('bad-setting', `\`threads\` is ${threads}, but systemd has opened the HTTP port.`, {
      extra: {
        hint: 'Serving threads open the port themselves: run `systemctl disable --now oxbow.socket`, or set 1.',
      },
    });
  }
  return claimPort({ fd: FIRST_FD });
}

/** The port of a running server where the setting picks a free one. */
function withPortOf(endpoint: Endpoint, url: string): Endpoint {
  return endpoint.port === 0 ? { ...endpoint, port: Number(new URL(url).port) } : endpoint;
}
