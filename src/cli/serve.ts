/**
 * `oxbow [serve] [[NAME=]URL…]`: the server, until a signal ends it.
 * In: settings. Out: a running app; its addresses on stdout.
 */
import type { Command } from 'commander';
import type { RunningApp } from '../app/app.ts';
import { nearest } from '../config/names.ts';
import { OxbowError, refusalRow, sentenceOf } from '../lib/errors.ts';
import { collectGarbage, letHeapGrow, TIDY_AFTER_MS } from '../lib/memory/heap.ts';
import { returnUnusedPages } from '../lib/memory/unused-pages.ts';
import { launcherName, quoted } from '../lib/program.ts';
import { findRunning } from '../store/running.ts';
import { openServerProcess, type ReadyProcess, reportReady, takeProcessMark } from './processes/process.ts';
import { openReloads } from './reloads.ts';
import { rememberSample, withSample } from './sample.ts';
import { addSettingFlags, addVsrFlags, readAgain, readSettings, settingsFiles } from './setting-flags.ts';
import { startText } from './start-text.ts';
import { END_WITHIN_MS, onStopSignal, type StopReason } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson } from './terminal.ts';
import { onUpgradeSignal, openEarlyPort } from './upgrade/succession.ts';

/**
 * Adds the verb, which is the default.
 *
 * @param verbNames of all verbs, for the hint where a verb was meant
 */
export function addServe(
  program: Command,
  exit: (code: ExitCode) => void,
  verbNames: () => Promise<readonly string[]>,
): void {
  const command = program
    .command('serve', { isDefault: true })
    .summary('the server; each URL is a pulled and recorded stream')
    .description('Serves streams: live, recorded and rewindable. Each URL is a live HLS stream to pull and record.')
    .argument('[[NAME=]URL...]', 'streams to pull; NAME is made from the host where it is missing')
    .option('--json', 'Print one line of JSON when ready.');
  addVsrFlags(addSettingFlags(command));
  command.addHelpText('after', examples);
  command.action(async (urls: string[]) => exit(await serve(command, urls, verbNames)));
}

const examples = `
Examples:
  oxbow                                     the sample stream, if nothing was recorded yet
  oxbow https://cam.example/live.m3u8       pull, record and serve one stream
  oxbow door=https://cam.example/live.m3u8 --keep 7d
  oxbow --config oxbow.yaml --listen 0.0.0.0`;

