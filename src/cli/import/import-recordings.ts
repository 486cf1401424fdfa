/**
 * `oxbow import recordings DIR`: recorded files of video-stream-recorder, MediaMTX, Frigate and others become
 * the past of streams.
 * In: a folder of files, a data folder that is not in use. Out: recordings; a report, on stdout.
 */
import { resolve } from 'node:path';
import { FormatError } from '@oxbow/media/errors';
import { type Command, Option } from 'commander';
import { printRfc3339 } from '../../api/instant.ts';
import { leftOutSentence } from '../../api/left-out.ts';
import type { FolderRequest, FoundFolder } from '../../features/imports/found-files.ts';
import type { ImportedStream, ImportReport } from '../../features/imports/import-recordings.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { bar, openProgressLine, sayBytes, sayLength } from '../progress.ts';
import { addDataFlags, readDataSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';

interface Options {
  readonly as?: string;
  readonly format: 'auto' | 'vsr' | 'mediamtx' | 'frigate' | 'files';
  readonly timePattern?: string;
  readonly timeZone?: string;
  readonly keep?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** Files of one stream that are named one by one. */
const MOST_NAMED = 20;

const examples = `
Examples:
  oxbow import recordings /opt/vsr/files --as door --dry-run
  oxbow import recordings ./recordings --format mediamtx --time-zone Europe/Berlin
  oxbow import recordings /media/frigate/recordings
  oxbow import recordings ./cam --as yard --time-pattern "%Y%m%d_%H%M%S" --keep 90d

Exit: 0 when all files were imported, now or before; 1 when some were not.`;

/** Adds the verb. */
export function addImportRecordings(parent: Command, exit: (code: ExitCode) => void): void {
  const command = parent
    .command('recordings')
    .argument('<DIR>', 'A folder of recorded files. It is only read.')
    .summary('imports recorded files of other programs into the past of streams')
    .description(
      'Imports MP4 and MPEG-TS files, without encoding, as recordings with their own times: files of video-stream-recorder (vsr), ' +
        'MediaMTX, Frigate, or any files whose names or headers say when they begin. Each camera becomes a stream. oxbow must not run. ' +
        'The command can be repeated and interrupted: what was imported before is left out.',
    )
    .option(
      '--as <NAME>',
      'Name of the stream; of several, the beginning of their names. Default: the names of the cameras.',
    )
    .addOption(
      new Option('--format <FORMAT>', 'How the files are named.')
        .choices(['auto', 'vsr', 'mediamtx', 'frigate', 'files'])
        .default('auto'),
    )
    .option(
      '--time-pattern <PATTERN>',
      'What the names mean, without extension: %Y %m %d %H %M %S %f (µs), %s and %N (unix seconds and nanoseconds), %z, %path (camera).',
    )
    .option(
      '--time-zone <ZONE>',
      'Zone of the names, e.g. Europe/Berlin. Default: UTC for vsr and frigate, otherwise that of this computer.',
    )
    .option(
      '--keep <DURATION>',
      'Retention of streams that are created. Default: record.keep; if files are older, until they are deleted.',
    )
    .option('--dry-run', 'Print what would be imported, by the names of the files; change nothing.')
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  addDataFlags(command);
  command.action(async (folder: string) => exit(await run(folder, command)));
}

async function run(folder: string, command: Command): Promise<ExitCode> {
  const { as, format, timePattern, timeZone, keep, dryRun, json } = command.opts<Options>();
  const { config } = await readDataSettings(command);
  const keepMs = keep === undefined ? undefined : durationOf(keep);
  const request: FolderRequest = {
    folder: resolve(folder),
    layout: format === 'auto' ? undefined : format,
    timePattern,
    timeZone,
    as,
  };
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  const [{ importRecordings }, { findFiles }] = await Promise.all([
    import('../../features/imports/import-recordings.ts'),
    import('../../features/imports/found-files.ts'),
  ]);
  try {
    if (dryRun) {
      const foundFolder = await findFiles(request, { signal });
      if (json) sayJson(planOf(foundFolder));
      else for (const line of describePlan(foundFolder)) say(line);
      return 0;
    }
    const report = await importWith(importRecordings, request, { config, keepMs, signal, quiet: json === true });
    if (json) sayJson({ ...planOf(report.found), streams: report.streams });
    else await describe(report);
    return isComplete(report) ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    note('oxbow: stopped. What was imported stays; the same command continues there.');
    return 130;
  }
}

type Import = typeof import('../../features/imports/import-recordings.ts')['importRecordings'];
type ImportHow = Pick<Parameters<Import>[1], 'config' | 'keepMs' | 'signal'> & { readonly quiet: boolean };

async function importWith(importRecordings: Import, request: FolderRequest, { quiet, ...how }: ImportHow) {
  using line = openProgressLine();
  const beganMs = performance.now();
  return await importRecordings(request, {
    ...how,
    planned(foundFolder) {
      if (!quiet) note(sayLayout(foundFolder));
    },
    progress({ stream, bytes, totalBytes }) {
      line.show(() => `${bar(bytes / totalBytes, performance.now() - beganMs)}  ${stream}`);
    },
  });
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-request', `--keep: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'Write 24h or 90d.' },
    });
  }
}

