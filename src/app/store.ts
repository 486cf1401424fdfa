/**
 * Opens the data folder and its database.
 * In: the context. Out: Store.
 */
import path from 'node:path';
import { openAddressSeal } from '../accounts/address-seal.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import { databaseServer } from '../config/sections/store-section.ts';
import type { AppContext } from '../features/core.ts';
import type { Services } from '../observe/services/services.ts';
import { currentTraceparent } from '../observe/traces/current-span.ts';
import { StoredSettings } from '../settings/stored-settings.ts';
import { openStore as openDatabase, type Store } from '../store/db.ts';
import type { Guard } from '../store/engine.ts';
import { RowChanges } from '../store/row-changes.ts';
import { findClearCopies, HOW_TO_FORGET } from '../store/sealed/clear-copies.ts';
import { sealRows } from '../store/sealed/seal-rows.ts';
import { useSeal } from '../store/sealed/text-seal.ts';
import { DATABASE_FILE } from '../streams/offline/rebuild.ts';
import { watchSecretOf } from './accounts.ts';

/** Longer than the pool waits for a connection, which is never left without an owner. */
const GUARD_MS = 20_000;
/** Rewinding waits for the database: a trial costs less than a viewer who waits after it is back. */
const LONGEST_PAUSE_MS = 2000;
/** Most sealed addresses that a log line names. */
const MOST_NAMED = 20;

/**
 * Opens the database, locks the data folder and takes its lease.
 *
 * @param options.onTaken called if another process takes the folder
 * @throws OxbowError `data-in-use`
 */
export async function openStore(
  { config, dataFolder, process: part, opened, shutdown, log, metrics, services, telemetry }: AppContext,
  { onTaken }: { readonly onTaken: () => void },
): Promise<Store> {
  const server = databaseServer(config.store);
  const onWait = (seconds: number, sql: string) => {
    metrics.databaseWaitSeconds.observe(seconds);
    if (seconds * 1000 < config.telemetry.slowQuery) return;
    const operation = (/^\w+/.exec(sql)?.[0] ?? 'query').toUpperCase();
    const table = /\b(?:from|into|update) "(\w+)"/i.exec(sql)?.[1];
    telemetry.ended({
      kind: 'database',
      name: table === undefined ? operation : `${operation} ${table}`,
      tookMs: seconds * 1000,
      traceparent: currentTraceparent(),
      attributes: {
        'db.system.name': server ? 'postgresql' : 'sqlite',
        'db.operation.name': operation,
        'db.collection.name': table,
        'db.query.text': sql.slice(0, 2000), // without values
      },
    });
  };
  const file = path.join(dataFolder, DATABASE_FILE);
  const { signal } = shutdown;
  const guard = server && (await openGuard(services, opened));
  const name = nodeName(config);
  const node = name === undefined ? undefined : { node: name, leaseTtlMs: config.cluster.takeover };
  const guardOf = (shard: string) => openGuard(services, opened, `postgresql:${shard}`);
  const options = { file, server, log, onWait, guard, guardOf, onTaken, signal, isLocked: part !== undefined };
  const store = opened.use(await openDatabase({ ...options, ...node }));
  const { watchSecret, clusterSecret } = watchSecretOf(config, part);
  useSeal(store.db, await openAddressSeal(dataFolder, watchSecret, clusterSecret));
  await sealAddresses(store, { dataFolder, log });
  opened.defer(metrics.beforeScrape(() => metrics.databaseWaiting.set(store.waiting)));
  return store;
}

/** Seals what an older oxbow, or an earlier key, has left; reports what cannot be opened. */
async function sealAddresses(
  { db }: Pick<Store, 'db'>,
  { dataFolder, log }: Pick<AppContext, 'dataFolder' | 'log'>,
): Promise<void> {
  const { changed, locked, rewritten } = await sealRows(db);
  if (changed > 0) {
    const copies = findClearCopies(dataFolder);
    log.info(
      { rows: changed, rewritten, copies, hint: HOW_TO_FORGET },
      'addresses with passwords were sealed; copies and backups of before have them in clear',
    );
  }
  if (locked.length === 0) return;
  const named = locked.slice(0, MOST_NAMED);
  log.error(
    { locked: named, more: locked.length - named.length },
    'another key has sealed addresses: give oxbow that key, or enter them again',
  );
}

/**
 * The processes of a server notify each other within the computer, so few changes are found by looking, ms.
 */
const PROCESSES_LOOK_MS = 3000;

/** Reads what other nodes change, until the shutdown; undefined without a database that nodes share. */
export function openRowChanges(
  { config, process: part, opened, shutdown, clock, failed }: AppContext,
  { db }: Pick<Store, 'db'>,
): RowChanges | undefined {
  if (nodeName(config) === undefined) return undefined;
  const changes = new RowChanges({
    db,
    clock,
    failed: failed('reading what other nodes have changed'),
    ...(part && { everyMs: PROCESSES_LOOK_MS }),
  });
  opened.use(shutdown.owns(changes.run(shutdown)));
  return changes;
}

/**
 * Reads and applies what administrators have set in the browser: before anything deletes recordings by it.
 */
export function openStoredSettings(
  { settings, dataFolder, log }: AppContext,
  { db }: Pick<Store, 'db'>,
  changes: RowChanges | undefined,
): Promise<StoredSettings> {
  return StoredSettings.open({ db, changes, settings, dataFolder, log });
}

/** The circuit breaker of a database server: while it cannot be reached, requests are refused at once. */
async function openGuard(
  services: Services,
  opened: AsyncDisposableStack,
  service: 'postgresql' | `postgresql:${string}` = 'postgresql',
): Promise<Guard> {
  const { isUnavailable } = await import('../store/postgres/errors.ts');
  const breaker = opened.use(
    await services.open({
      service,
      timeoutMs: GUARD_MS,
      failures: 3,
      isFailure: isUnavailable,
      maxPauseMs: LONGEST_PAUSE_MS,
    }),
  );
  const { signal } = new AbortController();
  return (attempt) => breaker.call(attempt, { signal });
}
