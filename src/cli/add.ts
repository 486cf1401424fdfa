/**
 * `oxbow add [NAME=]URL…`: the running oxbow pulls and records each URL.
 * In: addresses, a running oxbow. Out: streams; their names, pages and states as a table or JSON.
 */

import { FormatError } from '@oxbow/media/errors';
import type { Command } from 'commander';
import { explainUnsupported, readPastedAddress } from '../api/source/pasted-address.ts';
import { suggestName } from '../api/source/suggested-name.ts';
import type { OxbowClient } from '../client/client.ts';
import type { StreamView } from '../client/made/shapes.ts';
import { splitName } from '../config/source-url.ts';
import { sleep } from '../lib/abort.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { launcherName, quoted } from '../lib/program.ts';
import { findRunning } from '../store/running.ts';
import { askServer, parseServer, runningInstance, urlOfRunning } from './running-server.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson, table } from './terminal.ts';

interface Options {
  readonly server?: string;
  readonly token?: string;
  readonly keep?: string;
  readonly json?: true;
}

/** One argument. */
interface NewSource {
  /** Undefined: to be derived from the address. */
  readonly name: string | undefined;
  readonly url: string;
}

/** Largest page of the API. */
const PAGE = '1000';
/** How long the states of the new streams are followed, ms; most sources deliver within two seconds. */
const FOLLOW_MS = 8_000;
const FOLLOW_EVERY_MS = 250;

/** Adds the verb. */
export function addAdd(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program
    .command('add')
    .summary('streams to the running oxbow')
    .description('Adds streams to the running oxbow: each URL is pulled, recorded and kept after a restart.')
    .argument('<[NAME=]URL...>', 'streams to pull; NAME is made from the path or the host where it is missing')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--token <TOKEN>', 'Admin token of that server; also OXBOW_ADMIN_TOKEN.')
    .option('--json', 'Print the streams as JSON.');
  addSettingFlags(verb, ['data', 'record.keep']);
  verb.addHelpText('after', examples);
  verb.action(async (args: string[]) => {
    await add(args, verb);
    exit(0);
  });
}

const examples = `
Examples:
  oxbow add https://cam.example/door/live.m3u8
  oxbow add door=https://cam.example/live.m3u8 yard=srt://192.0.2.10:8890 --keep 7d
  oxbow add https://cam.example/live.m3u8 --server https://tv.example --token TOKEN`;

async function add(args: readonly string[], verb: Command): Promise<void> {
  const sources = args.map(parseSource);
  const { server, token, keep, json } = verb.opts<Options>();
  const { config } = await readSettings(verb);
  const access = { data: config.data, adminToken: token ?? config.adminToken };
  if (server === undefined && findRunning(access.data) === undefined) throw noneRuns(access.data, args);
  const base = (server === undefined ? pageAddress(access.data) : parseServer(server)).replace(/\/+$/, '');
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('interrupted', 'AbortError')));
  const { signal } = controller;
  const added = await askServer(access, server, async (client) => {
    const taken = await namesOf(client, signal);
    const names: string[] = [];
    for (const { name = suggestName('', sources[names.length]!.url, taken), url } of sources) {
      const body = { name, source: { type: 'pull' as const, url }, ...(keep !== undefined && { keep }) };
      await client.createStream({ body }, { signal });
      taken.add(name);
      names.push(name);
      if (!json) note(`${name} is added.`);
    }
    return follow(client, names, signal);
  });
  const views = added.map((view) => ({ ...view, page: `${base}/watch/${view.name}` }));
  if (json) return sayJson(views.map(({ name, page, state, problem }) => ({ name, url: page, state, problem })));
  say(table(views.map(({ name, state, page }) => [name, state, page])));
  for (const { name, problem } of views) {
    if (problem !== '') note(`${name}: ${problem}. oxbow keeps trying; \`oxbow probe\` shows what the address has.`);
  }
}

/** Reads one argument, `[NAME=]URL`. */
function parseSource(argument: string): NewSource {
  const { name, rest: address } = nameIn(argument);
  const read = readPastedAddress(address);
  if ('url' in read) return { name, url: read.url };
  const { message, hint } = explainUnsupported(read.unsupported, read.scheme);
  throw new OxbowError('bad-request', `"${argument.slice(0, 100)}": ${sentenceOf(message)}`, { extra: { hint } });
}

/** @throws OxbowError `bad-name` */
function nameIn(argument: string): ReturnType<typeof splitName> {
  try {
    return splitName(argument);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-name', sentenceOf(error), { cause: error });
  }
}

/** The exact command that starts oxbow with these streams instead. */
function noneRuns(folder: string, args: readonly string[]): OxbowError {
  const start = [launcherName(), 'serve', ...[...args, '--data', folder].map(quoted)].join(' ');
  return new OxbowError('not-found', `No oxbow runs on the data folder ${folder}.`, {
    extra: { hint: `Start it with the stream: ${start}\n  Or name the running one with --data DIR or --server URL.` },
  });
}

/** Where its pages are for people. */
function pageAddress(folder: string): string {
  const running = runningInstance(folder);
  return running.publicUrl ?? urlOfRunning(running);
}

async function namesOf(client: OxbowClient, signal: AbortSignal): Promise<Set<string>> {
  const names = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const page = await client.listStreams({ limit: PAGE, ...(cursor !== undefined && { cursor }) }, { signal });
    for (const { name } of page.items) names.add(name);
    if (page.nextCursor === null) return names;
    cursor = page.nextCursor;
  }
}

/** The states of the new streams once each is live or has a problem, or after a while. */
async function follow(client: OxbowClient, names: readonly string[], signal: AbortSignal): Promise<StreamView[]> {
  const late = AbortSignal.timeout(FOLLOW_MS);
  for (;;) {
    const views = await Promise.all(names.map((name) => client.getStream({ name }, { signal })));
    const isKnown = views.every(({ state, problem }) => state === 'live' || problem !== '');
    if (isKnown || late.aborted) return views;
    await sleep(FOLLOW_EVERY_MS, { signal });
  }
}
