/**
 * `oxbow stream list|key`: all streams and the range that is recorded of each; keys to publish with.
 * In: a running oxbow, or a data folder that is not in use. Out: a table, fields of encoders, or JSON.
 */
import type { Command } from 'commander';
import { databaseServer } from '../config/sections/store-section.ts';
import { findRunning } from '../store/running.ts';
import { sayBytes, sayLength } from './progress.ts';
import type { IndexSettings } from './recording-index.ts';
import { askServer } from './running-server.ts';
import { addSettingFlags, readSettings } from './setting-flags.ts';
import { onStopSignal } from './stop-signals.ts';
import { addStreamKey } from './stream-key.ts';
import { type ExitCode, say, sayJson, table } from './terminal.ts';

/** One stream, from a running oxbow or a data folder. */
interface ListedStream {
  readonly name: string;
  /** From the running oxbow; null if none runs. */
  readonly state: string | null;
  readonly recorded: {
    /** RFC 3339; null if nothing is recorded. */
    readonly from: string | null;
    readonly to: string | null;
    readonly seconds: number;
    readonly bytes: number;
  };
}

/** Largest page of the API. */
const PAGE = '1000';

/** Adds the verb with its subcommands. */
export function addStream(program: Command, exit: (code: ExitCode) => void): void {
  const stream = program.command('stream').summary('streams and their recordings');
  const list = stream
    .command('list')
    .summary('Lists the streams with their recorded ranges.')
    .description(
      'Lists the streams with their recorded ranges, from the running oxbow or from a data folder that is not in use.',
    )
    .option(
      '--server <URL>',
      'Address of a running oxbow; default the one that runs on the data folder, or the folder itself.',
    )
    .option('--json', 'Print JSON.');
  addSettingFlags(list, ['data', 'adminToken']);
  list.action(async () => {
    await listStreams(list);
    exit(0);
  });
  addStreamKey(stream, exit);
}

async function listStreams(command: Command): Promise<void> {
  const { server, json } = command.opts<{ server?: string; json?: true }>();
  const { config } = await readSettings(command);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('interrupted', 'AbortError')));
  const streams =
    server === undefined && findRunning(config.data) === undefined
      ? await readFolder(config, controller.signal)
      : await askServer(config, server, async (client) => {
          const items: ListedStream[] = [];
          for (let cursor: string | undefined; ; ) {
            const query = { limit: PAGE, ...(cursor !== undefined && { cursor }) };
            const page = await client.listStreams(query, { signal: controller.signal });
            items.push(...page.items.map(({ name, state, recorded }) => ({ name, state, recorded })));
            if (page.nextCursor === null) return items;
            cursor = page.nextCursor;
          }
        });
  if (json) sayJson(streams);
  else if (streams.length === 0) say('There are no streams.');
  else say(table([['name', 'state', 'recorded from', 'to', 'length', 'size'], ...streams.map(rowOf)]));
}

async function readFolder(
  { data, store, storage }: IndexSettings,
  signal: AbortSignal,
): Promise<readonly ListedStream[]> {
  const { openOfflineRecordings } = await import('../streams/offline/recordings.ts');
  await using recordings = await openOfflineRecordings(data, { signal, server: databaseServer(store), storage });
  const listed = await recordings.list();
  return listed.map((each) => ({ ...each, state: null }));
}

function rowOf({ name, state, recorded: { from, to, seconds, bytes } }: ListedStream): string[] {
  if (from === null || to === null) return [name, state ?? '-', '-', '-', '-', '-'];
  return [name, state ?? '-', from, to, sayLength(seconds), sayBytes(bytes)];
}
