/**
 * Copies of a database with addresses that are not sealed: they have passwords in clear.
 * In: a data folder. Out: the copies in it that upgrades, restores and repairs have kept.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { publicAddress } from '../../config/public-address.ts';
import type { SourceConfig } from '../../config/source-config.ts';
import { DATABASE_FILE } from '../file-names.ts';
import { publicSource } from './sealed-columns.ts';

/** Tables whose rows have an address with a key each. */
const TARGETS = ['relay', 'webhook'] as const;
/** `oxbow.db.schema-5` of an upgrade, `oxbow.db.before-restore-20260102T030405Z` of `moveAside`. */
const COPY = /\.(?:schema-\d+|(?:corrupt|before-[a-z]+)-\d{8}T\d{6}Z(?:-\d+)?)$/;

/** What removes what is in clear, for people. */
export const HOW_TO_FORGET =
  'Delete them when all is well (rm FILE), and what `oxbow backup` wrote before. Change passwords that others could read.';

/** The paths of the copies with addresses that are not sealed, sorted; empty if there is none. */
export function findClearCopies(dataFolder: string): readonly string[] {
  return listFolder(dataFolder)
    .filter((name) => name.startsWith(DATABASE_FILE) && COPY.test(name))
    .map((name) => join(dataFolder, name))
    .filter(isClear)
    .sort();
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it does not exist yet
  }
}

/** Whether rows of a copy have secrets in clear. A damaged one counts: its bytes are there. */
function isClear(file: string): boolean {
  // Otherwise SQLite would create files next to a copy whose log was on.
  const address = pathToFileURL(file);
  address.searchParams.set('immutable', '1');
  try {
    using db = new DatabaseSync(address, { readOnly: true });
    const has = (query: string) => db.prepare(query).get() !== undefined;
    const hasColumn = (table: string, name: string) =>
      has(`SELECT 1 FROM pragma_table_info('${table}') WHERE name = '${name}'`);
    const isOpen = (table: string) => (hasColumn(table, 'sealed') ? 'sealed IS NULL' : 'true');
    if (TARGETS.some((table) => hasColumn(table, 'url') && has(`SELECT 1 FROM ${table} WHERE ${isOpen(table)}`)))
      return true;
    const headers = `SELECT 1 FROM room_item WHERE target LIKE '%"headers":%'`;
    if (hasColumn('room_item', 'target') && has(headers)) return true;
    // What is shown of a sealed address is none in clear.
    const healFrom = hasColumn('stream', 'heal_from') ? 'heal_from' : 'NULL';
    const rows = db.prepare(`SELECT source, ${healFrom} AS heal_from FROM stream`).iterate();
    return rows.some(({ source, heal_from }) => isOpenSource(`${source}`) || areOpen(`${heal_from ?? '[]'}`));
  } catch {
    return true;
  }
}

function isOpenSource(column: string): boolean {
  const source = JSON.parse(column) as SourceConfig;
  const shown = publicSource(source);
  return shown !== source && JSON.stringify(shown) !== column;
}

function areOpen(column: string): boolean {
  return (JSON.parse(column) as readonly string[]).some((address) => publicAddress(address) !== address);
}
