/**
 * Moves the rows of a stream to another database while it records. It may end at any step: the next call
 * continues, and the catalogue names one database with all rows at any time.
 * In: the catalogue, two databases. Out: the rows in the other one. docs/decisions/0102.
 */
import type { Kysely } from 'kysely';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { NODE_LEASE } from '../data-folder-lease.ts';
import type { Fence } from '../lease-table.ts';
import type { Tables } from '../schema.ts';
import { deleteRows, equalize, otherMove, type RowCounts } from './row-pages.ts';
import { lockRow, type ShardRow } from './shard-map.ts';
import { FRESH_MS } from './spread-rows.ts';
import { raiseToken, spreadLease, streamLease } from './stream-token.ts';

/** Longest hold of the writes of a stream, ms: shorter than they wait. */
const HOLD_MS = 15_000;
/** How often the rows are held and compared at most, before the move gives up. */
const HOLDS = 3;
/** The copies that are left are deleted this long after the move: no process reads them any more, ms. */
const GRACE_MS = FRESH_MS + 2000;

/** The steps, in their order; a move that continues leaves out those that are done. */
export type MoveStep = 'begun' | 'copied' | 'held' | 'equal' | 'switched' | 'cleaning' | 'cleaned';

/** Options of `moveStream`. */
export interface MoveStreamOptions {
  readonly catalogue: Kysely<Tables>;
  /** The database of a shard; of the catalogue for an empty name. */
  readonly databaseOf: (shard: string) => Promise<Kysely<Tables>>;
  readonly streamId: string;
  /** Name of a shard; empty: the catalogue. */
  readonly to: string;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly signal: AbortSignal;
  /** Called after each step. */
  readonly stepped?: (step: MoveStep) => void | Promise<void>;
  /** Called with the number of rows that were copied so far. */
  readonly progress?: (rows: number) => void;
  /** Longest hold of the writes, ms. */
  readonly holdMs?: number;
  /** Time after the move before the copies are deleted, ms. */
  readonly graceMs?: number;
}

/** What was moved. */
export interface MovedStream {
  readonly from: string;
  readonly to: string;
  /** Rows by table; undefined: they were there already. */
  readonly rows: RowCounts | undefined;
  /** How long writes waited, ms. */
  readonly heldMs: number;
}

/**
 * Moves the rows of a stream. Abort leaves a move that the next call continues; writes continue.
 *
 * @throws OxbowError `data-in-use` if a process runs without shards, or another move of the stream has begun;
 *   `not-ready` if a database does not respond, or the rows change faster than they are compared
 */
export async function moveStream(options: MoveStreamOptions): Promise<MovedStream> {
  const { streamId, to, databaseOf, stepped } = options;
  const begun = await begin(options);
  const { shard: from } = begun;
  if (begun.copies_in !== null) await clean(options, begun.copies_in);
  if (from === to) return { from, to, rows: undefined, heldMs: 0 };
  await refuseUnspread(options);
  const databases = { from: await databaseOf(from), to: await databaseOf(to) };
  for (let holds = 1; ; holds++) {
    const fence = await takeTarget(options, databases.to);
    if (holds === 1) await stepped?.('begun');
    await equalize({ ...databases, fence }, streamId, options);
    if (holds === 1) await stepped?.('copied');
    // Again, so that little has changed since when the writes are held.
    await equalize({ ...databases, fence }, streamId, options);
    const result = await holdAndSwitch(options, databases, from);
    if (result) {
      await clean(options, from);
      return { from, to, ...result };
    }
    if (holds === HOLDS) {
      throw new OxbowError('not-ready', `The rows of the stream could not be compared within ${HOLD_MS / 1000} s.`, {
        extra: { hint: 'Nothing was moved. Try again when the databases have less to do.' },
      });
    }
  }
}

/** Notes the target of the move, so that every process that starts follows it. */
async function begin({ catalogue, streamId, to, clock }: MoveStreamOptions): Promise<ShardRow> {
  return catalogue.transaction().execute(async (db) => {
    const changed_us = Math.round(clock.nowMs() * 1000);
    const first = { shard: '', token: 1, moving_to: null, held_until_us: 0, copies_in: null, changed_us };
    await db
      .insertInto('stream_shard')
      .values({ stream_id: streamId, ...first })
      .onConflict((conflict) => conflict.column('stream_id').doNothing())
      .execute();
    const row = (await lockRow(db, streamId))!;
    const moving_to = row.shard === to ? null : to;
    // What a move to another target has copied is deleted first.
    const isOther = row.moving_to !== null && row.moving_to !== moving_to;
    const copies_in = row.copies_in ?? (isOther ? row.moving_to : null);
    const change = { moving_to, copies_in, changed_us };
    await db.updateTable('stream_shard').set(change).where('stream_id', '=', streamId).execute();
    return Object.assign(row, change);
  });
}

