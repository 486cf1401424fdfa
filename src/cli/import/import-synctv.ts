/**
 * `oxbow import synctv DB`: users, rooms, members and playlists of a SyncTV database.
 * In: a SQLite database of SyncTV v0.9.15, a data folder that is not in use. Out: accounts and rooms; a
 * report.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Command } from 'commander';
import { nameKeyOf } from '../../accounts/users/user-name.ts';
import type { Config } from '../../config/schema.ts';
import { databaseServer } from '../../config/sections/store-section.ts';
import { type Converted, convertSyncTv } from '../../features/rooms/synctv/convert.ts';
import { storeImported } from '../../features/rooms/synctv/store-imported.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { DATABASE_FILE } from '../../store/file-names.ts';
import { openForeignDatabase } from '../../store/foreign/foreign-database.ts';
import { addDataFlags, readDataSettings } from '../setting-flags.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';

interface Options {
  readonly admins?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const examples = `
Examples:
  oxbow import synctv /root/.synctv/synctv.db --dry-run
  oxbow import synctv synctv.db --data /var/lib/oxbow --admins`;

/** Adds the verb. */
export function addImportSyncTv(command: Command, exit: (code: ExitCode) => void): void {
  const synctv = command
    .command('synctv')
    .argument('<DB>', 'The SQLite database of SyncTV v0.9.15, usually synctv.db.')
    .summary('imports users, rooms and playlists of SyncTV')
    .description(
      'Imports users with their passwords, rooms with members and permissions, and playlists from a SyncTV database. oxbow must not run. ' +
        'The database of SyncTV is only read. What was imported before is left as it is now, so the command can be repeated.',
    )
    .option('--admins', 'Administrators of SyncTV become administrators; otherwise they become ordinary users.')
    .option('--dry-run', 'Print what would be imported, and change nothing.')
    .option('--json', 'Print the result as JSON.')
    .addHelpText('after', examples);
  addDataFlags(synctv);
  synctv.action(async (path: string) => exit(await run(path, synctv)));
}

async function run(path: string, command: Command): Promise<ExitCode> {
  const { admins, dryRun, json } = command.opts<Options>();
  const { config } = await readDataSettings(command);
  const converted = read(path, admins === true);
  if (converted.users.length === 0 && converted.rooms.length === 0) {
    throw new OxbowError('bad-request', `${path} has no users and no rooms of SyncTV.`, {
      extra: { hint: 'The importer reads the SQLite database of SyncTV v0.9.15. Update SyncTV to that version first.' },
    });
  }
  const counts = dryRun ? countsOf(converted) : await write(converted, config);
  if (json) sayJson({ ...counts, leftOut: converted.leftOut });
  else report(counts, converted, dryRun === true);
  return 0;
}

function read(path: string, admins: boolean): Converted {
  using database = openForeignDatabase(path);
  const rows = (table: string) => database.rows(table);
  return convertSyncTv(
    {
      users: rows('users'),
      user_providers: rows('user_providers'),
      rooms: rows('rooms'),
      room_settings: rows('room_settings'),
      room_members: rows('room_members'),
      movies: rows('movies'),
    },
    { nowMs: Date.now(), admins, nameKey: nameKeyOf, roomId },
  );
}

/** The same at each import; ids of SyncTV begin with the time, so their beginning is not unique. */
const roomId = (id: string): string =>
  createHash('sha256').update(`synctv ${id}`).digest('base64url').replace(/[-_]/g, 'x').slice(0, 10);

async function write(converted: Converted, { data, store: settings }: Pick<Config, 'data' | 'store'>) {
  const server = databaseServer(settings);
  await using store = await openStore({ file: join(data, DATABASE_FILE), server, log: createSilentLog() });
  return await storeImported(store.db, converted);
}

type Counts = Awaited<ReturnType<typeof storeImported>>;

const countsOf = ({ users, rooms, members, items }: Converted): Counts => ({
  users: users.length,
  rooms: rooms.length,
  members: members.length,
  items: items.length,
  renamed: [],
});

function report(counts: Counts, { leftOut }: Converted, isDry: boolean): void {
  const verb = isDry ? 'Would import' : 'Imported';
  const { users, rooms, members, items, renamed } = counts;
  say(`${verb} ${users} users, ${rooms} rooms, ${members} members, ${items} playlist entries.`);
  for (const { from, to } of renamed) note(`The name "${from}" is taken: the user is now "${to}".`);
  for (const { kind, name, room, reason } of leftOut) {
    const where = room === undefined ? '' : ` of the room "${room}"`;
    note(`Left out: ${kind} "${name}"${where}, because ${reason}.`);
  }
}
