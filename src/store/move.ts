/**
 * Moves the metadata of a data folder between its SQLite file and a PostgreSQL server, and takes a database
 * to another schema.
 * In: a data folder that no server uses, a PostgreSQL server. Out: copies; an earlier file is kept under
 * another name.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { DatabaseServer } from '../config/sections/store-section.ts';
import { OxbowError } from '../lib/errors.ts';
import { createSilentLog } from '../observe/log.ts';
import { type CopyOptions, copyRows } from './copy.ts';
import { NODE_LEASE } from './data-folder-lease.ts';
import { openEngine } from './db.ts';
import type { EngineName } from './engine.ts';
import { lockDataFolder } from './lock.ts';
import { migrations, OLDEST_SCHEMA } from './migrations.ts';
import type { Tables } from './schema.ts';
import { unsealRows } from './sealed/seal-rows.ts';
import { sealedAddressMigration } from './sealed/sealed-step.ts';
import { type TextSeal, useSeal } from './sealed/text-seal.ts';
import { shardError } from './shards/shard-server.ts';
import { placesIn, spreadStreams } from './shards/spread-streams.ts';
import { changeSqliteSchema, moveAside, readSqliteSchema } from './sqlite/sqlite.ts';

/** The two databases. */
export interface MoveOptions extends CopyOptions {
  /** Path of the SQLite database. */
  readonly file: string;
  readonly server: DatabaseServer;
}

/** Rows by table. */
export type CopiedRows = ReadonlyMap<string, number>;

/** Of `changeSchema`. */
interface SchemaOptions extends Pick<MoveOptions, 'file' | 'signal'> {
  readonly server: DatabaseServer | undefined;
  /** Opens addresses that an older oxbow has in clear. */
  readonly seal?: TextSeal | undefined;
}

/** The first schema with sealed addresses. */
const SEALED_SCHEMA = migrations.indexOf(sealedAddressMigration) + 1;
/** Most sealed addresses that a message names. */
const MOST_NAMED = 10;

const log = createSilentLog();

/**
 * Copies the SQLite database to the server. With shards, each stream is where it was in the database of
 * before, others are where `store.newStreams` says; all that its shards had is deleted.
 *
 * @throws OxbowError `not-found` without a database, `data-in-use`, `database-not-empty` if the server's
 *   database is not empty
 */
export async function copyToServer({ file, server, ...options }: MoveOptions): Promise<CopiedRows> {
  if (!existsSync(file)) throw new OxbowError('not-found', `There is no database ${file}.`);
  using _lock = lockDataFolder(dirname(file));
  await using from = await openEngine({ file, log });
  await using to = await openEngine({ file, server, log, unlimited: true, signal: options.signal });
  await refuseOwned(to.db, options);
  await using opened = new AsyncDisposableStack();
  const shards = await openShards(server, options.signal, opened);
  if (shards.size === 0) {
    const rows = await copyRows(from.db, to.db, options);
    await tidy(to.db);
    return rows;
  }
  const places = await placesIn(to.db);
  const rows = await copyRows(from.db, to.db, { ...options, shards: undefined });
  await spreadStreams({ server, catalogue: to.db, shards, places, signal: options.signal });
  for (const db of [to.db, ...shards.values()]) await tidy(db);
  return rows;
}

/**
 * Copies the database of the server to the SQLite file; an earlier file is kept under another name.
 *
 * @returns the rows, and the path of an earlier file
 * @throws OxbowError `data-in-use`
 */
export async function copyToFile(
  { file, server, ...options }: Omit<MoveOptions, 'overwrite'>,
  nowMs: number,
): Promise<{ readonly rows: CopiedRows; readonly aside: string | undefined }> {
  using _lock = lockDataFolder(dirname(file));
  const rows = await snapshot(`${file}.copy.part`, server, options);
  const aside = existsSync(file) ? moveAside(file, nowMs, 'before-copy') : undefined;
  renameSync(`${file}.copy.part`, file);
  return { rows, aside };
}

/**
 * Copies the database of a server that oxbow may be using to a new SQLite file, as of one moment.
 *
 * @param path a file that is replaced
 */
