/**
 * Copies all rows from one database to another, of any engine, in one transaction of each.
 * In: two databases with the newest schema. Out: the same rows, numbers that continue, an index of words.
 */
import { type Kysely, sql } from 'kysely';
import { OxbowError } from '../lib/errors.ts';
import { engineOf } from './engine.ts';
import { streamOfLocation } from './objects/object-places.ts';
import type { Tables } from './schema.ts';
import { type AssetTexts, putTexts } from './search/asset-search.ts';
import { type ReadShard, readShards } from './shards/read-shards.ts';
import { streamTables } from './shards/stream-rows.ts';

/** The index of words, sums that triggers keep, notes of changes for running nodes, and places on shards. */
type MadeAgain =
  | 'asset_search'
  | 'recorded_day'
  | 'recorded_quarter'
  | 'recorded_total'
  | 'row_change'
  | 'stored_total'
  | 'stream_shard';

/**
 * The primary key of each table that is copied, in its order; pages continue after the last key of the page
 * before.
 */
const keys = {
  user: ['id'],
  user_identity: ['provider', 'subject'],
  invitation: ['id'],
  email_code: ['digest'],
  mail_message: ['seq'],
  audit: ['seq'],
  session: ['id'],
  api_token: ['id'],
  publish_key: ['id'],
  stream: ['id'],
  stream_picture: ['stream_id'],
  stats_window: ['stream_id', 'start_us'],
  chunk_file: ['stream_id', 'first_msn'],
  init: ['stream_id', 'number'],
  stream_on_air: ['stream_id'],
  stream_caption: ['stream_id', 'run'],
  date_range: ['stream_id', 'msn', 'id'],
  gap_healing: ['stream_id', 'from_us'],
  retention: ['stream_id'],
  marker: ['id'],
  pin: ['id'],
  clip: ['id'],
  relay: ['id'],
  mixer: ['stream_id'],
  watch_epoch: ['stream'],
  lease: ['name'],
  job: ['seq'],
  worker: ['id'],
  webhook: ['id'],
  webhook_delivery: ['seq'],
  webhook_replay: ['webhook_id'],
  event_log: ['seq'],
  event_log_head: ['id'],
  asset: ['seq'],
  asset_removed: ['id'],
  asset_tag: ['tag', 'asset_seq'],
  asset_rendition: ['asset_id', 'id'],
  asset_chunk: ['asset_id', 'rendition', 'first_msn'],
  asset_subtitle: ['seq'],
  erasure: ['id'],
  stored_object: ['location'],
  object_upload: ['location'],
  object_deletion: ['target', 'key'],
  node: ['name'],
  placement: ['kind', 'key'],
  upload: ['id'],
  upload_part: ['upload_id', 'offset'],
  staged_upload: ['location'],
  staged_part: ['location', 'start'],
  media_server: ['id'],
  room: ['id'],
  room_member: ['room_id', 'user_id'],
  room_item: ['id'],
  room_poll: ['id'],
  room_message: ['room_id', 'kind', 'seq'],
  alarm: ['id'],
  alarm_mute: ['stream_id'],
  journal: ['seq'],
  setting: ['path'],
  viewing_content: ['seq'],
  viewing_minute: ['minute', 'content', 'session', 'node'],
  viewing_hour: ['hour', 'content', 'edge', 'country'],
  viewing_startup: ['hour', 'content', 'edge', 'country', 'bucket'],
  viewing_sum: ['content', 'kind', 'bucket', 'hour'],
  viewing_sealed: ['id'],
  viewing_erased: ['kind', 'content_id'],
  report: ['to_us'],
  evidence_block: ['stream_id', 'seq'],
  evidence_key: ['id'],
  evidence_voucher: ['key_id', 'by_id'],
  camera: ['stream_id'],
  camera_event: ['id'],
  case_file: ['id'],
  case_range: ['id'],
  case_note: ['id'],
  angle_set: ['id'],
  channel: ['stream_id'],
  channel_item: ['id'],
  television_pairing: ['code'],
  push_key: ['id'],
  push_subscription: ['id'],
  push_follow: ['user_id', 'stream_id'],
} as const satisfies Record<Exclude<keyof Tables, MadeAgain>, readonly string[]>;

type CopiedTable = keyof typeof keys;

/** In the order in which they are copied. */
export const copiedTables = Object.keys(keys) as readonly CopiedTable[];

/** Tables whose numbers are never used again, and the columns with them. */
const numbered = [
  'mail_message',
  'audit',
  'job',
  'webhook_delivery',
  'asset',
  'asset_subtitle',
  'journal',
  'viewing_content',
] as const;

const ROWS_EACH = 500;
/** Engines have limits on the parameters of a statement. */
const MAX_PARAMETERS = 30_000;

