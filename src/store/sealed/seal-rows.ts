/**
 * Seals the addresses that a database has in clear, and those that an earlier key of the server sealed; opens
 * them for an older oxbow.
 * In: a database with its seal. Out: changed rows; the names of what another key has sealed.
 */
import { type Kysely, sql } from 'kysely';
import type { SourceConfig } from '../../config/source-config.ts';
import { engineOf } from '../engine.ts';
import type { Tables } from '../schema.ts';
import {
  openRelayColumns,
  openStreamColumns,
  openWebhookColumns,
  relayColumns,
  type StreamAddressColumns,
  sealTarget,
  streamColumns,
  webhookColumns,
} from './sealed-columns.ts';
import { HAS_HEADERS } from './sealed-step.ts';
import { sealOf, type TextSeal } from './text-seal.ts';

/** What a pass over the rows has found. */
export interface SealedRows {
  /** Number of rows that were changed. */
  readonly changed: number;
  /** What another key has sealed, for people: `the source of cam`. */
  readonly locked: readonly string[];
}

/** Larger files are not written again as a whole, bytes. */
const MOST_REWRITTEN = 1024 * 1024 * 1024;

/**
 * Seals what is in clear, with the newest key. Several nodes may do it at the same time.
 *
 * @returns `rewritten`: whether no page of the file has them any more; of a server it is not known
 */
export async function sealRows(db: Kysely<Tables>): Promise<SealedRows & { readonly rewritten: boolean }> {
  const seal = sealOf(db);
  // Bytes of old values are overwritten.
  if (engineOf(db) === 'sqlite') await sql`PRAGMA secure_delete = ON`.execute(db);
  const result = await passRows(db, { open: seal, seal, writes: true });
  const rewritten = engineOf(db) === 'sqlite' && result.changed > 0 && (await rewriteFile(db));
  if (engineOf(db) === 'sqlite') await sql`PRAGMA secure_delete = OFF`.execute(db);
  return { ...result, rewritten };
}

/** Writes all addresses in clear, for an oxbow that knows no seal. */
export async function unsealRows(db: Kysely<Tables>): Promise<SealedRows> {
  return passRows(db, { open: sealOf(db), seal: undefined, writes: true });
}

/** What another key has sealed. Changes nothing. */
export async function lockedRows(db: Kysely<Tables>): Promise<readonly string[]> {
  const seal = sealOf(db);
  return (await passRows(db, { open: seal, seal, writes: false })).locked;
}

/** How a pass reads and writes rows. */
interface Pass {
  readonly open: TextSeal | undefined;
  readonly seal: TextSeal | undefined;
  /** Whether what `open` opens is written as `seal` seals it. */
  readonly writes: boolean;
}

/** Reads each row once. A row that changes meanwhile is left as it is. */
async function passRows(db: Kysely<Tables>, pass: Pass): Promise<SealedRows> {
  const { names, ...ofStreams } = await passStreams(db, pass);
  const passes = [
    ofStreams,
    await passRelays(db, pass, names),
    await passWebhooks(db, pass),
    await passTargets(db, pass),
  ];
  return {
    changed: passes.reduce((sum, { changed }) => sum + changed, 0),
    locked: passes.flatMap(({ locked }) => locked),
  };
}

async function passStreams(
  db: Kysely<Tables>,
  { open, seal, writes }: Pass,
): Promise<SealedRows & { readonly names: ReadonlyMap<string, string> }> {
  let changed = 0;
  const locked: string[] = [];
  const names = new Map<string, string>();
  const streams = await db.selectFrom('stream').select(['id', 'name', 'source', 'heal_from', 'sealed']).execute();
  for (const { id, name, ...before } of streams) {
    names.set(id, name);
    const { source, heal_from, locked: ofRow } = openStreamColumns(before, open);
    if (ofRow?.source !== undefined) locked.push(`the source of ${name}`);
    if (ofRow?.healFrom !== undefined) locked.push(`the sources of missing parts of ${name}`);
    if (!writes) continue;
    const now = readJson<SourceConfig, StreamAddressColumns>(source, (read) =>
      streamColumns(
        { source: read, healFrom: heal_from === null ? undefined : JSON.parse(heal_from), locked: ofRow },
        seal,
      ),
    );
    if (!now || isSame(before, now)) continue;
    const update = db.updateTable('stream').set(now).where('id', '=', id).where('source', '=', before.source);
    const { numUpdatedRows } = await update
      .where('heal_from', 'is not distinct from', before.heal_from)
      .where('sealed', 'is not distinct from', before.sealed)
      .executeTakeFirst();
    changed += Number(numUpdatedRows);
  }
  return { changed, locked, names };
}

