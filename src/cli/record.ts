/**
 * `oxbow record URL -o FILE|DIR|-`: records a live source without serving it.
 * In: an address. Out: a file, a data folder or a pipe; a line of progress on stderr.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { FormatError } from '@oxbow/media/errors';
import { namesOf } from '@oxbow/media/left-out';
import type { Command } from 'commander';
import { leftOutSentence } from '../api/left-out.ts';
import { parseStreamName } from '../api/stream/stream-refusals.ts';
import { loadConfig } from '../config/load.ts';
import type { ClientSourceConfig, PullSourceConfig } from '../config/schema.ts';
import { parseNamedUrl } from '../config/source-url.ts';
import { parseDuration } from '../lib/duration.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { GarbageWatch } from '../lib/memory/garbage-watch.ts';
import { returnUnusedPages } from '../lib/memory/unused-pages.ts';
import { parseQuality, QUALITIES } from '../lib/quality.ts';
import type { RecordSummary, RecordTarget } from '../streams/record/record.ts';
import type { RecordProgress } from '../streams/record/record-meter.ts';
import { refuseToReplace } from './output-file.ts';
import { openProgressLine, sayBytes, sayClock, sayLength } from './progress.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson } from './terminal.ts';

interface Options {
  readonly output: string;
  readonly duration?: string;
  readonly from?: string;
  readonly quality?: string;
  readonly header?: readonly string[];
  readonly userAgent?: string;
  readonly name?: string;
  readonly format?: string;
  readonly overwrite?: true;
  readonly netAllow?: string;
  readonly allowMissingTracks?: true;
  readonly json?: true;
}

/** Adds the verb. */
export function addRecord(program: Command, exit: (code: ExitCode) => void): void {
  const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];
  program
    .command('record')
    .summary('records a live source without serving it')
    .description(
      'Records a live source into a file, a data folder, or a pipe. Ctrl-C ends it; the file is then complete.',
    )
    .argument('<URL>', 'a live HLS address or a page; test: is the test picture')
    .requiredOption(
      '-o, --output <FILE|DIR|->',
      'A file (.mp4, .mkv, .ts); a data folder that `oxbow serve --data DIR` shows; or - for MPEG-TS on stdout.',
    )
    .option('--duration <DURATION>', 'Stop after this duration of media: 90s, 15m, 1h30m.')
    .option('--from <-DURATION>', 'Start in the past, at most this far, if the source offers it: -30m.')
    .option('--quality <QUALITY>', 'best, worst, a height such as 720p, or a bitrate such as 2M.')
    .option('--header <NAME: VALUE>', 'Sent with each request; may be given again.', collect)
    .option('--user-agent <TEXT>', 'Sent as User-Agent.')
    .option('--name <NAME>', 'Name of the stream in a data folder; made from the host if not given.')
    .option('--format <mp4|mkv|ts>', 'Format of a pipe (default ts), or of a file without a known extension.')
    .option('--overwrite', 'Replace a file that exists.')
    .option('--net-allow <CIDR,…>', 'Private addresses that playlists, pages and redirects may use.')
    .option('--allow-missing-tracks', 'Exit 0 even if the source has unsupported tracks.')
    .option('--json', 'Print what was recorded as JSON.')
    .addHelpText('after', examples)
    .action(async (url: string, options: Options) => exit(await runRecord(url, options)));
}

const examples = `
Examples:
  oxbow record https://cam.example/live.m3u8 -o match.mp4
  oxbow record https://cam.example/live.m3u8 -o match.mkv --duration 90m --from -10m
  oxbow record https://cam.example/live.m3u8 -o - | ffplay -
  oxbow record https://cam.example/live.m3u8 -o ./recordings && oxbow serve --data ./recordings

Exit: 0 when it was stopped or the duration was reached, and the file is whole; 1 when the source or the disk failed; 2 for wrong
usage; 3 when the file is whole, but the source has tracks that oxbow cannot take (0 with --allow-missing-tracks).`;

async function runRecord(url: string, options: Options): Promise<ExitCode> {
  const target = targetOf(options);
  const durationMs = options.duration === undefined ? undefined : durationOf('--duration', options.duration);
  const { name, source } = sourceOf(url, options);
  const flags =
    options.netAllow === undefined ? [] : [{ path: 'net.allow', value: options.netAllow, origin: '--net-allow' }];
  const { config } = await loadConfig({ files: [], env: {}, flags, urls: [] });
  const controller = new AbortController();
  using _garbage = new GarbageWatch();
  using _pages = returnUnusedPages();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const pipe = { isClosed: false };
  process.stdout.once('error', () => {
    pipe.isClosed = true;
    controller.abort(new DOMException('the reader closed the pipe', 'AbortError'));
  });
  const [{ recordSource }, { createSilentLog }, { closeEngine }] = await Promise.all([
    import('../streams/record/record.ts'),
    import('../observe/log.ts'),
    import('../ffmpeg/engine.ts'),
  ]);
  let summary: RecordSummary;
  try {
    using line = openProgressLine();
    const progress = (now: RecordProgress) => line.show(() => describeProgress(now));
    const log = createSilentLog();
    const request = { name, source, target, durationMs };
    summary = await recordSource(request, { config, log, progress, signal: controller.signal }).catch(withHint);
  } catch (error) {
    if (!pipe.isClosed) throw error;
    return 0; // closing the player ends the recording normally
  } finally {
    await closeEngine();
  }
  if (summary.files.length === 0 || summary.seconds === 0) {
    note('oxbow: stopped before any media came');
    return 1;
  }
  if (target.kind === 'pipe') note(describe(summary));
  else if (options.json) sayJson({ ...summary, seconds: Math.round(summary.seconds * 1000) / 1000 });
  else say(describe(summary));
  for (const warning of summary.warnings) note(`oxbow: ${warning}`);
  if (summary.leftOut.length === 0) return 0;
  note(`oxbow: ${leftOutSentence(summary.leftOut)}`);
  return options.allowMissingTracks === true ? 0 : 3;
}

