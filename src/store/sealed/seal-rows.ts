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
  isLockedTarget,
  openRelayColumns,
  openStreamColumns,
  openWebhookColumns,
  relayColumns,
  type StreamAddressColumns,
  sealTarget,
  streamColumns,
  webhookColumns,
} from './sealed-columns.ts';
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
  const result = await changeRows(db, seal, seal);
  const rewritten = engineOf(db) === 'sqlite' && result.changed > 0 && (await rewriteFile(db));
  if (engineOf(db) === 'sqlite') await sql`PRAGMA secure_delete = OFF`.execute(db);
  return { ...result, rewritten };
}

/** Writes all addresses in clear, for an oxbow that knows no seal. */
export async function unsealRows(db: Kysely<Tables>): Promise<SealedRows> {
  return changeRows(db, sealOf(db), undefined);
}

/** What another key has sealed. Changes nothing. */
export async function lockedRows(db: Kysely<Tables>): Promise<readonly string[]> {
  const seal = sealOf(db);
  const streams = await db.selectFrom('stream').select(['id', 'name', 'source', 'heal_from', 'sealed']).execute();
  const names = new Map(streams.map(({ id, name }) => [id, name]));
  const ofStreams = streams.flatMap((row) => lockedOf(row.name, openStreamColumns(row, seal).locked));
  const relays = await db.selectFrom('relay').select(['stream_id', 'url', 'sealed']).execute();
  const ofRelays = relays
    .filter((row) => openRelayColumns(row, seal) === undefined)
    .map(({ stream_id, url }) => `the relay of ${names.get(stream_id) ?? stream_id} to ${url}`);
  const webhooks = await db.selectFrom('webhook').select(['url', 'secret', 'sealed']).execute();
  const ofWebhooks = webhooks
    .filter((row) => openWebhookColumns(row, seal) === undefined)
    .map(({ url }) => `the webhook to ${url}`);
  const entries = (await targetsWithHeaders(db)).filter(({ target }) =>
    readJson(target, () => isLockedTarget(target, seal)),
  );
  const ofRooms =
    entries.length === 0
      ? []
      : [`the headers of ${entries.length} ${entries.length === 1 ? 'entry' : 'entries'} of rooms`];
  return [...ofStreams, ...ofRelays, ...ofWebhooks, ...ofRooms];
}

function lockedOf(name: string, locked: { readonly source?: string; readonly healFrom?: string } | undefined) {
  return [
    ...(locked?.source === undefined ? [] : [`the source of ${name}`]),
    ...(locked?.healFrom === undefined ? [] : [`the sources of missing parts of ${name}`]),
  ];
}

/** Writes what `open` opens as `seal` seals it. A row that changes meanwhile is left as it is. */
async function changeRows(
  db: Kysely<Tables>,
  open: TextSeal | undefined,
  seal: TextSeal | undefined,
): Promise<SealedRows> {
  let changed = 0;
  const streams = await db.selectFrom('stream').select(['id', 'source', 'heal_from', 'sealed']).execute();
  for (const { id, ...before } of streams) {
    const { source, heal_from, locked } = openStreamColumns(before, open);
    const now = readJson<SourceConfig, StreamAddressColumns>(source, (read) =>
      streamColumns({ source: read, healFrom: heal_from === null ? undefined : JSON.parse(heal_from), locked }, seal),
    );
    if (!now || isSame(before, now)) continue;
    const update = db.updateTable('stream').set(now).where('id', '=', id).where('source', '=', before.source);
    const { numUpdatedRows } = await update
      .where('heal_from', 'is not distinct from', before.heal_from)
      .where('sealed', 'is not distinct from', before.sealed)
      .executeTakeFirst();
    changed += Number(numUpdatedRows);
  }
  const relays = await db.selectFrom('relay').select(['id', 'url', 'sealed']).execute();
  for (const { id, ...before } of relays) {
    const url = openRelayColumns(before, open);
    const now = url === undefined ? before : relayColumns(url, seal);
    if (isSame(before, now)) continue;
    const update = db.updateTable('relay').set(now).where('id', '=', id).where('url', '=', before.url);
    const { numUpdatedRows } = await update.where('sealed', 'is not distinct from', before.sealed).executeTakeFirst();
    changed += Number(numUpdatedRows);
  }
  const webhooks = await db.selectFrom('webhook').select(['id', 'url', 'secret', 'sealed']).execute();
  for (const { id, ...before } of webhooks) {
    const opened = openWebhookColumns(before, open);
    const now = opened === undefined ? before : webhookColumns(opened, seal);
    if (isSame(before, now)) continue;
    const update = db.updateTable('webhook').set(now).where('id', '=', id).where('url', '=', before.url);
    const { numUpdatedRows } = await update.where('sealed', 'is not distinct from', before.sealed).executeTakeFirst();
    changed += Number(numUpdatedRows);
  }
  return { changed: changed + (await changeTargets(db, open, seal)), locked: await lockedRows(db) };
}

function targetsWithHeaders(db: Kysely<Tables>) {
  return db
    .selectFrom('room_item')
    .select(['id', 'target'])
    .where((row) => row.or([row('target', 'like', '%"headers":%'), row('target', 'like', '%"sealedHeaders":%')]))
    .execute();
}

/** The headers of entries of rooms. */
async function changeTargets(
  db: Kysely<Tables>,
  open: TextSeal | undefined,
  seal: TextSeal | undefined,
): Promise<number> {
  let changed = 0;
  for (const { id, target } of await targetsWithHeaders(db)) {
    const now = readJson<object, string>(target, () => sealTarget(target, open, seal));
    if (now === undefined || now === target) continue;
    const update = db.updateTable('room_item').set({ target: now }).where('id', '=', id).where('target', '=', target);
    changed += Number((await update.executeTakeFirst()).numUpdatedRows);
  }
  return changed;
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