/** @param names of streams, by their ids */
async function passRelays(
  db: Kysely<Tables>,
  { open, seal, writes }: Pass,
  names: ReadonlyMap<string, string>,
): Promise<SealedRows> {
  let changed = 0;
  const locked: string[] = [];
  const relays = await db.selectFrom('relay').select(['id', 'stream_id', 'url', 'sealed']).execute();
  for (const { id, stream_id, ...before } of relays) {
    const url = openRelayColumns(before, open);
    if (url === undefined) locked.push(`the relay of ${names.get(stream_id) ?? stream_id} to ${before.url}`);
    if (url === undefined || !writes) continue;
    const now = relayColumns(url, seal);
    if (isSame(before, now)) continue;
    const update = db.updateTable('relay').set(now).where('id', '=', id).where('url', '=', before.url);
    const { numUpdatedRows } = await update.where('sealed', 'is not distinct from', before.sealed).executeTakeFirst();
    changed += Number(numUpdatedRows);
  }
  return { changed, locked };
}

async function passWebhooks(db: Kysely<Tables>, { open, seal, writes }: Pass): Promise<SealedRows> {
  let changed = 0;
  const locked: string[] = [];
  const webhooks = await db.selectFrom('webhook').select(['id', 'url', 'secret', 'sealed']).execute();
  for (const { id, ...before } of webhooks) {
    const opened = openWebhookColumns(before, open);
    if (opened === undefined) locked.push(`the webhook to ${before.url}`);
    if (opened === undefined || !writes) continue;
    const now = webhookColumns(opened, seal);
    if (isSame(before, now)) continue;
    const update = db.updateTable('webhook').set(now).where('id', '=', id).where('url', '=', before.url);
    const { numUpdatedRows } = await update.where('sealed', 'is not distinct from', before.sealed).executeTakeFirst();
    changed += Number(numUpdatedRows);
  }
  return { changed, locked };
}

/** No column: another key has sealed it. */
const LOCKED = Symbol('locked');

/** The headers of entries of rooms. */
async function passTargets(db: Kysely<Tables>, { open, seal, writes }: Pass): Promise<SealedRows> {
  let changed = 0;
  let lockedCount = 0;
  for (const { id, target } of await targetsWithHeaders(db)) {
    const now = readJson(target, () => sealTarget(target, open, seal) ?? LOCKED);
    if (now === LOCKED) lockedCount++;
    else if (writes && now !== undefined && now !== target) {
      const update = db.updateTable('room_item').set({ target: now }).where('id', '=', id).where('target', '=', target);
      changed += Number((await update.executeTakeFirst()).numUpdatedRows);
    }
  }
  const entries = lockedCount === 1 ? 'entry' : 'entries';
  return { changed, locked: lockedCount === 0 ? [] : [`the headers of ${lockedCount} ${entries} of rooms`] };
}

/** Entries with headers: the condition is that of the index `room_item_with_headers`, word by word. */
async function targetsWithHeaders(db: Kysely<Tables>) {
  const { rows } = await sql<{ id: string; target: string }>`
    SELECT id, target FROM room_item WHERE ${sql.raw(HAS_HEADERS)}`.execute(db);
  return rows;
}

/** A damaged row stays as it is: its reader reports it. */
function readJson<T, R>(text: string, use: (read: T) => R): R | undefined {
  try {
    return use(JSON.parse(text) as T);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isSame<T extends object>(before: T, now: T): boolean {
  return Object.entries(now).every(([column, value]) => before[column as keyof T] === value);
}

/** Free pages may have old values. @returns false for a file that is too large, or cannot be rewritten now */
async function rewriteFile(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ bytes: number }>`
    SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`.execute(db);
  if ((rows[0]?.bytes ?? 0) > MOST_REWRITTEN) return false;
  try {
    await sql`VACUUM`.execute(db);
    await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
    return true;
  } catch {
    return false; // the disk is full, or a backup reads the file: the rows are sealed all the same
  }
}