export async function snapshot(
  path: string,
  server: DatabaseServer,
  { signal, progress }: Omit<CopyOptions, 'overwrite'>,
): Promise<CopiedRows> {
  dropDatabase(path); // of an interrupted copy
  try {
    await using from = await openEngine({ file: path, server, log, unlimited: true, signal });
    await using opened = new AsyncDisposableStack();
    const shards = await openShards(server, signal, opened);
    await using to = await openEngine({ file: path, log });
    return await copyRows(from.db, to.db, { overwrite: true, signal, progress, shards });
  } catch (error) {
    dropDatabase(path);
    throw error;
  }
}

/** The databases of the shards of a server. @throws ShardLost */
async function openShards(
  server: DatabaseServer,
  signal: AbortSignal,
  opened: AsyncDisposableStack,
): Promise<ReadonlyMap<string, Kysely<Tables>>> {
  const shards = new Map<string, Kysely<Tables>>();
  for (const [name, url] of Object.entries(server.shards ?? {})) {
    const at = { ...server, url, replicaUrl: undefined };
    const engine = await openEngine({ file: '', server: at, log, unlimited: true, signal }).catch((error: unknown) => {
      throw shardError(name, error);
    });
    shards.set(name, opened.use(engine).db);
  }
  return shards;
}

/** Deletes a SQLite database that nothing uses. */
export function dropDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}

/** So that the first queries are planned with figures, and read only indices. */
export async function tidy(db: Kysely<Tables>): Promise<void> {
  await sql`VACUUM (ANALYZE)`.execute(db);
}

/** A process that uses the database of the server would lose its writes. */
async function refuseOwned(db: Kysely<Tables>, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  const lease = await db
    .selectFrom('lease')
    .select('name')
    .where((eb) => eb.or([eb('name', '=', 'data-folder'), eb('name', 'like', `${NODE_LEASE}%`)]))
    .where('expires_us', '>', Date.now() * 1000)
    .executeTakeFirst();
  signal.throwIfAborted();
  if (!lease) return;
  const node = lease.name.startsWith(NODE_LEASE) ? lease.name.slice(NODE_LEASE.length) : undefined;
  const who = node === undefined ? 'An oxbow' : `The node ${node} of a cluster`;
  const hint = node === undefined ? 'Stop it.' : 'Stop all nodes.';
  throw new OxbowError('data-in-use', `${who} uses the database of the server.`, {
    extra: { hint: `${hint} One that was killed is forgotten after 30 seconds.` },
  });
}

/**
 * Takes the database to another schema, for a return to an older oxbow without its backup. Addresses that are
 * sealed are in clear then, if that oxbow knows no seal.
 *
 * @param target default: the newest
 * @returns the schema before and after
 * @throws OxbowError `bad-request` for a schema that cannot be reached, `data-in-use`; `sealed-elsewhere` if
 *   another key has sealed addresses
 */
export async function changeSchema(
  { file, server, signal, seal }: SchemaOptions,
  target = migrations.length,
): Promise<{ readonly from: number; readonly to: number }> {
  using _lock = lockDataFolder(dirname(file));
  const losesSeal = (schema: number) => schema >= SEALED_SCHEMA && target < SEALED_SCHEMA && target >= OLDEST_SCHEMA;
  if (server === undefined) {
    const before = readSqliteSchema(file);
    if (losesSeal(before)) {
      await using engine = await openEngine({ file, log });
      await unseal(engine.db, seal);
    }
    return { from: Math.max(before, changeSqliteSchema(file, target)), to: target };
  }
  const { openPostgresEngine } = await import('./postgres/engine.ts');
  const { migratePostgres, schemaOf } = await import('./postgres/migrate.ts');
  const how = { unlimited: true, migrate: false };
  await using engine = await openPostgresEngine({ server, log, onWait: () => undefined, signal, ...how });
  await refuseOwned(engine.db, { signal });
  if (losesSeal(await schemaOf(engine.db))) await unseal(engine.db, seal);
  // First the catalogue, which refuses a schema without shards while streams are on them.
  const changed = await migratePostgres(engine.db, target);
  for (const [name, url] of Object.entries(server.shards ?? {})) {
    const at = { server: { ...server, url, replicaUrl: undefined }, log, onWait: () => undefined, signal };
    await using shard = await openPostgresEngine({ ...at, ...how }).catch((error: unknown) => {
      throw shardError(name, error);
    });
    await migratePostgres(shard.db, target);
  }
  return changed;
}

