/**
 * `oxbow export STREAM --from T --to T|--duration D -o FILE`: a range of a recording, or several, as one
 * file.
 * In: a data folder, or a server's address. Out: the file; its content as a sentence or JSON.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sidecarName } from '@oxbow/media/evidence/sidecar';
import type { Command } from 'commander';
import type { ExportResult, ExportSettings } from '../api/jobs/job-shapes.ts';
import type { WriteContent } from '../archive/segment-store.ts';
import { databaseServer } from '../config/sections/store-section.ts';
import { OxbowError } from '../lib/errors.ts';
import { findRunning } from '../store/running.ts';
import { exportRemotely, unlessNone, writeSidecar } from './export-remote.ts';
import { refuseToReplace } from './output-file.ts';
import { bar, openProgressLine, sayBytes, sayLength } from './progress.ts';
import type { IndexSettings } from './recording-index.ts';
import { TYPED_FORMS, typedEnd, typedTime } from './recordings/typed-time.ts';
import { openServer } from './running-server.ts';
import { addDataFlags, readDataSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson } from './terminal.ts';

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly duration?: string;
  /** `FROM/TO` each. */
  readonly range?: readonly string[];
  readonly output: string;
  readonly overwrite?: true;
  readonly exact?: true;
  readonly quality?: string;
  readonly server?: string;
  readonly token?: string;
  readonly json?: true;
}

type Format = 'mp4' | 'mkv' | 'ts';

/** Adds the verb. */
export function addExport(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('export')
    .summary('a range of a recording as one file')
    .description('Writes a range of a recording as one MP4, MKV or MPEG-TS file, without re-encoding unless asked.')
    .argument('<STREAM>', 'name of the stream')
    .option('--from <TIME>', `Start: ${TYPED_FORMS}.`)
    .option('--to <TIME>', 'End, in one of the same forms.')
    .option('--duration <DURATION>', 'Duration, instead of --to: 90s, 15m, 1h30m.')
    .option(
      '--range <FROM/TO...>',
      'Instead of --from: several ranges, joined in this order; TO is a time, or a duration.',
    )
    .requiredOption(
      '-o, --output <FILE>',
      'The file; its extension is the format: .mp4, .mkv or .ts. In a folder it is named after the stream.',
    )
    .option('--overwrite', 'Replace a file that exists.')
    .option(
      '--exact',
      'Cut at exact frames: pictures at the edges are re-encoded. Otherwise from key frame to key frame.',
    )
    .option(
      '--quality <QUALITY>',
      'Encode the pictures again: 720p, 720p:2M (height and bit rate), or audio (only the sound). Never larger than recorded.',
    )
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--token <TOKEN>', 'Admin token of that server; also OXBOW_ADMIN_TOKEN.')
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  addDataFlags(command, 'Data folder to read; oxbow may run on it');
  command.action(async (stream: string) => exit(await runExport(stream, command)));
}

const examples = `
Examples:
  oxbow export door --from -10m --to now -o last-ten-minutes.mp4
  oxbow export door --from "yesterday 14:00" --duration 1h -o meeting.mp4
  oxbow export door --from 2026-11-19T08:00:00Z --to 2026-11-19T09:30:00Z -o meeting.mp4
  oxbow export door --from 1795000000 --duration 90s -o goal.mp4 --exact
  oxbow export door --from 1795000000 --duration 15m -o small.mp4 --quality 480p
  oxbow export door --range 1795000000/20s 1795003600/15s -o goals.mp4
  oxbow export door --from 1795000000 --duration 1h -o . --server http://127.0.0.1:8080 --token TOKEN`;

async function runExport(stream: string, command: Command): Promise<ExitCode> {
  const options = command.opts<Options>();
  const { config } = await readDataSettings(command);
  const when = timesOf(options, Date.now());
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { path, format } = outputOf(options.output, stream, (when.from ?? when.ranges?.[0]?.from)!);
  // The evidence next to it is of another file, too.
  if (!options.overwrite) for (const file of [path, sidecarName(path)]) refuseToReplace(file);
  const settings: ExportSettings = {
    stream,
    ...when,
    format,
    exact: options.exact === true,
    ...(options.quality !== undefined && { quality: options.quality }),
  };
  const begunAt = performance.now();
  try {
    let result: ExportResult;
    {
      using line = openProgressLine();
      const progress = (share: number) => line.show(() => bar(share, performance.now() - begunAt));
      const how = { path, progress, signal: controller.signal };
      const data = resolve(config.data);
      if (options.server === undefined && findRunning(data) === undefined) {
        result = await exportLocally({ ...config, data }, settings, how);
      } else {
        const adminToken = options.token ?? config.adminToken;
        await using server = await openServer({ data, adminToken }, options.server);
        result = await exportRemotely(server, settings, how);
      }
    }
    if (options.json) sayJson({ ...result, file: path });
    else for (const sentence of describe(result, path)) say(sentence);
    return 0;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    note('oxbow: stopped; nothing was written');
    return 130;
  }
}

