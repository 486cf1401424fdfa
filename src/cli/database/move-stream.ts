/**
 * `oxbow db move-stream STREAM --to SHARD`: moves the rows of a stream to another database, while it records.
 * In: the settings of a server, the name of a stream. Out: rows by table, how long writes waited.
 */
import type { Command } from 'commander';
import { databaseServer } from '../../config/sections/store-section.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openProgressLine } from '../progress.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';

/** As a shard of the command line: the database of `store.url`. */
const CATALOGUE = 'catalogue';

/** Adds the verb to `oxbow db`. */
export function addMoveStream(db: Command, exit: (code: ExitCode) => void): void {
  const move = db
    .command('move-stream')
    .argument('<STREAM>', 'Name of the stream.')
    .summary("moves a stream's index to another PostgreSQL server")
    .description(
      'Moves the rows that grow with the recorded time of a stream to another database of store.shards, or to that of store.url. ' +
        'oxbow may run, and the stream may record. The files of the recording stay where they are. ' +
        'A move that was interrupted continues when the command runs again.',
    )
    .requiredOption('--to <SHARD>', 'Name of a shard of the settings, or `catalogue`.')
    .option('--json', 'Print JSON.')
    .addHelpText('after', examples);
  addSettingFlags(move, ['data', 'store.url', 'store.shards']);
  move.action(async (stream: string) => exit(await runMove(move, stream)));
}

const examples = `
Examples:
  oxbow db move-stream door --to b --config oxbow.yaml
  oxbow db move-stream door --to catalogue --config oxbow.yaml`;

async function runMove(command: Command, stream: string): Promise<ExitCode> {
  const { to, json } = command.opts<{ to: string; json?: true }>();
  const { config } = await readSettings(command);
  const server = databaseServer(config.store);
  if (!server) {
    throw new OxbowError('bad-request', 'The settings name no PostgreSQL database.', {
      extra: { hint: 'Name the settings of the server: --config FILE' },
    });
  }
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { moveStreamByName } = await import('../../store/shards/move-by-name.ts');
  try {
    using line = openProgressLine();
    const { from, rows, heldMs } = await moveStreamByName(server, {
      stream,
      to: to === CATALOGUE ? '' : to,
      clock: createSystemClock(),
      signal: controller.signal,
      progress: (count) => line.show(() => `${count} rows copied`),
    });
    const place = (shard: string) => (shard === '' ? CATALOGUE : shard);
    if (json) sayJson({ stream, from: place(from), to, rows: rows ?? null, heldMs });
    else if (!rows) say(`The rows of ${stream} are in ${to}.`);
    else {
      const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
      say(`Moved ${total} rows of ${stream} from ${place(from)} to ${to}. Writes waited ${heldMs} ms.`);
    }
    return 0;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    note('oxbow: stopped; run the command again to continue');
    return 130;
  }
}