/** @throws OxbowError `sealed-elsewhere` */
async function unseal(db: Kysely<Tables>, seal: TextSeal | undefined): Promise<void> {
  if (seal) useSeal(db, seal);
  const { locked } = await unsealRows(db);
  if (locked.length === 0) return;
  const more = locked.length > MOST_NAMED ? ` and ${locked.length - MOST_NAMED} more` : '';
  const named = locked.slice(0, MOST_NAMED).join(', ');
  throw new OxbowError('sealed-elsewhere', `Another key has sealed ${named}${more}: an older oxbow cannot open it.`);
}

/** The result of `readStatus`. */
export interface DatabaseStatus {
  readonly engine: EngineName;
  /** Path of the file; null: a server. */
  readonly place: string | null;
  /** 0: there is no database yet. */
  readonly schema: number;
  /** The schema that this oxbow needs. */
  readonly newest: number;
  /** Fencing epoch of a server; 0: nothing was promoted. null: a file has none. */
  readonly epoch: number | null;
  /** Another database was promoted in place of this one. */
  readonly isSuperseded: boolean;
  /** Where rows of streams are; without shards, nothing. */
  readonly shards: readonly ShardStatus[];
}

/** A shard of the settings. */
interface ShardStatus {
  readonly name: string;
  /** Null: it does not respond. */
  readonly schema: number | null;
  /** Number of streams that the catalogue places there. */
  readonly streams: number;
  /** Number of objects in buckets whose deletion waits there. Null: it is not known. */
  readonly deletions: number | null;
}

/**
 * Reads which schema the database has. Changes nothing.
 * @throws OxbowError `data-newer`, `not-ready`, `bad-setting`
 */
export async function readStatus({
  file,
  server,
}: {
  readonly file: string;
  readonly server: DatabaseServer | undefined;
}): Promise<DatabaseStatus> {
  const newest = migrations.length;
  if (server === undefined)
    return {
      engine: 'sqlite',
      place: file,
      schema: readSqliteSchema(file),
      newest,
      epoch: null,
      isSuperseded: false,
      shards: [],
    };
  const { openPostgresEngine } = await import('./postgres/engine.ts');
  const { schemaOf } = await import('./postgres/migrate.ts');
  await using engine = await openPostgresEngine({ server, log, onWait: () => undefined, waitMs: 0, migrate: false });
  const schema = await schemaOf(engine.db);
  const { readEpoch } = await import('./epoch/epoch-row.ts');
  // A database without tables has no epoch.
  const { number: epoch, isSuperseded } =
    schema === 0 ? { number: 0, isSuperseded: false } : await readEpoch(engine.db);
  const counts = new Map(
    schema < newest
      ? []
      : (
          await engine.db
            .selectFrom('stream_shard')
            .select((eb) => ['shard', eb.fn.countAll<number>().as('streams')])
            .groupBy('shard')
            .execute()
        ).map(({ shard, streams }) => [shard, streams]),
  );
  const shards: ShardStatus[] = [];
  for (const [name, url] of Object.entries(server.shards ?? {})) {
    const at = { server: { ...server, url, replicaUrl: undefined }, log, onWait: () => undefined, waitMs: 0 };
    let found: number | null = null;
    let deletions: number | null = null;
    try {
      await using shard = await openPostgresEngine({ ...at, migrate: false });
      found = await schemaOf(shard.db);
      if (found === newest) deletions = await countDeletions(shard.db);
    } catch (error) {
      if (!(error instanceof OxbowError) || error.code !== 'not-ready') throw error;
    }
    shards.push({ name, schema: found, streams: counts.get(name) ?? 0, deletions });
  }
  return { engine: 'postgresql', place: null, schema, newest, epoch, isSuperseded, shards };
}

async function countDeletions(db: Kysely<Tables>): Promise<number> {
  const { count } = await db
    .selectFrom('object_deletion')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}
