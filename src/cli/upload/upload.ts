/**
 * `oxbow upload FILE…`: sends files to the library of a running oxbow; the same command again continues what
 * was interrupted.
 * In: files, a server. Out: the assets, as sentences or JSON; bars on stderr.
 */
import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { openServer, type ServerAccess } from '../running-server.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayError, sayJson } from '../terminal.ts';
import { UploadBars } from './upload-bars.ts';
import { type LocalFile, uploadFile } from './upload-file.ts';
import { stateFolder, UploadMemory } from './upload-state.ts';
import { waitUntilReady } from './wait-until-ready.ts';

interface Options {
  readonly title?: string;
  readonly tags?: string;
  readonly visibility?: string;
  readonly parallel: number;
  readonly wait?: true;
  readonly data: string;
  readonly server?: string;
  readonly token?: string;
  readonly json?: true;
}

const visibilities = ['public', 'unlisted', 'private'] as const;
type Visibility = (typeof visibilities)[number];

/** Most chunks that are sent at the same time. */
const MOST_PARALLEL = 16;

/** Adds the verb. */
export function addUpload(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('upload')
    .summary('files into the library')
    .description(
      'Sends files to the library of a running oxbow. Lost connections are repeated; the same command again continues an interrupted upload.',
    )
    .argument('<FILE...>', 'video or audio files')
    .option('--title <TEXT>', 'Title; default the name of the file. For one file.')
    .option('--tags <LIST>', 'Tags, separated by commas.')
    .option('--visibility <WHO>', `${visibilities.join(', ')}; default the one of the server.`)
    .option('--parallel <N>', `Chunks that are sent at the same time, 1 to ${MOST_PARALLEL}.`, parseParallel, 4)
    .option('--wait', 'Wait until each file can be watched, and show the progress of its renditions.')
    .option(
      '--data <DIR>',
      'Data folder of the running oxbow; only to find it.',
      process.env.OXBOW_DATA ?? './oxbow-data',
    )
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--token <TOKEN>', 'Token of that server, with the scope upload or admin; also OXBOW_ADMIN_TOKEN.')
    .option('--json', 'Print each asset as one line of JSON.')
    .addHelpText('after', examples)
    .action(async (files: string[], options: Options) => exit(await runUpload(files, options)));
}

const examples = `
Examples:
  oxbow upload holiday.mp4
  oxbow upload *.mkv --tags talks,2026 --visibility unlisted --wait
  oxbow upload film.mov --server https://tv.example --token TOKEN`;

function parseParallel(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST_PARALLEL) return value;
  throw new InvalidArgumentError(`Write a number from 1 to ${MOST_PARALLEL}.`);
}

async function runUpload(paths: readonly string[], options: Options): Promise<ExitCode> {
  const visibility = readVisibility(options.visibility);
  if (options.title !== undefined && paths.length > 1) {
    throw new OxbowError('bad-request', `--title is for one file, not for ${paths.length}.`, {
      extra: { hint: 'Upload the files one by one, or change their titles in the library.' },
    });
  }
  const results = await Promise.all(paths.map((path) => findFile(path).catch((error: OxbowError) => error)));
  const withStack = process.env.OXBOW_LOG_LEVEL === 'debug';
  // The others are sent: with many files, one that is empty or missing is reported and left out, as rsync
  // does.
  const files = results.filter((file): file is LocalFile => !(file instanceof OxbowError));
  let code: ExitCode = 0;
  for (const error of results) if (error instanceof OxbowError) code = sayError(error, { withStack });
  if (files.length === 0) return code;
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  const data = resolve(options.data);
  const adminToken = options.token ?? process.env.OXBOW_ADMIN_TOKEN;
  await using server = await openServer({ data, adminToken }, options.server);
  const memory = new UploadMemory(stateFolder());
  const tags = options.tags
    ?.split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  using bars = new UploadBars(files.map(({ bytes }) => bytes));
  for (const [index, file] of files.entries()) {
    try {
      const assetId = await uploadFile(file, {
        server,
        // A server that was found by its folder may have another port after a restart.
        serverKey: options.server === undefined ? data : server.url,
        memory,
        parallel: options.parallel,
        title: options.title,
        tags,
        visibility,
        onProgress: (progress) => bars.show(index, file.name, progress),
        signal,
      });
      if (options.wait) await waitUntilReady(server, assetId, { show: (text) => bars.showText(text), signal });
      bars.clear();
      sayResult(server, file, assetId, options);
    } catch (error) {
      bars.clear();
      if (signal.aborted) {
        note('oxbow: stopped; the same command continues');
        return 130;
      }
      if (paths.length > 1) note(`oxbow: ${file.path}:`);
      const failed = sayError(error, { withStack });
      code = Math.max(code, failed) as ExitCode;
    }
  }
  return code;
}

function sayResult({ url }: ServerAccess, file: LocalFile, id: string, { json, wait }: Options): void {
  const page = `${url}/library/${encodeURIComponent(id)}`;
  if (json) sayJson({ file: file.path, asset: id, bytes: file.bytes, url: page, state: wait ? 'ready' : 'uploaded' });
  else say(`${file.name}: ${page}`);
}

function readVisibility(text: string | undefined): Visibility | undefined {
  if (text === undefined) return undefined;
  const visibility = visibilities.find((each) => each === text);
  if (visibility) return visibility;
  throw new OxbowError('bad-request', `--visibility: "${text}" is not a visibility.`, {
    extra: { hint: `Write --visibility ${visibilities.join(', --visibility ')}.` },
  });
}

async function findFile(path: string): Promise<LocalFile> {
  const absolute = resolve(path);
  try {
    const stats = await stat(absolute);
    if (!stats.isFile()) throw new Error('this is not a file');
    if (stats.size === 0) throw new Error('this file is empty');
    const { size: bytes, mtimeMs: changedMs } = stats;
    return { path: absolute, name: basename(absolute), bytes, changedMs, open: () => openAsBlob(absolute) };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new OxbowError('bad-request', isMissing ? `There is no file ${path}.` : `${path}: ${sentenceOf(error)}`, {
      cause: error,
      extra: { hint: 'Name files that can be read.' },
    });
  }
}