async function serve(
  command: Command,
  urls: readonly string[],
  verbNames: () => Promise<readonly string[]>,
): Promise<ExitCode> {
  await refuseMistypedVerb(urls, verbNames);
  const isProcess = takeProcessMark();
  const loaded = await readSettings(command, urls);
  const config = withSample(loaded);
  const isForPrograms = command.opts<{ json?: true }>().json === true;
  const show = (app: ReadyProcess) => {
    if (isForPrograms) sayJson({ event: 'ready', http: app.httpUrl, ...app.ingest });
    else say(startText(config, app));
  };
  if (!isProcess && config.processes > 1) {
    const { supervise } = await import('./processes/supervisor.ts');
    return await supervise(config, show);
  }
  const starting = new AbortController();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<StopReason>();
  let isReady = false;
  let late: NodeJS.Timeout | undefined;
  let drainMs = 0;
  let app: RunningApp | undefined;
  let isClosing = false;
  await using reloads = await openReloads(settingsFiles(command), config, () => readAgain(command, urls));
  const onStop = (reason: StopReason) => {
    // Load balancers wait for a service; Ctrl-C and the loss of the data folder end at once, also in the
    // middle of a drain.
    drainMs = isReady && reason === 'SIGTERM' ? config.drain : 0;
    clearTimeout(late);
    late = setTimeout(() => {
      app?.giveUp();
      note(`oxbow: closing took longer than ${END_WITHIN_MS / 1000} s; ending now`);
      process.exit(1);
    }, drainMs + END_WITHIN_MS);
    if (isClosing) void app?.close(reason);
    // Before the server is ready the start is aborted; afterwards it shuts down in order.
    if (!isReady) starting.abort(new DOMException(`stopped by ${reason}`, 'AbortError'));
    stop(reason);
  };
  // `onStop` sets a separate time limit: it begins after a drain, and the loss of the data folder has it too.
  using _signals = onStopSignal(onStop, { reload: () => reloads.request('SIGHUP'), late: () => undefined });
  using _growth = letHeapGrow();
  using _pages = returnUnusedPages();
  const { startApp } = await import('../app/app.ts');
  const part = isProcess ? await openServerProcess() : undefined;
  await using claimed = part ? undefined : await openEarlyPort(config, starting);
  const shown = Promise.withResolvers<void>();
  try {
    app = await startApp(config, {
      signal: starting.signal,
      origins: loaded.origins,
      onTaken: () => onStop('data-folder-taken'),
      claimed,
      process: part,
      shown: isForPrograms || part ? undefined : shown.promise,
    });
  } catch (error) {
    if (!starting.signal.aborted) throw urls.length > 0 ? withAddInstead(error, config.data, urls) : error;
  }
  if (app && !starting.signal.aborted) {
    isReady = true;
    endAfterCrash(app);
    reloads.begin(app);
    if (part) reportReady(app);
    else {
      rememberSample(config);
      show(app);
    }
  }
  shown.resolve();
  using _upgrades =
    !app || part
      ? undefined
      : onUpgradeSignal(config, { log: app.log, signal: starting.signal }, () => onStop('succeeded'));
  const tidying = setTimeout(collectGarbage, TIDY_AFTER_MS);
  const reason = await stopped;
  clearTimeout(tidying);
  await reloads[Symbol.asyncDispose]();
  isClosing = true;
  await app?.close(reason, { drainMs });
  clearTimeout(late);
  if (reason === 'data-folder-taken') return 1;
  return !isReady && reason === 'SIGINT' ? 130 : 0;
}

/**
 * Reports an exception that nothing has caught, and ends: the state of this process is unknown, that of the
 * files is not.
 */
function endAfterCrash(app: RunningApp): void {
  process.once('uncaughtException', (error) => {
    process.on('uncaughtException', () => undefined); // of the same cause, while the first is reported
    const end = () => process.exit(1);
    app.crash(error).then(end, end);
  });
}

/** Where another oxbow has the data folder, the streams of the command line may be for that one. */
function withAddInstead(error: unknown, folder: string, urls: readonly string[]): unknown {
  if (!(error instanceof OxbowError && error.code === 'data-in-use') || findRunning(folder) === undefined) return error;
  const add = [launcherName(), 'add', ...[...urls, '--data', folder].map(quoted)].join(' ');
  const hint = `To add ${urls.length > 1 ? 'the streams' : 'the stream'} to the one that runs: ${add}\n  ${refusalRow(error).hint}`;
  return new OxbowError('data-in-use', sentenceOf(error), { cause: error, extra: { hint } });
}

/** A word that is not a URL is probably a verb. */
async function refuseMistypedVerb(urls: readonly string[], verbNames: () => Promise<readonly string[]>): Promise<void> {
  const word = urls[0];
  if (word === undefined || !/^[a-z-]+$/.test(word)) return;
  const verbs = await verbNames();
  const similar = nearest(word, verbs);
  // `npm start` adds `serve`, so that `npm start -- add URL` comes here.
  const hint = verbs.includes(word)
    ? `\`npm start\` is \`oxbow serve\`. Type: ${[launcherName(), ...urls.map(quoted)].join(' ')}`
    : `${similar === undefined ? '' : `Did you mean ${similar}? `}Verbs: ${verbs.join(', ')}. See oxbow --help.`;
  const message = verbs.includes(word) ? `"${word}" is a verb, not a URL.` : `"${word}" is neither a verb nor a URL.`;
  throw new OxbowError('bad-request', message, { extra: { hint } });
}