/** The requested times. */
function timesOf(
  { from, to, duration, range }: Options,
  nowMs: number,
): Pick<ExportSettings, 'from' | 'to' | 'ranges'> {
  const refuse = (detail: string): never => {
    throw new OxbowError('bad-request', detail, { extra: { hint: 'See oxbow export --help.' } });
  };
  if ((range === undefined) === (from === undefined)) return refuse('Give either --from or --range.');
  if (range) {
    if (to !== undefined || duration !== undefined)
      return refuse('--range contains the end: leave out --to and --duration.');
    const ranges = range.map((text) => {
      const [start = '', end = '', more] = text.split('/');
      if (start === '' || end === '' || more !== undefined) return refuse(`--range is "${text}", not FROM/TO.`);
      return { from: typedTime(start, nowMs), to: typedEnd(end, nowMs) };
    });
    return { ranges };
  }
  if ((to === undefined) === (duration === undefined)) return refuse('Give either --to or --duration.');
  return { from: typedTime(from!, nowMs), to: typedEnd((to ?? duration)!, nowMs) };
}

/** The file's path and format. */
function outputOf(output: string, stream: string, from: string): { path: string; format: Format } {
  const path = resolve(output);
  if (existsSync(path) && statSync(path).isDirectory()) {
    return { path: join(path, `${stream}-${from.replaceAll(/[^0-9A-Za-z]/g, '')}.mp4`), format: 'mp4' };
  }
  const ending = /\.(mp4|mkv|ts)$/i.exec(path)?.[1]?.toLowerCase();
  if (ending === undefined) {
    throw new OxbowError('bad-request', `The file "${output}" has no known extension.`, {
      extra: { hint: 'End it with .mp4, .mkv or .ts.' },
    });
  }
  return { path, format: ending as Format };
}

async function exportLocally(
  { data, store, storage }: IndexSettings,
  settings: ExportSettings,
  how: { path: string; progress: (share: number) => void; signal: AbortSignal },
): Promise<ExportResult> {
  const [{ openOfflineRecordings }, { exportToFile, rangesOf }, { checkQuality, parseQuality }, stores, temporary] =
    await Promise.all([
      import('../streams/offline/recordings.ts'),
      import('../features/exports/export-file.ts'),
      import('../features/exports/encoded/quality.ts'),
      import('../archive/local-segment-store.ts'),
      import('../archive/temporary-store.ts'),
    ]);
  const ranges = rangesOf(settings);
  const quality = settings.quality === undefined ? undefined : parseQuality(settings.quality);
  await using recordings = await openOfflineRecordings(data, { ...how, server: databaseServer(store), storage });
  const source = await recordings.find(settings.stream);
  if (quality) await checkQuality(source.stream, { ranges }, quality);
  const request = { ranges, format: settings.format ?? 'mp4', exact: settings.exact === true, quality };
  const put = (content: WriteContent) => stores.putFile(how.path, content, how);
  await using spools = await temporary.openTemporaryStore();
  const { reader, evidence } = recordings;
  const target = { ...how, put, reader, evidence, spools: { store: spools.store, name: 'export' } };
  const result = await exportToFile(source, request, target);
  let sidecar: Uint8Array | undefined;
  if (evidence && result.evidence === 'apart') {
    const { printSidecar } = await import('../features/exports/sidecar.ts');
    const { stream } = source;
    const proved = { id: stream.recording.streamId, name: stream.name };
    sidecar = await printSidecar(evidence, proved, result, ranges.length === 1).catch(unlessNone);
  }
  await writeSidecar(how.path, sidecar);
  return result;
}

/** The result as text. */
function describe({ from, to, seconds, bytes, parts, gaps, recoded, evidence }: ExportResult, path: string): string[] {
  const lines = [`${path}: ${sayLength(seconds)}, ${sayBytes(bytes)}, from ${from} to ${to}`];
  if (recoded > 0) lines.push(`  ${recoded} pictures were re-encoded`);
  const shown = gaps.filter((gap) => Date.parse(gap.to) - Date.parse(gap.from) >= 1);
  for (const gap of shown) {
    lines.push(
      `  at ${gap.at.toFixed(2)} s: missing from ${gap.from} to ${gap.to} (${gap.cause}${gap.detail && `: ${gap.detail}`})`,
    );
  }
  if (evidence === 'apart' && existsSync(sidecarName(path))) lines.push(`  its evidence is in ${sidecarName(path)}`);
  if (shown.length === 0 && parts.length > 1) lines.push(`  ${parts.length} parts were joined`);
  return lines;
}
