/**
 * `oxbow upgrade`: the installed version replaces the running one, without a refused connection.
 * In: the data folder of the running one. Out: the new process, on the same ports.
 * src/cli/upgrade/succession.ts has the rest.
 */
import type { Command } from 'commander';
import { sleep, withDeadline } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { requestUpgrade } from '../../lib/platform.ts';
import { findRunning, type RunningInstance } from '../../store/running.ts';
import { reachRunning, runningInstance } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, say, sayJson } from '../terminal.ts';
import { FREE_WITHIN_MS, START_WITHIN_MS } from './succession.ts';

/** The running process waits for the new one, and that one for the data folder, ms. */
const WITHIN_MS = START_WITHIN_MS + FREE_WITHIN_MS + 10_000;
const LOOK_EVERY_MS = 50;

/** Adds the verb. */
export function addUpgrade(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program
    .command('upgrade')
    .summary('the running oxbow to the installed version, without a refused connection')
    .description(
      'Starts the installed version with the arguments of the running one. It takes over its HTTP port and its data folder.',
    )
    .option('--json', 'Print the result as JSON.');
  addSettingFlags(verb, ['data']);
  verb.action(async () => {
    const { data } = (await readSettings(verb)).config;
    await upgrade(data, verb.opts<{ json?: true }>().json === true);
    exit(0);
  });
}

async function upgrade(data: string, asJson: boolean): Promise<void> {
  const before = runningInstance(data);
  const aborted = new AbortController();
  using _signals = onStopSignal(() => aborted.abort());
  using limit = withDeadline(WITHIN_MS, 'the upgrade', aborted);
  const from = await versionOf(before, limit);
  const startedMs = performance.now();
  request(before);
  const after = await untilFollowed(data, before, limit);
  const result = {
    from,
    to: await versionOf(after, limit),
    pid: after.pid,
    tookMs: Math.round(performance.now() - startedMs),
  };
  if (asJson) sayJson(result);
  else
    say(
      `oxbow ${result.to}, process ${after.pid}, has followed ${from}, process ${before.pid}, after ${result.tookMs} ms`,
    );
}

function request({ pid }: RunningInstance): void {
  try {
    requestUpgrade(pid);
  } catch (error) {
    throw new OxbowError('upgrade-failed', `Process ${pid} cannot be reached from here.`, {
      cause: error,
      extra: { hint: 'Run it as the user that oxbow runs as, on the same computer and in the same container.' },
    });
  }
}

/**
 * Waits until another process has announced itself; it does so before it is ready, and requests wait until it
 * is.
 */
async function untilFollowed(
  data: string,
  before: RunningInstance,
  limit: { readonly signal: AbortSignal },
): Promise<RunningInstance> {
  for (;;) {
    const now = findRunning(data);
    if (now && now.pid !== before.pid) return now;
    if (now?.upgradeProblem !== undefined && now.upgradeProblem !== before.upgradeProblem) {
      throw new OxbowError('upgrade-failed', now.upgradeProblem);
    }
    await sleep(LOOK_EVERY_MS, limit);
  }
}

async function versionOf(instance: RunningInstance, { signal }: { readonly signal: AbortSignal }): Promise<string> {
  const { url, fetch } = reachRunning(instance);
  const response = await fetch(`${url}/version`, { signal });
  return ((await response.json()) as { version: string }).version;
}
