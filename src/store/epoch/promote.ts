/**
 * Promotes a replica of the PostgreSQL database, and raises the fencing epoch.
 * In: the address of the replica, of the old primary if it can be reached, the epochs elsewhere. Out: the new
 * epoch, and how much of the old primary the replica does not have. PostgreSQL manual, 9.27.4, 26.3.
 */
import { type Kysely, sql } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { sleep, withDeadline } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import type { Engine } from '../engine.ts';
import { markLoss } from '../event-log/promoted-log.ts';
import type { Tables } from '../schema.ts';
import { raiseEpoch, readEpoch } from './epoch-row.ts';

/** Longest time that the server takes to leave recovery, seconds. */
const PROMOTE_S = 60;
/** Longest wait for the last changes of an old primary that answers, ms. */
const CATCH_UP_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** Options of `promoteServer`. */
export interface PromoteOptions {
  /** The replica, or a server that was promoted already. */
  readonly server: DatabaseServer;
  /** The primary in place of which it is promoted: its processes are ended first. Undefined: it is lost. */
  readonly old: DatabaseServer | undefined;
  /** The highest epoch of the buckets. */
  readonly seen: number;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** What was promoted. */
export interface Promotion {
  readonly epoch: number;
  /** False: the server was a primary already; its epoch was raised. */
  readonly wasReplica: boolean;
  /** Bytes of the log of the old primary that the replica lacks; undefined: the old one was not read. */
  readonly missingBytes: number | undefined;
  /** When its last transaction was committed, ms since 1970 by the clock of the old primary. */
  readonly lastMs: number | undefined;
  /** Time from that transaction to the promotion, seconds: what was committed within it is lost. */
  readonly lostS: number | undefined;
}

/** A node that the promoted database knows. */
export interface KnownNode {
  readonly name: string;
  readonly url: URL;
}

/** What a replica has. */
interface Replayed {
  readonly position: number;
  /** Of its last transaction, seconds since 1970; null: none since it began. */
  readonly last: number | null;
  readonly now: number;
}

/**
 * Promotes the replica. With an old primary that answers, its processes are ended first, and nothing is lost.
 *
 * @throws OxbowError `not-ready` if a server does not answer, or does not leave recovery; `bad-setting` if
 *   the user may not promote
 */
export async function promoteServer({
  server,
  old,
  seen,
  nowMs,
  signal,
}: PromoteOptions): Promise<{ readonly promotion: Promotion; readonly nodes: readonly KnownNode[] }> {
  await using replica = await openAsItIs(server, signal);
  const { db } = replica;
  await using oldEngine = old && (await openAsItIs(old, signal));
  const epochs = [seen, (await readEpoch(db)).number];
  if (oldEngine) {
    if (await isInRecovery(oldEngine.db)) {
      throw new OxbowError('bad-request', 'The server of --old is a replica itself.', {
        extra: { hint: 'Name the primary that this replica follows, or leave --old out if it is lost.' },
      });
    }
    epochs.push((await readEpoch(oldEngine.db)).number);
  }
  const epoch = Math.max(...epochs) + 1;
  const wasReplica = await isInRecovery(db);
  let missingBytes: number | undefined;
  if (oldEngine) {
    await raiseEpoch(oldEngine.db, { number: epoch, isSuperseded: true }, nowMs());
    if (wasReplica) missingBytes = await catchUp(oldEngine.db, db, signal);
  }
  const before = wasReplica ? await readReplayed(db) : undefined;
  if (wasReplica) await leaveRecovery(db);
  // Also where it was a primary already: nothing is known of what the old one had.
  if (missingBytes !== 0) await markLoss(db, nowMs());
  await raiseEpoch(db, { number: epoch, isSuperseded: false }, nowMs());
  const promotion = { epoch, wasReplica, missingBytes, ...lossOf(before, missingBytes) };
  const rows = await db.selectFrom('node').select(['name', 'url']).execute();
  return { promotion, nodes: rows.map(({ name, url }) => ({ name, url: new URL(url) })) };
}

/** What the replica does not have. @param before as it was promoted; undefined: it was a primary */
function lossOf(before: Replayed | undefined, missingBytes: number | undefined): Pick<Promotion, 'lastMs' | 'lostS'> {
  if (!before || before.last === null) return { lastMs: undefined, lostS: undefined };
  const { last, now } = before;
  return { lastMs: last * 1000, lostS: missingBytes === 0 ? 0 : Math.max(0, now - last) };
}

async function openAsItIs(server: DatabaseServer, signal: AbortSignal): Promise<Engine> {
  const { openPostgresEngine } = await import('../postgres/engine.ts'); // loads a library
  const log = createSilentLog();
  const bare = { ...server, replicaUrl: undefined };
  return openPostgresEngine({
    server: bare,
    log,
    onWait: () => undefined,
    waitMs: 0,
    migrate: false,
    unlimited: true,
    signal,
  });
}

async function isInRecovery(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ answer: boolean }>`SELECT pg_is_in_recovery() AS answer`.execute(db);
  return rows[0]!.answer;
}

async function readReplayed(db: Kysely<Tables>): Promise<Replayed> {
  const { rows } = await sql<Replayed>`
    SELECT COALESCE(pg_last_wal_replay_lsn() - '0/0', 0) AS position,
      extract(epoch FROM pg_last_xact_replay_timestamp())::float8 AS last,
      extract(epoch FROM clock_timestamp())::float8 AS now`.execute(db);
  return rows[0]!;
}

/** Waits until the replica has what the old primary had when its processes were ended. Returns what lacks. */
async function catchUp(old: Kysely<Tables>, replica: Kysely<Tables>, signal: AbortSignal): Promise<number> {
  const { rows } = await sql<{ position: number }>`SELECT pg_current_wal_lsn() - '0/0' AS position`.execute(old);
  using limit = withDeadline(CATCH_UP_MS, 'waiting for the last changes of the old primary', { signal });
  for (;;) {
    const { position } = await readReplayed(replica);
    const missing = rows[0]!.position - position;
    if (missing <= 0) return 0;
    try {
      await sleep(LOOK_EVERY_MS, limit);
    } catch {
      signal.throwIfAborted();
      return missing;
    }
  }
}

async function leaveRecovery(db: Kysely<Tables>): Promise<void> {
  try {
    const { rows } = await sql<{ done: boolean }>`SELECT pg_promote(true, ${PROMOTE_S}) AS done`.execute(db);
    if (rows[0]!.done) return;
  } catch (error) {
    if ((error as { code?: unknown }).code !== '42501') throw error;
    throw new OxbowError('bad-setting', 'PostgreSQL does not let this user promote the replica.', {
      cause: error,
      extra: { hint: 'At the primary, once: GRANT EXECUTE ON FUNCTION pg_promote TO oxbow. Or use another user.' },
    });
  }
  throw new OxbowError('not-ready', `The replica has not left recovery within ${PROMOTE_S} s.`, {
    extra: { hint: 'Its log has the reason. Run the command again: it continues where it was.' },
  });
}
