/**
 * `oxbow backup -o FILE|DIR` and `oxbow backup --restore FILE`: what the recordings do not hold, in one file and back.
 * In: a data folder, in use or not; a backup. Out: a backup; a data folder with its index in step with its files.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { WATCH_SECRET_FILE } from '../accounts/watch-secret.ts';
import { OxbowError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import type { BackupFile, BackupManifest } from '../store/backup.ts';
import { DATABASE_FILE, MSN_MARKS_FILE } from '../store/file-names.ts';
import { bar, openProgressLine, sayBytes } from './progress.ts';
import { makeIndex, sayRebuilt } from './recording-index.ts';
import { SAMPLE_NOTE_FILE } from './sample.ts';
import { readSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { type ExitCode, note, say, sayJson } from './terminal.ts';

interface Options {
  readonly output?: string;
  readonly restore?: string;
  readonly json?: true;
}

/** What lies beside the database and cannot be made again. */
const smallFiles = [WATCH_SECRET_FILE, SAMPLE_NOTE_FILE, MSN_MARKS_FILE] as const;

/** Adds the verb. */
export function addBackup(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('backup')
    .summary('a copy of what the recordings do not hold, and back')
    .description(
      'Copies streams, markers, pins, tokens, webhooks and the secret of watch links into one file, while oxbow runs or not. ' +
        'Recordings are not in it: copy their folder. Keep the file where others cannot read it.',
    )
    .option(
      '-o, --output <FILE>',
      'The file, or a folder with / at its end: then it is named after the time. Another backup is replaced.',
    )
    .option('--restore <FILE>', 'Put this backup back; no oxbow may run. What was there is kept under another name.')
    .option('--data <DIR>', 'Data folder (default: as the settings say, ./oxbow-data).')
    .option('--config <FILE>', 'Settings in YAML that name the data folder.', (file: string, before: string[] = []) => [
      ...before,
      file,
    ])
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  command.action(async () => exit(await run(command)));
}

const examples = `
Examples:
  oxbow backup -o /var/backups/
  oxbow backup -o nightly.db --data /var/lib/oxbow --json
  oxbow backup --restore nightly.db --data /var/lib/oxbow`;

async function run(command: Command): Promise<ExitCode> {
  const { output, restore, json } = command.opts<Options>();
  if ((output === undefined) === (restore === undefined)) {
    throw new OxbowError('bad-request', 'give either -o or --restore', { extra: { hint: 'See oxbow backup --help.' } });
  }
  const { config } = await readSettings(command);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const how = { data: config.data, json: json === true, signal: controller.signal };
  if (restore !== undefined) return putBack(resolve(restore), how);
  try {
    await backUp(targetOf(output!), how);
    return 0;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    note('oxbow: stopped; nothing was written');
    return 130;
  }
}

interface How {
  /** The data folder. */
  readonly data: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** A folder gets a file that is named after now. */
function targetOf(output: string): string {
  const path = resolve(output);
  if (existsSync(path) && statSync(path).isDirectory()) {
    const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    return join(path, `oxbow-backup-${stamp}.db`);
  }
  // One that was to be a folder would be a disk that is not mounted.
  if (/[/\\]$/.test(output)) {
    throw new OxbowError('not-found', `there is no folder ${path}`, { extra: { hint: 'Make it, or mount it.' } });
  }
  return path;
}

async function backUp(target: string, { data, json, signal }: How): Promise<void> {
  const { writeBackup } = await import('../store/backup.ts');
  const begunAt = performance.now();
  let made: Awaited<ReturnType<typeof writeBackup>>;
  {
    using copying = openProgressLine();
    using checking = openProgressLine();
    made = await writeBackup({
      database: join(data, DATABASE_FILE),
      target,
      files: readSmallFiles(data),
      version,
      nowMs: Date.now(),
      signal,
      progress: (share) => copying.show(() => bar(share, performance.now() - begunAt)),
      checking: () => checking.show(() => 'checking the copy'),
    });
  }
  const { bytes, recordings, ...manifest } = made;
  const folder = join(data, 'recordings');
  if (json) {
    sayJson({ file: target, bytes, ...manifest, recordings: { folder, ...recordings } });
    return;
  }
  say(`${target}: ${sayBytes(bytes)}, found whole: ${sayCounts(manifest)}`);
  if (!existsSync(folder)) return;
  // A file that is being written is not counted yet.
  const { files, bytes: size } = recordings;
  say(
    `  Not in it: the recordings, ${many(files, 'closed file')}, ${sayBytes(size)}. Copy them at any time: ${folder}`,
  );
}

function readSmallFiles(data: string): readonly BackupFile[] {
  return smallFiles.flatMap((name) => {
    const file = join(data, name);
    return existsSync(file) ? [{ name, content: readFileSync(file) }] : [];
  });
}

async function putBack(backup: string, { data, json, signal }: How): Promise<ExitCode> {
  const { restoreBackup } = await import('../store/restore.ts');
  let restored: Awaited<ReturnType<typeof restoreBackup>>;
  {
    using line = openProgressLine();
    // Marks are not put back, but merged.
    const files = smallFiles.filter((name) => name !== MSN_MARKS_FILE);
    restored = await restoreBackup({
      backup,
      database: join(data, DATABASE_FILE),
      files,
      nowMs: Date.now(),
      checking: () => line.show(() => 'checking the copy'),
    });
  }
  const { manifest, aside } = restored;
  let index: Awaited<ReturnType<typeof makeIndex>>;
  try {
    // It is as old as the backup: files went and came since, or are not there at all.
    index = await makeIndex(data, { signal });
  } catch (error) {
    note(`oxbow: the backup is in place, but the index of recordings is as old as it is`);
    note(`  Run: oxbow doctor --rebuild --data ${data}`);
    if (signal.aborted) return 130;
    throw error;
  }
  if (json) sayJson({ data, backup, ...manifest, aside, index });
  else {
    say(`${data}: as it was at ${manifest.takenAt}: ${sayCounts(manifest)}`);
    say(`  Index of recordings, made again: ${sayRebuilt(index)}`);
    for (const file of aside) say(`  What was there before is kept: ${file}`);
    say('  Everyone signs in anew.');
  }
  return 0;
}

function sayCounts({ counts }: Pick<BackupManifest, 'counts'>): string {
  const { streams, markers, pins, tokens, webhooks } = counts;
  return [
    many(streams, 'stream'),
    many(markers, 'marker'),
    many(pins, 'pin'),
    many(tokens, 'token'),
    many(webhooks, 'webhook'),
  ].join(', ');
}

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
