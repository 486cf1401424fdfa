/**
 * The engine for a PostgreSQL server: pools of connections, migrations, and reads from a replica.
 * In: a URL. Out: Engine.
 */
import { type Kysely, sql } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Engine, Guard, OnWait } from '../engine.ts';
import { type Migration, migrations, oldestFor } from '../migrations.ts';
import type { Tables } from '../schema.ts';
import { createPostgresDb } from './dialect.ts';
import { isUnavailable } from './errors.ts';
import { migrateBeside, migratePostgres, newer, readSchema, waitForOthers } from './migrate.ts';
import { ConnectionPool } from './pool.ts';
import { openReplica } from './replica.ts';

/** Options of `openPostgresEngine`. */
export interface PostgresEngineOptions {
  readonly server: DatabaseServer;
  readonly log: Log;
  readonly onWait: OnWait;
  /** Of the primary server; without it, the engine logs when the server is lost. */
  readonly guard?: Guard | undefined;
  /** Ends the waiting for a server that does not respond yet. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for one, ms. */
  readonly waitMs?: number | undefined;
  /** Whether to migrate to the newest schema; default true. */
  readonly migrate?: boolean;
  /** Uses a database of a newer oxbow whose schema permits it. */
  readonly takesNewer?: boolean | undefined;
  /** The history of the schema; default: that of this oxbow. For tests. */
  readonly steps?: readonly Migration[] | undefined;
  /** Statements may take as long as they need. Migrations always may. */
  readonly unlimited?: boolean | undefined;
}

/** After a start of all machines the database may come last. */
const WAIT_MS = 60_000;
const RETRY_MS = 1000;
/** Batches at the same time; further ones wait. */
const BATCH_CONNECTIONS = 2;

/**
 * Connects, and brings the database to the newest schema. Waits for a server that does not respond yet.
 *
 * @throws OxbowError `not-ready` if it does not respond in time, `bad-setting` if it refuses the user or has
 *   no such database, `data-newer`
 */
export async function openPostgresEngine(options: PostgresEngineOptions): Promise<Engine> {
  const { server, log, onWait, guard, unlimited, migrate = true } = options;
  await using opened = new AsyncDisposableStack();
  const onRefusedLimit = refusedLimits(log);
  const openPool = (
    url: string,
    max: number,
    how: { readonly pipeline?: boolean; readonly guard?: Guard | undefined },
  ) => {
    const pool = new ConnectionPool({
      url,
      max,
      onWait,
      unlimited,
      onRefusedLimit,
      ...how,
      ...(!how.guard && { onContact: contactsOf(url, log) }),
    });
    opened.defer(() => pool.end());
    return pool;
  };
  const pool = openPool(server.url, server.pool, { guard });
  const batches = openPool(server.url, BATCH_CONNECTIONS, { guard, pipeline: true });
  const db = createPostgresDb(pool, batches);
  const { rows } = await waitForServer(
    () => sql<{ server_encoding: string }>`SHOW server_encoding`.execute(db),
    options,
  );
  const encoding = rows[0]!.server_encoding;
  if (encoding !== 'UTF8') {
    throw new OxbowError('bad-setting', `store.url: The database has the encoding ${encoding}.`, {
      extra: { hint: 'Create one with UTF-8: createdb --encoding UTF8 --template template0 NAME' },
    });
  }
  if (migrate) await takeToSchema(db, options);
  const { replicaUrl, replicaLag } = server;
  const replica =
    replicaUrl === undefined
      ? undefined
      : opened.use(
          openReplica({
            primary: db,
            replica: createPostgresDb(openPool(replicaUrl, server.pool, {}), batches),
            maxLagMs: replicaLag,
            log,
          }),
        );
  const owned = opened.move();
  return {
    name: 'postgresql',
    db,
    identity: undefined, // one server has many names
    movedTo: undefined,
    read: replica ? (query) => replica.read(query) : (query) => query(db),
    get waiting() {
      return pool.waiting + batches.waiting;
    },
    async check() {
      await sql`SELECT 1`.execute(db);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Logs each limit that a pooler refuses, once. */
function refusedLimits(log: Log): (name: string) => void {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return;
    known.add(name);
    log.warn(
      { limit: name },
      'the pooler in front of the database accepts no such limit; set it for the role of oxbow',
    );
  };
}

/** Brings the database to the newest schema, unless it has a newer one that this oxbow works with. */
async function takeToSchema(db: Kysely<Tables>, options: PostgresEngineOptions): Promise<void> {
  const { server, log, onWait, takesNewer = false, steps = migrations } = options;
  const { signal = new AbortController().signal } = options;
  const { version, oldest } = await readSchema(db);
  if (version === steps.length) return;
  if (version > steps.length) {
    if (!takesNewer || oldest > steps.length) throw newer(version, steps.length);
    log.warn(
      { schema: version, known: steps.length },
      'the database has the schema of a newer oxbow, which this one can use',
    );
    return;
  }
  const isBeside = version > 0 && oldestFor(steps.length, steps) <= version;
  if (version > 0 && !isBeside) await waitForOthers(db, { signal });
  // A separate connection, without limits, only where there is something to do.
  await using patient = new AsyncDisposableStack();
  const migrationPool = new ConnectionPool({ url: server.url, max: 1, unlimited: true, onWait });
  patient.defer(() => migrationPool.end());
  const migrationDb = createPostgresDb(migrationPool, migrationPool);
  const waits = () => log.warn('another program uses a table of the database; the new schema waits for it');
  const { from, to } = isBeside
    ? await migrateBeside(migrationDb, steps, { signal, waits })
    : await migratePostgres(migrationDb, undefined, steps);
  if (from !== to) log.info({ from, to }, 'the PostgreSQL database has the newest schema now');
}

/** Logs when a server is lost, and when it responds again. */
function contactsOf(url: string, log: Log): (lost: Error | undefined) => void {
  let isLost = false;
  const { host } = new URL(url);
  return (lost) => {
    if (isLost === (lost !== undefined)) return;
    isLost = lost !== undefined;
    if (lost)
      log.error({ host, error: lost.message }, 'the database server does not respond; what must be stored waits');
    else log.info({ host }, 'the database server responds again');
  };
}

async function waitForServer<T>(
  ask: () => Promise<T>,
  { log, signal = new AbortController().signal, waitMs = WAIT_MS }: PostgresEngineOptions,
): Promise<T> {
  const begunAt = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!isUnavailable(error)) throw refusedBy(error);
      if (performance.now() - begunAt >= waitMs) throw error;
      if (tries === 1) log.warn({ error: messageOf(error) }, 'the database does not respond; waiting for it');
      await sleep(RETRY_MS, { signal });
    }
  }
}

function refusedBy(error: unknown): OxbowError {
  const text = messageOf(error);
  const isMissing = (error as { code?: unknown }).code === '3D000';
  const hint = isMissing
    ? 'Create it: createdb --encoding UTF8 NAME'
    : 'Check user, password and database in `store.url`.';
  return new OxbowError('bad-setting', `store.url: PostgreSQL refuses the connection: ${text}.`, {
    cause: error,
    extra: { hint },
  });
}
