/**
 * Copies of a database of before addresses were sealed: they have passwords in clear.
 * In: a data folder. Out: the copies in it that an upgrade has kept.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SourceConfig } from '../../config/source-config.ts';
import { DATABASE_FILE } from '../file-names.ts';
import { publicSource } from './sealed-columns.ts';
import { HAS_HEADERS } from './sealed-step.ts';

/** Tables whose rows have an address with a key each. */
const TARGETS = ['relay', 'webhook'] as const;
const COPY = /\.schema-\d+$/;

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

/** Whether the rows of a copy have secrets in clear. A damaged one counts: its bytes are there. */
function isClear(file: string): boolean {
  try {
    using db = new DatabaseSync(file, { readOnly: true });
    const has = (query: string) => db.prepare(query).get() !== undefined;
    if (has("SELECT 1 FROM pragma_table_info('stream') WHERE name = 'sealed'")) return false;
    const hasTable = (name: string) => has(`SELECT 1 FROM sqlite_schema WHERE name = '${name}'`);
    if (TARGETS.some((table) => hasTable(table) && has(`SELECT 1 FROM ${table}`))) return true;
    if (hasTable('room_item') && has(`SELECT 1 FROM room_item WHERE ${HAS_HEADERS}`)) return true;
    const sources = db
      .prepare('SELECT source FROM stream')
      .all()
      .map(({ source }) => JSON.parse(`${source}`));
    return sources.some((source: SourceConfig) => publicSource(source) !== source);
  } catch {
    return true;
  }
}