/** Whether nothing of the folder is missing in the streams. */
function isComplete({ found: foundFolder, streams }: ImportReport): boolean {
  return (
    foundFolder.skipped.length === 0 && streams.every(({ skipped, damaged }) => skipped.length + damaged.length === 0)
  );
}

const timeOf = (us: number) => printRfc3339(us / 1000);

/** The plan as JSON. */
function planOf({ layout, zone, streams, skipped }: FoundFolder) {
  return {
    format: layout.name,
    timeZone: zone,
    streams: streams.map(({ stream, files }) => ({
      stream,
      files: files.length,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      from: timeOf(files[0]!.startUs),
      lastFile: timeOf(files.at(-1)!.startUs),
    })),
    skipped,
  };
}

function sayLayout({ layout, zone }: FoundFolder): string {
  const pattern = layout.patterns[0]?.text;
  return `Format ${layout.name}${pattern === undefined ? ': times from the files' : `: ${pattern}, in ${zone}`}.`;
}

function describePlan(foundFolder: FoundFolder): string[] {
  const lines = planOf(foundFolder).streams.map(
    ({ stream, files, bytes, from, lastFile }) =>
      `${stream}: ${files} files, ${sayBytes(bytes)}; the first begins ${from}, the last ${lastFile}`,
  );
  return [sayLayout(foundFolder), ...lines, ...nameFiles('Not taken', foundFolder.skipped)];
}

async function describe({ found: foundFolder, streams }: ImportReport): Promise<void> {
  const { sayKeep } = await import('../../features/imports/import-recordings.ts');
  for (const imported of streams) for (const line of describeStream(imported, sayKeep(imported.keepMs))) say(line);
  for (const line of nameFiles('Not taken', foundFolder.skipped)) note(line);
}

function describeStream(imported: ImportedStream, keep: string): string[] {
  const { stream, files, bytes, seconds, stretches, before, isNew, skipped, damaged, leftOut } = imported;
  const pieces = stretches === 1 ? 'one piece' : `${stretches} pieces`;
  const again = before === 0 ? '' : `; ${before} files were imported before`;
  const media = files === 0 ? 'nothing new' : `${files} files, ${sayBytes(bytes)}, ${sayLength(seconds)} in ${pieces}`;
  return [
    `${stream}: ${media}${again}${isNew ? `. The stream is new; it is kept ${keep}` : ''}`,
    ...nameFiles('  Not imported', skipped),
    ...nameFiles('  Not complete', damaged),
    ...(leftOut.length > 0 ? [`  ${leftOutSentence(leftOut)}`] : []),
  ];
}

function nameFiles(heading: string, files: readonly { readonly name: string; readonly reason: string }[]): string[] {
  const named = files.slice(0, MOST_NAMED).map(({ name, reason }) => `${heading}: ${name}: ${reason}`);
  return files.length > MOST_NAMED
    ? [...named, `${heading}: ${files.length - MOST_NAMED} more; --json names them`]
    : named;
}