/** A process that does not know the shards would write to the old database after the move. */
async function refuseUnspread({ catalogue, clock }: MoveStreamOptions): Promise<void> {
  const leases = await catalogue
    .selectFrom('lease')
    .select(['name', 'token'])
    .where((eb) => eb.or([eb('name', '=', 'data-folder'), eb('name', 'like', `${NODE_LEASE}%`)]))
    .where('expires_us', '>', Math.round(clock.nowMs() * 1000))
    .execute();
  for (const { name, token } of leases) {
    const spread = await catalogue
      .selectFrom('lease')
      .select('token')
      .where('name', '=', spreadLease(name))
      .executeTakeFirst();
    if (spread && spread.token >= token) continue;
    const who = name.startsWith(NODE_LEASE) ? `The node ${name.slice(NODE_LEASE.length)}` : 'An oxbow';
    throw new OxbowError('data-in-use', `${who} runs without \`store.shards\`.`, {
      extra: { hint: 'Start it again with the same shards, then move the stream.' },
    });
  }
}

/** Takes a new token of a stream, in a state that `change` needs; undefined: it is in another one. */
async function takeToken(
  { catalogue, streamId, clock }: MoveStreamOptions,
  change: (row: ShardRow) => Partial<ShardRow> | undefined,
): Promise<number | undefined> {
  return catalogue.transaction().execute(async (db) => {
    const row = await lockRow(db, streamId);
    const changes = row && change(row);
    if (!changes) return undefined;
    const token = row.token + 1;
    const changed_us = Math.round(clock.nowMs() * 1000);
    const set = Object.assign({ token, changed_us }, changes);
    await db.updateTable('stream_shard').set(set).where('stream_id', '=', streamId).execute();
    return token;
  });
}

/** Takes the target for this move: an earlier move, or one that was paused, writes nothing to it any more. */
async function takeTarget(options: MoveStreamOptions, target: Kysely<Tables>): Promise<Fence> {
  const { catalogue, streamId, to } = options;
  const name = streamLease(streamId);
  for (;;) {
    const token = await takeToken(options, (row) =>
      row.moving_to === to && row.shard !== to ? { copies_in: null } : undefined,
    );
    if (token === undefined) throw otherMove();
    const newest = await raiseToken(target, streamId, token);
    if (newest === token) return { name, token };
    // The target knows a higher one, for the catalogue was restored.
    await catalogue
      .updateTable('stream_shard')
      .set({ token: newest })
      .where('stream_id', '=', streamId)
      .where('token', '<', newest)
      .execute();
  }
}

/** @returns undefined if the hold ended before the rows were equal */
async function holdAndSwitch(
  options: MoveStreamOptions,
  databases: { readonly from: Kysely<Tables>; readonly to: Kysely<Tables> },
  from: string,
): Promise<Pick<MovedStream, 'rows' | 'heldMs'> | undefined> {
  const { catalogue, streamId, to, clock, stepped, holdMs = HOLD_MS } = options;
  const begunAtMs = clock.monotonicMs();
  const held_until_us = Math.round((clock.nowMs() + holdMs) * 1000);
  const isOwn = (row: ShardRow) => row.moving_to === to && row.shard === from;
  const token = await takeToken(options, (row) => (isOwn(row) ? { held_until_us } : undefined));
  if (token === undefined) throw otherMove();
  let isSwitched = false;
  try {
    // Waits for the writes in progress; later ones are refused, and wait for the end of the hold.
    if ((await raiseToken(databases.from, streamId, token)) !== token) return undefined;
    if ((await raiseToken(databases.to, streamId, token)) !== token) throw otherMove();
    await stepped?.('held');
    const fence = { name: streamLease(streamId), token };
    const rows = await equalize({ ...databases, fence }, streamId, options);
    await stepped?.('equal');
    const switched = await takeToken(options, (row) =>
      isOwn(row) && row.token === token ? { shard: to, moving_to: null, held_until_us: 0, copies_in: from } : undefined,
    );
    if (switched === undefined) return undefined;
    isSwitched = true;
    await stepped?.('switched');
    return { rows, heldMs: Math.round(clock.monotonicMs() - begunAtMs) };
  } finally {
    if (!isSwitched) {
      await catalogue
        .updateTable('stream_shard')
        .set({ held_until_us: 0 })
        .where('stream_id', '=', streamId)
        .where('token', '=', token)
        .execute();
    }
  }
}

/** Deletes the copies that a move has left, when no process reads them any more. */
async function clean(options: MoveStreamOptions, where: string): Promise<void> {
  const { catalogue, streamId, databaseOf, signal, stepped, graceMs = GRACE_MS } = options;
  await sleep(graceMs, { signal });
  const db = await databaseOf(where);
  const token = await takeToken(options, (row) => (row.copies_in === where && row.shard !== where ? {} : undefined));
  if (token === undefined) throw otherMove();
  if ((await raiseToken(db, streamId, token)) !== token) throw otherMove();
  await stepped?.('cleaning');
  await deleteRows(db, { name: streamLease(streamId), token }, streamId, { signal });
  await catalogue
    .updateTable('stream_shard')
    .set({ copies_in: null })
    .where('stream_id', '=', streamId)
    .where('copies_in', '=', where)
    .where('token', '>=', token)
    .execute();
  await stepped?.('cleaned');
}
