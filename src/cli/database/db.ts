/**
 * `oxbow db copy|status|migrate|promote`: moves the database between the data folder and a PostgreSQL
 * server, takes it to another schema, and makes a replica the primary.
 * In: a data folder that is not in use, a server. Out: a copy; rows by table.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/schema.ts';
import { type DatabaseServer, databaseServer, storeSection } from '../../config/sections/store-section.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { many } from '../../lib/text/many.ts';
import { DATABASE_FILE } from '../../store/file-names.ts';
import { bar, openProgressLine } from '../progress.ts';
import { addDataFlags, addSettingFlags, readDataSettings, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';
import { openSettingsSeal } from './locked-rows.ts';
import { addMoveStream } from './move-stream.ts';
import { addPromote } from './promote.ts';

interface CopyOptions {
  /** A URL; true: that of the settings. */
  readonly to?: string | true;
  readonly from?: string | true;
  readonly overwrite?: true;
  readonly json?: true;
}

/** Adds the verb with its subcommands. */
export function addDb(program: Command, exit: (code: ExitCode) => void): void {
  const db = program.command('db').summary('moves the database to PostgreSQL and back; its schema');
  const copy = db
    .command('copy')
    .summary('copies the database to a PostgreSQL server, or back')
    .description(
      'Copies everything that oxbow knows from the database in the data folder to a PostgreSQL server, or back. oxbow must not run. ' +
        'Nothing is deleted: an earlier file is kept under another name. Recordings stay where they are.',
    )
    .option('--to [URL]', 'Copy to this PostgreSQL database (default: store.url of the settings).')
    .option('--from [URL]', 'Copy from this PostgreSQL database (default: store.url of the settings).')
    .option('--overwrite', 'Replace what the PostgreSQL database has.')
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  addDataFlags(copy);
  copy.action(async () => exit(await runCopy(copy)));

  const status = db.command('status').summary('where the database is, and its schema').option('--json', 'Print JSON.');
  addSettingFlags(status, ['data', 'store.url', 'store.shards']);
  status.action(async () => exit(await runStatus(status)));

  const migrate = db
    .command('migrate')
    .summary('takes the database to another schema')
    .description(
      'Takes the database to the newest schema, or back to one that an older oxbow knows. oxbow must not run. ' +
        'A start of oxbow always takes it to the newest.',
    )
    .option('--schema <NUMBER>', 'The schema (default: the newest).')
    .option('--json', 'Print JSON.');
  addSettingFlags(migrate, ['data', 'store.url', 'store.shards']);
  migrate.action(async () => exit(await runMigrate(migrate)));
  addPromote(db, exit);
  addMoveStream(db, exit);
}

const examples = `
Examples:
  oxbow db copy --to postgres://oxbow:SECRET@db.example/oxbow --data /var/lib/oxbow
  oxbow db copy --from postgres://oxbow:SECRET@db.example/oxbow --data /var/lib/oxbow
  OXBOW_STORE_URL=postgres://oxbow:SECRET@db.example/oxbow oxbow db copy --to`;

async function runCopy(command: Command): Promise<ExitCode> {
  const { to, from, overwrite, json } = command.opts<CopyOptions>();
  if ((to === undefined) === (from === undefined)) {
    throw new OxbowError('bad-request', 'Give either --to or --from.', {
      extra: { hint: 'See oxbow db copy --help.' },
    });
  }
  const { config } = await readDataSettings(command);
  const server = serverOf(config, (to ?? from)!);
  const file = join(config.data, DATABASE_FILE);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { copyToFile, copyToServer } = await import('../../store/move.ts');
  try {
    const begunAt = performance.now();
    using line = openProgressLine();
    const progress = (done: number, total: number) => line.show(() => bar(done / total, performance.now() - begunAt));
    const how = { file, server, signal: controller.signal, progress };
    if (to !== undefined) sayCopied(await copyToServer({ ...how, overwrite: overwrite === true }), undefined, json);
    else {
      const { rows, aside } = await copyToFile(how, Date.now());
      sayCopied(rows, aside, json);
    }
    return 0;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    note('oxbow: stopped; nothing was changed');
    return 130;
  }
}

/** The server of an option, or of the settings. */
function serverOf({ store }: Pick<Config, 'store'>, url: string | true): DatabaseServer {
  if (url === true) {
    const server = databaseServer(store);
    if (server) return server;
    throw new OxbowError('bad-request', 'The command names no PostgreSQL database.', {
      extra: { hint: 'Give its address, or set store.url.' },
    });
  }
  try {
    return { ...store, url: storeSection.children.url.parse(url)! };
  } catch (error) {
    throw new OxbowError('bad-request', `The address of the database: ${sentenceOf(error)}`, { cause: error });
  }
}

function sayCopied(rows: ReadonlyMap<string, number>, aside: string | undefined, json: true | undefined): void {
  const tables = Object.fromEntries([...rows].filter(([, count]) => count > 0));
  if (json) {
    sayJson({ tables, aside: aside ?? null });
    return;
  }
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  say(`Copied ${total} rows of ${Object.keys(tables).length} tables.`);
  if (aside !== undefined) say(`  The previous file is kept: ${aside}`);
}

async function runStatus(command: Command): Promise<ExitCode> {
  const { config } = await readSettings(command);
  const { readStatus } = await import('../../store/move.ts');
  const status = await readStatus({ file: join(config.data, DATABASE_FILE), server: databaseServer(config.store) });
  if (command.opts<{ json?: true }>().json) sayJson(status);
  else {
    const { engine, place, schema, newest, epoch, isSuperseded } = status;
    const epochText = epoch === null || epoch === 0 ? '' : `, epoch ${epoch}`;
    say(`${engine === 'sqlite' ? place : 'PostgreSQL'}: schema ${schema} of ${newest}${epochText}`);
    if (isSuperseded) say('  Another database was promoted in place of this one.');
    for (const { name, schema, streams, deletions } of status.shards) {
      const state = schema === null ? 'does not respond' : `schema ${schema} of ${status.newest}`;
      const waiting = deletions ? `, ${many(deletions, 'deletion')} of objects waiting` : '';
      say(`  shard ${name}: ${state}, ${many(streams, 'stream')}${waiting}`);
    }
  }
  return 0;
}

async function runMigrate(command: Command): Promise<ExitCode> {
  const { schema, json } = command.opts<{ schema?: string; json?: true }>();
  const target = schema === undefined ? undefined : Number(schema);
  if (target !== undefined && !Number.isSafeInteger(target)) {
    throw new OxbowError('bad-request', `--schema is "${schema}", which is not a whole number.`);
  }
  const { config } = await readSettings(command);
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { changeSchema } = await import('../../store/move.ts');
  const { signal } = controller;
  const seal = await openSettingsSeal(config);
  const where = { file: join(config.data, DATABASE_FILE), server: databaseServer(config.store), signal, seal };
  const { from, to } = await changeSchema(where, target);
  if (json) sayJson({ from, to });
  else say(from === to ? `The database has schema ${to}.` : `The database had schema ${from} and has ${to} now.`);
  return 0;
}
