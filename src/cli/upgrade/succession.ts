/**
 * How a new process of oxbow follows a running one without a refused connection: the running one starts it with its own arguments; the new
 * one listens on the same port, where connections wait, and reports that; the running one then ends in order, and the new one takes the
 * data folder. docs/6-run/upgrade.md.
 * In: SIGUSR2 in the running process; the environment of the new one, or of a unit of systemd. Out: an open port.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Endpoint } from '../../config/address.ts';
import type { Config } from '../../config/schema.ts';
import { type ClaimedPort, claimPort } from '../../http/claimed-port.ts';
import { canSharePorts } from '../../http/hot/listeners.ts';
import { sleep, withDeadline } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { onUpgradeRequest } from '../../lib/platform.ts';
import { launcherPath } from '../../lib/program-files.ts';
import type { Log } from '../../observe/log.ts';
import { findRunning, isLocked, noteUpgradeProblem } from '../../store/running.ts';

/** Set in the new process: file descriptor on which it reports that it holds the port. */
const REPORT_FD = 'OXBOW_REPORT_FD';
const CLAIMED = 'claimed';
/** Longest start of the new process until then, and longest end of the running one, ms. */
const START_WITHIN_MS = 30_000;
const FREE_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;
/** SD_LISTEN_FDS_START. */
const FIRST_FD = 3;

/**
 * Starts the new process at SIGUSR2. A start that fails is logged and reported to `oxbow upgrade`; this process continues.
 *
 * @param followed called when the new process holds the port: end this one
 */
export function onUpgradeSignal(
  { data, threads }: Pick<Config, 'data' | 'threads'>,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
  followed: () => void,
): Disposable {
  let isStarting = false;
  const start = async () => {
    if (isStarting) return;
    isStarting = true;
    try {
      assertCanBeFollowed(threads);
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

function assertCanBeFollowed(threads: number): void {
  const reason = !canSharePorts
    ? 'This system does not let two processes share a port.'
    : threads > 1
      ? 'A server with serving threads cannot pass its port on.'
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
  using limit = withDeadline(START_WITHIN_MS, 'waiting for the new process', { signal });
  try {
    await once(child, 'spawn', limit);
    const reports = createInterface({ input: child.stdio[3] as Readable, ...limit });
    for await (const line of reports) {
      if (line !== CLAIMED) continue;
      child.unref();
      return { pid: child.pid! };
    }
    throw new Error('it ended before it held the port');
  } catch (error) {
    child.kill('SIGKILL');
    throw new OxbowError('upgrade-failed', `The new process did not start: ${messageOf(error)}.`, { cause: error });
  }
}

/**
 * The port that is open before this process serves: in a process that a running one has started it claims the port of that one and waits
 * until it has ended; under systemd it is the socket of the unit.
 *
 * @returns undefined where the process opens its port itself
 * @throws DOMException `TimeoutError` if the running process does not end
 */
export async function openEarlyPort(
  { data, http, threads }: Pick<Config, 'data' | 'http' | 'threads'>,
  { signal }: { signal: AbortSignal },
): Promise<ClaimedPort | undefined> {
  const report = Number(process.env[REPORT_FD] ?? Number.NaN);
  delete process.env[REPORT_FD];
  // Serving threads open the port themselves.
  if (Number.isNaN(report)) return threads > 1 ? undefined : takeListenFd();
  const running = findRunning(data);
  const claimed = await claimPort(running ? withPortOf(http, running.http) : http);
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

/** The socket that systemd listens on for this process, so that connections wait during a restart. sd_listen_fds(3). */
async function takeListenFd(): Promise<ClaimedPort | undefined> {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  delete process.env.LISTEN_PID; // child processes have no such socket
  delete process.env.LISTEN_FDS;
  return Number(LISTEN_PID) === process.pid && Number(LISTEN_FDS) > 0 ? claimPort({ fd: FIRST_FD }) : undefined;
}

/** The port of a running server where the setting picks a free one. */
function withPortOf(endpoint: Endpoint, url: string): Endpoint {
  return endpoint.port === 0 ? { ...endpoint, port: Number(new URL(url).port) } : endpoint;
}
