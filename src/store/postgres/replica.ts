/**
 * Reads from a replica of the database while it is at most some seconds behind; otherwise from the primary.
 * In: positions of the write-ahead log of both, once a second. Out: the database for a read. PostgreSQL
 * manual, 9.27.4.
 */
import { type Kysely, sql } from 'kysely';
import { sleep } from '../../lib/abort.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { ReadQuery } from '../engine.ts';
import type { Tables } from '../schema.ts';
import { isUnavailable } from './errors.ts';

const MEASURE_EVERY_MS = 1000;

/** Options of `openReplica`. */
interface ReplicaOptions {
  readonly primary: Kysely<Tables>;
  readonly replica: Kysely<Tables>;
  /** Most time that the replica may be behind, ms. */
  readonly maxLagMs: number;
  readonly log: Log;
  /** Current time, ms, from any start. */
  readonly nowMs?: () => number;
}

/** A replica that is watched. Disposing ends that; the databases stay open. */
interface Replica extends AsyncDisposable {
  /** It is near enough to the primary to be read. */
  readonly isCurrent: boolean;
  /** As `Store.read`. */
  read<T>(query: ReadQuery<T>): Promise<T>;
  /** Measures once. */
  measure(): Promise<void>;
}

/**
 * Positions of the log of the primary, with the time at which it had them; `caughtUpMs` is the newest that
 * the replica has reached.
 */
export class LagMeter {
  readonly #seen: { readonly atMs: number; readonly position: number }[] = [];
  #caughtUpMs = Number.NEGATIVE_INFINITY;

  /**
   * @param position bytes of the log of the primary at `atMs`;
   * @param replayed of the replica, measured later
   */
  add(atMs: number, position: number, replayed: number): void {
    this.#seen.push({ atMs, position });
    while (this.#seen[0] && this.#seen[0].position <= replayed) this.#caughtUpMs = this.#seen.shift()!.atMs;
    if (this.#seen.length > 600) this.#seen.splice(1, 1); // a replica that stays behind: the oldest is the one to reach
  }

  /** How far the replica is behind at most, ms; Infinity before it has reached a first position. */
  lagMs(nowMs: number): number {
    return nowMs - this.#caughtUpMs;
  }
}

/** Watches a replica. It is not read before the first measurement. */
export function openReplica(options: ReplicaOptions): Replica {
  const { primary, replica, maxLagMs, log, nowMs = () => performance.now() } = options;
  const meter = new LagMeter();
  const ending = new AbortController();
  let isCurrent = false;

  const report = (now: boolean, why?: string) => {
    if (now === isCurrent) return;
    isCurrent = now;
    if (now) log.info({ maxLagMs }, 'reads use the replica of the database');
    else log.warn({ maxLagMs, why }, 'reads use the primary database: the replica is behind or does not respond');
  };
  async function measure(): Promise<void> {
    try {
      const atMs = nowMs();
      const ahead = await sql<{ position: number }>`SELECT pg_current_wal_lsn() - '0/0' AS position`.execute(primary);
      const behind = await sql<{
        position: number | null;
      }>`SELECT pg_last_wal_replay_lsn() - '0/0' AS position`.execute(replica);
      meter.add(atMs, ahead.rows[0]!.position, behind.rows[0]!.position ?? -1);
      const lagMs = meter.lagMs(nowMs());
      report(lagMs <= maxLagMs, `${Math.round(lagMs)} ms behind`);
    } catch (error) {
      report(false, messageOf(error));
    }
  }
  async function watch(): Promise<void> {
    for (;;) {
      await measure();
      await sleep(MEASURE_EVERY_MS, ending);
    }
  }
  const watching = watch().catch(() => {}); // rejects only on dispose
  return {
    get isCurrent() {
      return isCurrent;
    },
    measure,
    async read(query) {
      if (!isCurrent) return query(primary);
      try {
        return await query(replica);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        report(false, messageOf(error));
        return query(primary);
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort(new DOMException('the replica is closed', 'AbortError'));
      await watching;
    },
  };
}