/** The hint for a refused address is a flag of this verb. */
function withHint(error: unknown): never {
  if (!(error instanceof OxbowError) || error.code !== 'address-refused') throw error;
  const hint = 'Allow its network if it is yours: oxbow record … --net-allow 192.168.0.0/16 (or the address itself).';
  throw new OxbowError(error.code, error.message, { cause: error, extra: { ...error.extra, hint } });
}

function targetOf({ output, format, overwrite }: Options): RecordTarget {
  if (format !== undefined && !/^(mp4|mkv|ts)$/.test(format)) {
    throw new OxbowError('bad-request', `--format: "${format}" is not a format.`, {
      extra: { hint: 'Formats: mp4, mkv, ts.' },
    });
  }
  const container = format as 'mp4' | 'mkv' | 'ts' | undefined;
  if (output === '-') {
    if (process.stdout.isTTY) {
      throw new OxbowError('bad-request', 'The output is a terminal, which cannot show media.', {
        extra: { hint: 'Pipe it: oxbow record URL -o - | ffplay -' },
      });
    }
    return { kind: 'pipe', pipe: process.stdout, format: container ?? 'ts' };
  }
  const path = resolve(output);
  const ending = /\.(mp4|mkv|ts)$/i.exec(path)?.[1]?.toLowerCase() as 'mp4' | 'mkv' | 'ts' | undefined;
  const isFolder = existsSync(path) ? statSync(path).isDirectory() : ending === undefined && container === undefined;
  if (isFolder) {
    if (/\.[a-z0-9]{2,4}$/i.test(basename(path)) && !existsSync(path)) {
      throw new OxbowError('bad-request', `The file "${output}" has no known extension.`, {
        extra: { hint: 'End it with .mp4, .mkv or .ts, or name a folder.' },
      });
    }
    return { kind: 'folder', path };
  }
  if (!overwrite) refuseToReplace(path);
  return { kind: 'file', path, format: container ?? ending ?? 'mp4', overwrite: overwrite === true };
}

function sourceOf(url: string, options: Options): { name: string; source: ClientSourceConfig } {
  const { name: streamName, from, quality, userAgent, header = [] } = options;
  if (streamName !== undefined) parseStreamName(streamName);
  if (quality !== undefined) checkQuality(quality);
  if (url === 'test:') return { name: streamName ?? 'test', source: { type: 'test' } };
  try {
    const named = parseNamedUrl(url, new Set());
    const source: PullSourceConfig = {
      type: 'pull',
      url: named.url,
      headers: Object.fromEntries(header.map(headerOf)),
      ...(quality !== undefined && { quality }),
      ...(userAgent !== undefined && { userAgent }),
      ...(from !== undefined && { fromMs: durationOf('--from', from.replace(/^-/, '')) }),
    };
    return { name: streamName ?? named.name, source };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-request', sentenceOf(error), {
      cause: error,
      extra: { hint: 'See oxbow record --help.' },
    });
  }
}

function checkQuality(text: string): void {
  try {
    parseQuality(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const hint = `--quality takes ${QUALITIES}.`;
    throw new OxbowError('bad-request', `--quality: "${text.slice(0, 40)}" is not a quality.`, {
      cause: error,
      extra: { hint },
    });
  }
}

function headerOf(text: string): [string, string] {
  const at = text.indexOf(':');
  if (at < 1)
    throw new OxbowError('bad-request', `--header: "${text.slice(0, 80)}" is not a header.`, {
      extra: { hint: 'Write --header "Name: value".' },
    });
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function durationOf(flag: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-request', `${flag}: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'Write 90s, 15m or 1h30m.' },
    });
  }
}

function describeProgress({ seconds, bytes, bitrate, gaps, damaged, problem, leftOut }: RecordProgress): string {
  const damage = damaged === 0 ? '' : `  ${damaged} damaged`;
  const missing = gaps === 0 ? '' : `  ${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`;
  const now = problem === '' ? '' : `  waiting: ${problem}`;
  const without = leftOut.length === 0 ? '' : `  left out: ${namesOf(leftOut)}`;
  return `${sayClock(seconds)}  ${sayBytes(bytes)}  ${(bitrate / 1e6).toFixed(2)} Mbps${missing}${damage}${without}${now}`;
}

function describe({ files, seconds, bytes, gaps, ended }: RecordSummary): string {
  const missing = gaps === 0 ? '' : `, ${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`;
  const why = ended === 'stopped' || ended === 'duration' ? '' : ` (${ended})`;
  return `${files.join(', ')}: ${sayLength(seconds)}, ${sayBytes(bytes)}${missing}${why}`;
}
