/**
 * `oxbow case list` and `oxbow case export ID -o FILE`: the cases of a running oxbow, and the archive of one.
 * In: a running oxbow. Out: a table, or JSON; a ZIP file.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { CaseArchive, CaseExport, CaseSummary } from '../../api/cases/case-shapes.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError, type RefusalCode, refusals } from '../../lib/errors.ts';
import { printable } from '../../lib/text/printable.ts';
import { ask, fetchTo } from '../export-remote.ts';
import { refuseToReplace } from '../output-file.ts';
import { bar, openProgressLine, sayBytes } from '../progress.ts';
import { askServer, openServer, type ServerAccess } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson, table } from '../terminal.ts';

/** Largest page of the API. */
const PAGE = '200';
const LOOK_EVERY_MS = 300;
/** Share of the progress: writing on the server; the rest is the download. */
const WRITE_SHARE = 0.7;

interface ExportOptions {
  readonly output: string;
  readonly overwrite?: true;
  readonly keep?: true;
  readonly server?: string;
  readonly json?: true;
}

/** Adds the verb with its subcommands. */
export function addCase(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program.command('case').summary('cases: ranges of several streams, and their archives');
  const list = verb
    .command('list')
    .summary('Lists the cases.')
    .description('Lists the cases of a running oxbow, newest first.')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print JSON.');
  addSettingFlags(list, ['data', 'adminToken']);
  list.action(async () => exit(await listCases(list)));
  const save = verb
    .command('export')
    .summary('Exports a case to one archive.')
    .description('Exports a case to one ZIP file with its media, notes, sums, and a page that plays it offline.')
    .argument('<ID>', 'id of the case')
    .requiredOption('-o, --output <FILE>', 'The file. In a folder it is named after the case.')
    .option('--overwrite', 'Replace a file that exists.')
    .option('--keep', 'Keep the archive on the server too, for `jobs.keep`.')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print the result as JSON.');
  addSettingFlags(save, ['data', 'adminToken']);
  save.action(async (id: string) => exit(await runExport(id, save)));
}

async function listCases(command: Command): Promise<ExitCode> {
  const { server, json } = command.opts<{ server?: string; json?: true }>();
  const { config } = await readSettings(command);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  const cases = await askServer(config, server, async (client) => {
    const items: CaseSummary[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await client.listCases({ limit: PAGE, ...(cursor !== undefined && { cursor }) }, { signal });
      items.push(...page.items);
      if (page.nextCursor === null) return items;
      cursor = page.nextCursor;
    }
  });
  if (json) sayJson(cases);
  else if (cases.length === 0) say('There are no cases.');
  else say(table([['id', 'state', 'ranges', 'opened', 'by', 'title'], ...cases.map(rowOf)]));
  return 0;
}

function rowOf({ id, state, ranges, createdAt, createdBy, title }: CaseSummary): string[] {
  return [id, state, String(ranges), createdAt, printable(createdBy), printable(title)];
}

async function runExport(id: string, command: Command): Promise<ExitCode> {
  const options = command.opts<ExportOptions>();
  const { config } = await readSettings(command);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  const output = resolve(options.output);
  const isFolder = existsSync(output) && statSync(output).isDirectory();
  if (!isFolder && !options.overwrite) refuseToReplace(output);
  const begunAt = performance.now();
  try {
    await using server = await openServer(config, options.server);
    using line = openProgressLine();
    const progress = (share: number) => line.show(() => bar(share, performance.now() - begunAt));
    const address = `/api/v1/cases/${encodeURIComponent(id)}/exports`;
    const { id: job } = await ask<CaseExport>(server, 'POST', address, { signal });
    try {
      const archive = await written(server, { address, job }, (share) => progress(WRITE_SHARE * share), signal);
      const path = isFolder ? join(output, archive.filename) : output;
      if (!options.overwrite) refuseToReplace(path);
      await fetchTo(server, archive.url, path, {
        progress: (done) => progress(WRITE_SHARE + (1 - WRITE_SHARE) * (done / archive.bytes)),
        signal,
        bytes: archive.bytes,
      });
      line[Symbol.dispose]();
      if (options.json) sayJson({ ...archive, url: options.keep ? archive.url : null, file: path });
      else for (const sentence of describe(archive, path)) say(sentence);
      return 0;
    } finally {
      const never = new AbortController().signal;
      const isKept = options.keep && !signal.aborted;
      if (!isKept) await ask(server, 'DELETE', `${address}/${job}`, { signal: never }).catch(() => undefined);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    note('oxbow: stopped; nothing was written');
    return 130;
  }
}

/** Waits until the archive is written. @throws OxbowError why it was not */
async function written(
  server: ServerAccess,
  { address, job }: { readonly address: string; readonly job: string },
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<CaseArchive> {
  for (;;) {
    const { items } = await ask<{ readonly items: readonly CaseExport[] }>(server, 'GET', address, { signal });
    const found = items.find(({ id }) => id === job);
    if (found?.result) return found.result;
    if (found?.state !== 'queued' && found?.state !== 'running') {
      const { code = 'internal', detail = `The export was ${found?.state ?? 'deleted'}.` } = found?.error ?? {};
      throw new OxbowError(code in refusals ? (code as RefusalCode) : 'internal', detail);
    }
    progress(found.progress);
    await sleep(LOOK_EVERY_MS, { signal });
  }
}

/** The archive as text. */
function describe({ bytes, files, sha256, missing }: CaseArchive, path: string): string[] {
  return [
    `${path}: ${files} files, ${sayBytes(bytes)}`,
    `  SHA-256 ${sha256}`,
    ...missing.map(({ stream, detail }) => `  without ${printable(stream)}: ${printable(detail)}`),
  ];
}
