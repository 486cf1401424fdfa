/**
 * Opens the databases of a server for `oxbow db`: its catalogue, and its shards when they are needed.
 * In: the settings of the server. Out: databases with the newest schema, which is not changed.
 */
import type { Kysely } from 'kysely';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { migrations } from '../migrations.ts';
import type { Tables } from '../schema.ts';
import { shardError } from './shard-server.ts';

/** How long to wait for a server, ms. */
const WAIT_MS = 5000;

/** Databases that are open. Disposing closes them. */
export interface OpenDatabases extends AsyncDisposable {
  readonly catalogue: Kysely<Tables>;
  /**
   * The database of a shard; of the catalogue for an empty name.
   * @throws OxbowError `bad-request` for an unknown name; `not-ready` if it does not respond, or has another
   *   schema
   */
  databaseOf(shard: string): Promise<Kysely<Tables>>;
}

/** Opens the catalogue. @throws OxbowError `not-ready`, `bad-setting`, `data-newer` */
export async function openDatabases(server: DatabaseServer, signal: AbortSignal): Promise<OpenDatabases> {
  const { openPostgresEngine } = await import('../postgres/engine.ts'); // loads a library
  const { schemaOf } = await import('../postgres/migrate.ts');
  const opened = new AsyncDisposableStack();
  const open = async (name: string, url: string) => {
    const { db } = opened.use(
      await openPostgresEngine({
        server: { ...server, url, replicaUrl: undefined },
        log: createSilentLog(),
        onWait: () => undefined,
        waitMs: WAIT_MS,
        migrate: false,
        unlimited: true,
        signal,
      }),
    );
    const schema = await schemaOf(db);
    if (schema === migrations.length) return db;
    throw new OxbowError('not-ready', `${name} has schema ${schema}, and this oxbow needs ${migrations.length}.`, {
      extra: { hint: 'A start of oxbow with these settings takes it there: oxbow serve' },
    });
  };
  const catalogue = await open('The catalogue', server.url).catch(async (error: unknown) => {
    await opened.disposeAsync();
    throw error;
  });
  const shards = new Map<string, Promise<Kysely<Tables>>>([['', Promise.resolve(catalogue)]]);
  return {
    catalogue,
    async databaseOf(shard) {
      const url = server.shards?.[shard];
      if (shard !== '' && url === undefined) {
        const names = ['catalogue', ...Object.keys(server.shards ?? {})].join(', ');
        throw new OxbowError('bad-request', `There is no shard "${shard}". Use one of: ${names}.`);
      }
      const database =
        shards.get(shard) ??
        open(`The shard ${shard}`, url!).catch((error: unknown) => {
          throw shardError(shard, error);
        });
      shards.set(shard, database);
      return await database;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
