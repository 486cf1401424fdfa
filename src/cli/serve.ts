/**
 * `oxbow [serve] [[NAME=]URL…]`: the server, until a signal ends it.
 * In: settings. Out: a running app; its addresses on stdout.
 */
import { relative } from 'node:path';
import type { Command } from 'commander';
import { isLoopback } from '../config/address.ts';
import { isExposed } from '../config/exposure.ts';
import type { Config, SourceConfig } from '../config/schema.ts';
import { printDuration } from '../lib/duration.ts';
import { OxbowError } from '../lib/errors.ts';
import { collectGarbage, letHeapGrow, TIDY_AFTER_MS } from '../lib/memory/heap.ts';
import { version } from '../lib/version.ts';
import { openReloads } from './reloads.ts';
import { rememberSample, withSample } from './sample.ts';
import { addSettingFlags, addVsrFlags, readAgain, readSettings, settingsFiles } from './setting-flags.ts';
import { onStopSignal, type StopReason } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson, table } from './terminal.ts';

/** Longest that closing may take before the process ends anyway, ms. */
const CLOSE_WITHIN_MS = 9500;

/** Adds the verb, which is the default. */
export function addServe(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('serve', { isDefault: true })
    .summary('the server; each URL is a pulled and recorded stream')
    .description('Serves streams: live, recorded and rewindable. Each URL is a live HLS stream to pull and record.')
    .argument('[[NAME=]URL...]', 'streams to pull; NAME is made from the host where it is missing')
    .option('--json', 'Print one line of JSON when ready.');
  addVsrFlags(addSettingFlags(command));
  command.addHelpText('after', examples);
  command.action(async (urls: string[]) => exit(await serve(command, urls)));
}

const examples = `
Examples:
  oxbow                                     the sample stream, if nothing was recorded yet
  oxbow https://cam.example/live.m3u8       pull, record and serve one stream
  oxbow door=https://cam.example/live.m3u8 --keep 7d
  oxbow --config oxbow.yaml --listen 0.0.0.0`;

async function serve(command: Command, urls: readonly string[]): Promise<ExitCode> {
  refuseMistypedVerb(command, urls);
  const loaded = await readSettings(command, urls);
  const config = withSample(loaded);
  const starting = new AbortController();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<StopReason>();
  let isReady = false;
  let late: NodeJS.Timeout | undefined;
  await using reloads = await openReloads(settingsFiles(command), config, () => readAgain(command, urls));
  const onStop = (reason: StopReason) => {
    late = setTimeout(() => {
      note(`oxbow: closing took longer than ${CLOSE_WITHIN_MS / 1000} s; ending now`);
      process.exit(1);
    }, CLOSE_WITHIN_MS);
    // Before the server is ready the start is aborted; afterwards it shuts down in order.
    if (!isReady) starting.abort(new DOMException(`stopped by ${reason}`, 'AbortError'));
    stop(reason);
  };
  using _signals = onStopSignal(onStop, undefined, () => reloads.request('SIGHUP'));
  letHeapGrow();
  const { startApp } = await import('../app/app.ts');
  const isForPrograms = command.opts<{ json?: true }>().json === true;
  const shown = Promise.withResolvers<void>();
  let app: Awaited<ReturnType<typeof startApp>> | undefined;
  try {
    app = await startApp(config, {
      signal: starting.signal,
      origins: loaded.origins,
      onTaken: () => onStop('data-folder-taken'),
      shown: isForPrograms ? undefined : shown.promise,
    });
  } catch (error) {
    if (!starting.signal.aborted) throw error;
  }
  if (app && !starting.signal.aborted) {
    isReady = true;
    reloads.begin(app);
    rememberSample(config);
    if (isForPrograms) sayJson({ event: 'ready', http: app.httpUrl, ...app.ingest });
    else say(startText(config, app.httpUrl, app.signIn));
  }
  shown.resolve();
  const tidying = setTimeout(collectGarbage, TIDY_AFTER_MS);
  const reason = await stopped;
  clearTimeout(tidying);
  await reloads[Symbol.asyncDispose]();
  await app?.close(reason);
  clearTimeout(late);
  if (reason === 'data-folder-taken') return 1;
  return !isReady && reason === 'SIGINT' ? 130 : 0;
}

/** A word that is not a URL is probably a verb. */
function refuseMistypedVerb(command: Command, urls: readonly string[]): void {
  const word = urls[0];
  if (word === undefined || !/^[a-z-]+$/.test(word)) return;
  const verbs = (command.parent?.commands ?? []).map((each) => each.name()).join(', ');
  throw new OxbowError('bad-request', `"${word}" is neither a verb nor a URL`, {
    extra: { hint: `Verbs: ${verbs}. See oxbow --help.` },
  });
}

/** Text after the start: addresses, retention, streams. */
export function startText(config: Config, httpUrl: string, signIn?: string): string {
  const base = config.publicUrl ?? httpUrl;
  const folder = relative(process.cwd(), config.data) || '.';
  const shown = folder.startsWith('..') ? config.data : folder;
  const rows: string[][] = [];
  if (signIn !== undefined) {
    rows.push(['  Sign in', `${base}${signIn}`]);
    rows.push(['', 'to add streams and change settings; works once, within 15 minutes']);
  }
  rows.push(['  Watch', base], ['  Recordings', `${shown}, kept ${printDuration(config.record.keep)}`]);
  for (const [index, [name, stream]] of Object.entries(config.streams).entries()) {
    const kept = !stream.record
      ? ', not recorded'
      : stream.keep === undefined
        ? ''
        : `, kept ${printDuration(stream.keep)}`;
    rows.push([index === 0 ? '  Streams' : '', `${base}/watch/${name}  ${whence(stream.source)}${kept}`]);
  }
  const reach = !isExposed(config)
    ? 'Only this computer can connect; --listen 0.0.0.0 opens it to the network.'
    : isLoopback(config.http.address)
      ? 'Others reach it through a proxy.'
      : 'Others on the network can reach it.';
  return `oxbow ${version}\n\n${table(rows)}\n\n${reach} Ctrl-C ends it.\n`;
}

/** The source as text, without secrets of its URL. */
function whence(source: SourceConfig): string {
  if (source.type === 'pull') return `(from ${URL.parse(source.url)?.host ?? source.url})`;
  return source.type === 'push' ? '(waits for a publisher)' : '(test picture)';
}
