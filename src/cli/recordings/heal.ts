/**
 * `oxbow heal STREAM FILE [--at TIME]`: fills gaps of a recording from a file, on a running oxbow.
 * In: a file, when it begins. Out: the gaps that it was tried for; exit 1 while one of them is not filled.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { HealedFileView } from '../../api/healing/healed-file.ts';
import { OxbowError, type RefusalCode, refusals, sentenceOf } from '../../lib/errors.ts';
import { openServer, type ServerAccess } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';
import { TYPED_FORMS, typedTime } from './typed-time.ts';

interface Options {
  readonly at?: string;
  readonly timeZone?: string;
  readonly server?: string;
  readonly json?: true;
}

const clocks: Readonly<Record<NonNullable<HealedFileView['clock']>, string>> = {
  given: 'as given',
  name: 'by its name',
  header: 'by its header',
  media: 'by comparing it with the recording',
};

/** Adds the verb. */
export function addHeal(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program
    .command('heal')
    .summary('fills gaps of a recording from a file')
    .description(
      'Sends an MP4 or MPEG-TS file, such as one of a camera’s memory card, to a running oxbow, which fills the gaps of a recording that it covers. When the file begins is given, or in its name, or in its header; in any case its frames or its sound are compared with the recording.',
    )
    .argument('<STREAM>', 'name of the stream')
    .argument('<FILE>', 'MP4 or MPEG-TS file')
    .option('--at <TIME>', `When the file begins: ${TYPED_FORMS}.`)
    .option('--time-zone <ZONE>', 'Zone of the time in its name, e.g. Europe/Berlin; default that of this computer.')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print the result as JSON.');
  addSettingFlags(verb, ['data', 'adminToken']);
  verb.addHelpText('after', examples);
  verb.action(async (stream: string, file: string) => exit(await runHeal(stream, file, verb)));
}

const examples = `
Examples:
  oxbow heal door /media/card/20261130_142233.mp4
  oxbow heal door clip.mp4 --at 2026-11-30T14:22:33Z

Exit: 0 when every gap that the file was tried for is filled; 1 when something is missing.`;

async function runHeal(stream: string, file: string, verb: Command): Promise<ExitCode> {
  const { at, timeZone, server, json } = verb.opts<Options>();
  const { config } = await readSettings(verb, [], new Set(['at']));
  const query = new URLSearchParams({ filename: basename(file) });
  if (at !== undefined) query.set('at', typedTime(at, Date.now()));
  query.set('tz', timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const { size } = await stat(file).catch((error: unknown) => {
    throw new OxbowError('not-found', `The file ${file} cannot be read: ${sentenceOf(error)}`, { cause: error });
  });
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  try {
    await using access = await openServer(config, server);
    const path = `/api/v1/streams/${encodeURIComponent(stream)}/heal?${query}`;
    const view = await send(access, path, file, size, signal);
    if (json) sayJson(view);
    else for (const line of describe(view)) say(line);
    return view.gaps.every(({ missing }) => missing === 0) ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    note('oxbow: stopped; what was filled stays');
    return 130;
  }
}

async function send(
  { url, headers, fetch }: ServerAccess,
  path: string,
  file: string,
  bytes: number,
  signal: AbortSignal,
): Promise<HealedFileView> {
  const request = {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
    body: Readable.toWeb(createReadStream(file)) as unknown as ReadableStream,
    duplex: 'half',
    signal,
  } as const;
  const response = await fetch(`${url}${path}`, request).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new OxbowError('source-failed', `${url} does not respond: ${sentenceOf(error)}`, { cause: error });
  });
  const body = (await response.json()) as HealedFileView & { readonly code?: string; readonly detail?: string };
  if (response.ok) return body;
  const code = body.code !== undefined && body.code in refusals ? (body.code as RefusalCode) : 'source-failed';
  throw new OxbowError(code, body.detail ?? `${url} answered with ${response.status}.`);
}

/** Lines for a terminal. */
export function describe({ start, clock, seconds, gaps }: HealedFileView): string[] {
  const begins =
    start === null || clock === null ? 'when it begins is not known' : `it begins ${start} (${clocks[clock]})`;
  const lines = [`${seconds.toFixed(1)} s of media; ${begins}`];
  if (gaps.length === 0) lines.push('no gap of the recording is in its time');
  for (const { from, to, healed, missing, reason } of gaps) {
    const rest = missing === 0 ? '' : `, ${missing.toFixed(1)} s missing${reason === '' ? '' : `: ${reason}`}`;
    lines.push(`${from} to ${to}: ${healed.toFixed(1)} s filled${rest}`);
  }
  return lines;
}