/** Options of `copyRows`. */
export interface CopyOptions {
  /** Deletes the content of the target; otherwise it must be empty. */
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
  /** Databases with rows of streams besides the source, by the names of the shards. */
  readonly shards?: ReadonlyMap<string, Kysely<Tables>> | undefined;
  /** Called with the number of rows that are copied so far, and the number of all rows. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Copies all rows. The target has all of them afterwards, or is as before.
 *
 * @returns number of rows by table
 * @throws OxbowError `database-not-empty` if the target is not empty; the signal's reason
 */
export async function copyRows(
  from: Kysely<Tables>,
  to: Kysely<Tables>,
  { overwrite, signal, progress, shards = new Map() }: CopyOptions,
): Promise<ReadonlyMap<string, number>> {
  return readShards(from, shards, (source, spread) =>
    to.transaction().execute(async (target) => {
      await clearTarget(target, overwrite);
      const parts = copiedTables.flatMap((table) => partsOf(table, source, spread));
      let total = 0;
      for (const { db, table } of parts) total += await countRows(db, table);
      let done = 0;
      const counts = new Map<string, number>();
      for (const { db, table, keep } of parts) {
        for await (const page of pagesOf(db, table)) {
          signal.throwIfAborted();
          const rows = page.filter(keep);
          const inserted = rows.length > 0 ? await insertRows(target, table, rows) : 0;
          counts.set(table, (counts.get(table) ?? 0) + inserted);
          done += page.length;
          progress?.(done, total);
        }
      }
      for (const table of copiedTables) if (!counts.has(table)) counts.set(table, 0);
      for (const table of numbered) await continueNumbers(target, table, await lastNumber(source, table));
      await indexAssets(target);
      return counts;
    }),
  );
}

/** A database with rows of a table, and which of them count. */
interface CopiedPart {
  readonly table: CopiedTable;
  readonly db: Kysely<Tables>;
  readonly keep: (row: Row) => boolean;
}

/** The databases with rows of a table: the catalogue, and for what belongs to streams all. */
function partsOf(table: CopiedTable, source: Kysely<Tables>, spread: readonly ReadShard[]): readonly CopiedPart[] {
  if (table in streamTables)
    return spread.map(({ db, has }) => ({ table, db, keep: (row) => has(row.stream_id as string) }));
  if (table === 'stored_object' || table === 'object_upload') {
    const ownerOf = (row: Row) => streamOfLocation(row.location as string) ?? '';
    return spread.map(({ db, has }) => ({ table, db, keep: (row) => has(ownerOf(row)) }));
  }
  // A deletion stays where it is when its stream moves.
  if (table === 'object_deletion') return spread.map(({ db }) => ({ table, db, keep: () => true }));
  return [{ table, db: source, keep: () => true }];
}

async function clearTarget(target: Kysely<Tables>, overwrite: boolean): Promise<void> {
  for (const table of copiedTables) {
    // A lease that was released is no data.
    if (!overwrite && table !== 'lease' && (await countRows(target, table)) > 0) {
      throw new OxbowError('database-not-empty', `The target has rows already, in ${table}.`);
    }
    await target.deleteFrom(table).execute();
  }
  await target.deleteFrom('asset_search').execute();
  await target.deleteFrom('stream_shard').execute(); // all rows of streams are in the target
}

async function countRows(db: Kysely<Tables>, table: CopiedTable): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return row.count;
}

type Row = Readonly<Record<string, unknown>>;

/** All rows in the order of their key. */
async function* pagesOf(db: Kysely<Tables>, table: CopiedTable): AsyncGenerator<readonly Row[]> {
  const columns = sql.join(keys[table].map((column) => sql.ref(column)));
  for (let last: Row | undefined; ; ) {
    const after = last && sql.join(keys[table].map((column) => sql.val(last![column])));
    const where = after ? sql`WHERE (${columns}) > (${after})` : sql``;
    const page = sql<Row>`SELECT * FROM ${sql.table(table)} ${where} ORDER BY ${columns} LIMIT ${sql.lit(ROWS_EACH)}`;
    const { rows } = await page.execute(db);
    if (rows.length > 0) yield rows;
    if (rows.length < ROWS_EACH) return;
    last = rows.at(-1)!;
  }
}

/** @returns number of rows: a deletion may wait in two databases */
async function insertRows(db: Kysely<Tables>, table: CopiedTable, rows: readonly Row[]): Promise<number> {
  // A copy has no owner, but its tokens continue to rise.
  const written = table === 'lease' ? rows.map((row) => ({ ...row, expires_us: 0 })) : rows;
  const each = Math.max(1, Math.floor(MAX_PARAMETERS / Object.keys(rows[0]!).length));
  let inserted = 0;
  for (let at = 0; at < written.length; at += each) {
    const result = await db
      .insertInto(table)
      .values(written.slice(at, at + each) as never)
      .$if(table === 'object_deletion', (query) => query.onConflict((conflict) => conflict.doNothing()))
      .executeTakeFirst();
    inserted += Number(result.numInsertedOrUpdatedRows ?? 0n);
  }
  return inserted;
}

/** The highest number that a table has given out, also to rows that are deleted. */
async function lastNumber(db: Kysely<Tables>, table: string): Promise<number> {
  const query =
    engineOf(db) === 'sqlite'
      ? sql<{ last: number }>`SELECT seq AS last FROM sqlite_sequence WHERE name = ${table}`
      : sql<{
          last: number;
        }>`SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM ${sql.table(`${table}_seq_seq`)}`;
  return (await query.execute(db)).rows[0]?.last ?? 0;
}

async function continueNumbers(db: Kysely<Tables>, table: string, last: number): Promise<void> {
  if (last === 0) return;
  if (engineOf(db) === 'postgresql') {
    await sql`SELECT setval(${`${table}_seq_seq`}, ${last})`.execute(db);
    return;
  }
  await sql`DELETE FROM sqlite_sequence WHERE name = ${table}`.execute(db);
  await sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${last})`.execute(db);
}

/** The words of texts cannot be read from their index. */
async function indexAssets(db: Kysely<Tables>): Promise<void> {
  for (let after = 0; ; ) {
    const assets = await db
      .selectFrom('asset')
      .select(['seq', 'title', 'description', 'tags', 'filename'])
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(ROWS_EACH)
      .execute();
    for (const { seq, title, description, tags, filename } of assets) {
      const texts: AssetTexts = [title, description, (JSON.parse(tags) as string[]).join(' '), filename];
      await putTexts(db, seq, texts);
    }
    if (assets.length < ROWS_EACH) return;
    after = assets.at(-1)!.seq;
  }
}
