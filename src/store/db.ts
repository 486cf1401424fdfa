/**
 * The metadata store: a SQLite file in the data folder, or a PostgreSQL server, queried through Kysely with
 * typed tables.
 * In: queries of repositories in higher layers. Out: rows. No higher layer imports node:sqlite or pg.
 */
import { dirname } from 'node:path';
import type { Kysely } from 'kysely';
import type { DatabaseServer } from '../config/sections/store-section.ts';
import { createSystemClock } from '../lib/clock.ts';
import type { Log } from '../observe/log.ts';
import { leaseDataFolder } from './data-folder-lease.ts';
import { keepReserve } from './disk-reserve.ts';
import type { Engine, EngineName, Guard, ReadQuery } from './engine.ts';
import type { Fence } from './lease-table.ts';
import { lockDataFolder } from './lock.ts';
import type { Tables } from './schema.ts';
import { openRows } from './shards/open-rows.ts';
import type { ShardServer } from './shards/shard-server.ts';
import type { StreamRows } from './shards/stream-rows.ts';
import type { StartDatabase } from './sqlite/database-thread.ts';
import { openSqliteEngine } from './sqlite/engine.ts';

/** An open metadata store. */
export interface Store {
  readonly engine: EngineName;
  /** The tables. With SQLite a transaction blocks all other statements, so await nothing slow within one. */
  readonly db: Kysely<Tables>;
  /**
   * Runs a query that may return what was true some seconds ago: on a replica, if there is one that is
   * current.
   */
  read<T>(query: ReadQuery<T>): Promise<T>;
  /** Token checked by writes that only the owner of the data folder may do. */
  readonly fence: Fence;
  /** The rows that grow with the recorded time of streams: in this database, or in shards of it. */
  readonly rows: StreamRows;
  /**
   * Path that a corrupt database was moved to when the store opened; the index must then be rebuilt from the
   * files.
   */
  readonly movedTo: string | undefined;
  /** The shards of its settings. */
  readonly shards: readonly Pick<ShardServer, 'name' | 'check'>[];
  /** Statements that wait for a connection to a database server. */
  readonly waiting: number;
  /** Resolves when the database responds; for the health check. Throws its error. */
  check(): Promise<void>;
}

/** Options of `openStore`. */
export interface StoreOptions {
  /** Path of the database file; its folder is the data folder and is locked. */
  readonly file: string;
  /** The database server that is used instead of the file. */
  readonly server?: DatabaseServer | undefined;
  readonly log: Log;
  /** Current time, ms since 1970; part of the name of a file that is moved aside. */
  readonly nowMs?: number;
  /** Called with the duration of each statement, seconds, and its SQL without values. */
  readonly onWait?: (seconds: number, sql: string) => void;
  /** Makes the attempts to reach a database server. */
  readonly guard?: Guard | undefined;
  /** The same for each shard, by its name. */
  readonly guardOf?: ((shard: string) => Promise<Guard>) | undefined;
  /** Called if another process takes the data folder. */
  readonly onTaken?: () => void;
  /** Name of this node of a cluster; undefined: a single server. */
  readonly node?: string | undefined;
  /** The process that has started this one holds the lock of the folder. */
  readonly isLocked?: boolean | undefined;
  /** Time to live of the lease on the folder, ms. */
  readonly leaseTtlMs?: number | undefined;
  /** Statements of a server may take as long as they need. */
  readonly unlimited?: boolean | undefined;
  /** Where the statements of SQLite run; default a thread. For tests. */
  readonly start?: StartDatabase;
  /** Ends the waiting for a database server. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Locks the data folder, opens the database, brings it to the newest schema and takes the lease of the
 * folder. Disposing waits for statements, releases the lease, closes the database and frees the lock.
 *
 * @throws OxbowError `data-in-use`, `folder-unwritable`, `data-newer`; with a server `not-ready`,
 *   `bad-setting`
 */
export async function openStore(options: StoreOptions): Promise<Store & AsyncDisposable> {
  const { file, log, onTaken = () => undefined } = options;
  await using opened = new AsyncDisposableStack();
  if (!options.isLocked) opened.use(lockDataFolder(dirname(file)));
  await keepReserve(dirname(file));
  const engine = opened.use(await openEngine({ ...options, takesNewer: true }));
  const { db, identity, movedTo } = engine;
  const clock = createSystemClock();
  const { fence } = opened.use(
    await leaseDataFolder({
      db,
      identity,
      file,
      clock,
      log,
      taken: onTaken,
      ttlMs: options.leaseTtlMs,
      node: options.node,
    }),
  );
  const { server, onWait = () => undefined, guardOf, unlimited } = options;
  const { rows, shards } = await openRows(
    server,
    { db, readPast: (query) => engine.read(query), fence: () => fence, log, onWait, guardOf, unlimited },
    opened,
  );
  const owned = opened.move();
  return {
    engine: engine.name,
    db,
    read: (query) => engine.read(query),
    fence,
    rows,
    shards,
    movedTo,
    get waiting() {
      return shards.reduce((sum, shard) => sum + shard.waiting, engine.waiting);
    },
    check: () => engine.check(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Opens the database without the data folder. @throws as `openStore` */
export async function openEngine(
  options: Omit<StoreOptions, 'onTaken' | 'leaseTtlMs' | 'node' | 'isLocked'> & {
    /** Uses the database of a server with a newer schema that permits it. */
    readonly takesNewer?: boolean;
  },
): Promise<Engine> {
  const { file, server, log, nowMs = Date.now(), onWait = () => undefined, guard, unlimited, start, signal } = options;
  const { takesNewer } = options;
  if (server === undefined) return openSqliteEngine({ file, log, nowMs, onWait, start });
  const { openPostgresEngine } = await import('./postgres/engine.ts'); // loads a library
  return openPostgresEngine({ server, log, onWait, guard, unlimited, takesNewer, signal });
}
