/**
 * `oxbow backup -o FILE|DIR` and `oxbow backup --restore FILE`: everything except the recordings, in one
 * file.
 * In: a data folder, in use or not; a backup. Out: a backup; a data folder whose index matches its files.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { WATCH_SECRET_FILE } from '../../accounts/watch-secret.ts';
import type { Config } from '../../config/schema.ts';
import { databaseServer } from '../../config/sections/store-section.ts';
import { OxbowError } from '../../lib/errors.ts';
import { many } from '../../lib/text/many.ts';
import { version } from '../../lib/version.ts';
import type { BackupFile, BackupManifest } from '../../store/backup.ts';
import { DATABASE_FILE, EVIDENCE_KEYS_FILE, MSN_MARKS_FILE } from '../../store/file-names.ts';
import { readMarksOfFolder } from '../../store/process-marks.ts';
import { bar, openProgressLine, sayBytes } from '../progress.ts';
import { type IndexSettings, makeIndex, sayRebuilt } from '../recording-index.ts';
import { SAMPLE_NOTE_FILE } from '../sample.ts';
import { addDataFlags, readDataSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';
import { readLockedRows } from './locked-rows.ts';

interface Options {
  readonly output?: string;
  readonly restore?: string;
  readonly json?: true;
}

/** Files besides the database that cannot be generated again. */
const smallFiles = [WATCH_SECRET_FILE, SAMPLE_NOTE_FILE, MSN_MARKS_FILE, EVIDENCE_KEYS_FILE] as const;

/** Adds the verb. */
export function addBackup(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('backup')
    .summary('backs up and restores everything except the recordings')
    .description(
      'Copies streams, markers, pins, clips, tokens, webhooks and the secret of watch links into one file; oxbow may run meanwhile. ' +
        'Recordings are not included: copy their folder. Keep the file where others cannot read it.',
    )
    .option(
      '-o, --output <FILE>',
      'The file, or a folder with / at its end: the name is then the time. An existing backup is replaced.',
    )
    .option(
      '--restore <FILE>',
      'Restore this backup; oxbow must not run. The previous database is kept under another name.',
    )
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  addDataFlags(command);
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
    throw new OxbowError('bad-request', 'Give either -o or --restore.', {
      extra: { hint: 'See oxbow backup --help.' },
    });
  }
  const { config } = await readDataSettings(command);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const how = { ...config, json: json === true, signal: controller.signal };
  if (restore !== undefined) return await putBack(resolve(restore), how, config); // Ctrl-C does not end it half-way
  try {
    await backUp(targetOf(output!), how);
    return 0;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    note('oxbow: stopped; nothing was written');
    return 130;
  }
}

interface How extends IndexSettings {
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
  // A missing folder may be a disk that is not mounted.
  if (/[/\\]$/.test(output)) {
    throw new OxbowError('not-found', `There is no folder ${path}.`, { extra: { hint: 'Create or mount it.' } });
  }
  return path;
}

async function backUp(target: string, { data, store, json, signal }: How): Promise<void> {
  const { writeBackup } = await import('../../store/backup.ts');
  const server = databaseServer(store);
  await using source = await databaseOf(data, target, server, signal);
  const begunAt = performance.now();
  let made: Awaited<ReturnType<typeof writeBackup>>;
  {
    using copying = openProgressLine();
    using checking = openProgressLine();
    made = await writeBackup({
      database: source.path,
      target,
      files: await readSmallFiles(data),
      dataFolder: data,
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
  say(`${target}: ${sayBytes(bytes)}, verified: ${sayCounts(manifest)}`);
  if (!existsSync(folder)) return;
  // The file that is being recorded is not counted.
  const { files, bytes: size } = recordings;
  say(
    `  Not in it: the recordings, ${many(files, 'closed file')}, ${sayBytes(size)}. Copy them at any time: ${folder}`,
  );
}

/** The database to back up: that of the folder, or a copy of that of a server as of now. */
async function databaseOf(
  data: string,
  target: string,
  server: ReturnType<typeof databaseServer>,
  signal: AbortSignal,
): Promise<{ readonly path: string } & AsyncDisposable> {
  if (!server) return { path: join(data, DATABASE_FILE), [Symbol.asyncDispose]: async () => {} };
  const { dropDatabase, snapshot } = await import('../../store/move.ts');
  const path = `${target}.copy.part`;
  using line = openProgressLine();
  const begunAt = performance.now();
  const progress = (done: number, total: number) => line.show(() => bar(done / total, performance.now() - begunAt));
  await snapshot(path, server, { signal, progress });
  return { path, [Symbol.asyncDispose]: async () => dropDatabase(path) };
}

async function readSmallFiles(data: string): Promise<readonly BackupFile[]> {
  const contentOf = (name: string) => {
    if (name === MSN_MARKS_FILE) return readMarksOfFolder(data); // each process of several has some
    const file = join(data, name);
    return existsSync(file) ? readFileSync(file) : undefined;
  };
  const files: BackupFile[] = [];
  for (const name of smallFiles) {
    const content = await contentOf(name);
    if (content) files.push({ name, content: Buffer.from(content) });
  }
  return files;
}

async function putBack(backup: string, { data, store, storage, json, signal }: How, config: Config): Promise<ExitCode> {
  const { restoreBackup } = await import('../../store/restore.ts');
  let restored: Awaited<ReturnType<typeof restoreBackup>>;
  {
    using line = openProgressLine();
    // MSN marks are merged instead of restored.
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
  const server = databaseServer(store);
  if (server) {
    const { copyToServer, dropDatabase } = await import('../../store/move.ts');
    const file = join(data, DATABASE_FILE);
    await copyToServer({ file, server, overwrite: true, signal });
    dropDatabase(file);
  }
  let index: Awaited<ReturnType<typeof makeIndex>>;
  try {
    // The index is as old as the backup: files were added and deleted since, or are missing.
    index = await makeIndex({ data, store, storage }, { signal });
  } catch (error) {
    note(`oxbow: the backup is restored, but the index of recordings is as old as the backup`);
    note(`  Run: oxbow doctor --rebuild --data ${data}`);
    if (signal.aborted) return 130;
    throw error;
  }
  const locked = await readLockedRows(config);
  if (json) sayJson({ data, backup, ...manifest, aside, index, locked });
  else {
    say(`${data}: as it was at ${manifest.takenAt}: ${sayCounts(manifest)}`);
    say(`  Index of recordings, rebuilt: ${sayRebuilt(index)}`);
    for (const file of aside) say(`  The previous file is kept: ${file}`);
    say('  All users must sign in again.');
    for (const what of locked) say(`  Sealed with a key that this server does not have: ${what}`);
    if (locked.length > 0)
      say('  Give it `watchSecret` or `cluster.secret` of the other server, or enter these addresses again.');
  }
  return 0;
}

function sayCounts({ counts }: Pick<BackupManifest, 'counts'>): string {
  const { streams, markers, pins, clips, tokens, webhooks, assets } = counts;
  return [
    many(streams, 'stream'),
    many(markers, 'marker'),
    many(pins, 'pin'),
    many(clips ?? 0, 'clip'), // older backups do not count them
    many(tokens, 'token'),
    many(webhooks, 'webhook'),
    many(assets, 'video'),
  ].join(', ');
}
