/**
 * The connection to one shard. It is opened in the background: oxbow starts without a shard that does not
 * respond, and uses it as soon as it does.
 * In: a name and a URL of `store.shards`. Out: its database with the newest schema, or ShardLost.
 */
import type { Kysely } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { DatabaseLost, type Engine, type Guard, type OnWait, type ReadQuery, ShardLost } from '../engine.ts';
import type { Tables } from '../schema.ts';

/** Pause after a failed attempt, ms. */
const RETRY_MS = 2000;
/** The first attempts may take this long before oxbow continues its start without the shard, ms. */
const FIRST_MS = 3000;

/** Options of `openShardServer`. */
export interface ShardServerOptions {
  readonly name: string;
  /** With the replica of the shard, if it has one. */
  readonly server: DatabaseServer;
  readonly log: Log;
  readonly onWait: OnWait;
  readonly guard?: Guard | undefined;
  readonly unlimited?: boolean | undefined;
  /** Whether to migrate to the newest schema; default true. */
  readonly migrate?: boolean | undefined;
  /** How long to wait for the first connection, ms. */
  readonly firstMs?: number | undefined;
}

/** A shard. Disposing ends the attempts, and closes it. */
export interface ShardServer extends AsyncDisposable {
  readonly name: string;
  /** @throws ShardLost before it has responded for the first time */
  readonly db: Kysely<Tables>;
  /**
   * Runs a query that may return what was true some seconds ago: on its replica, if there is one that is
   * current. @throws ShardLost as `db`
   */
  readPast<T>(query: ReadQuery<T>): Promise<T>;
  /** Statements that wait for a connection. */
  readonly waiting: number;
  /** Resolves when it responds. @throws ShardLost */
  check(): Promise<void>;
}

/** Begins to open a shard, and waits a moment for it. */
export async function openShardServer(options: ShardServerOptions): Promise<ShardServer> {
  const { name, server, log, onWait, guard, unlimited, migrate = true, firstMs = FIRST_MS } = options;
  const { openPostgresEngine } = await import('../postgres/engine.ts'); // loads a library
  const ending = new AbortController();
  const { signal } = ending;
  let engine: Engine | undefined;
  let problem: unknown = new Error('it is being opened');

  async function open(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        engine = await openPostgresEngine({
          server,
          log,
          onWait,
          guard,
          unlimited,
          migrate,
          signal,
          waitMs: 0,
        });
        if (tries > 1) log.info({ shard: name }, 'the shard responds now');
        return;
      } catch (error) {
        signal.throwIfAborted();
        problem = error;
        if (tries === 1) {
          log.error(
            { shard: name, error: messageOf(error) },
            'a shard of the database cannot be opened; its streams wait for it',
          );
        }
        await sleep(RETRY_MS, { signal });
      }
    }
  }
  const opening = open().catch(() => undefined); // rejects only on dispose
  const late = new AbortController();
  await Promise.race([opening, sleep(firstMs, late).catch(() => undefined)]);
  late.abort();
  return {
    name,
    get db() {
      if (!engine) throw new ShardLost(name, problem);
      return engine.db;
    },
    async readPast(query) {
      if (!engine) throw new ShardLost(name, problem);
      return engine.read(query);
    },
    get waiting() {
      return engine?.waiting ?? 0;
    },
    async check() {
      if (!engine) throw new ShardLost(name, problem);
      await engine.check().catch((error: unknown) => {
        throw shardError(name, error);
      });
    },
    async [Symbol.asyncDispose]() {
      ending.abort(new DOMException('the shard is closed', 'AbortError'));
      await opening;
      await engine?.[Symbol.asyncDispose]();
    },
  };
}

/** An error of a query of a shard: it names the shard if that does not respond. */
export function shardError(name: string, error: unknown): unknown {
  return error instanceof DatabaseLost && !(error instanceof ShardLost) ? new ShardLost(name, error.cause) : error;
}
