/**
 * The settings of the database, a part of the table of all settings.
 * In: the types of settings. Out: the section `store` for schema.ts.
 */
import { duration, integer, section, type Values } from '../option.ts';
import { postgresUrl } from './server-option.ts';

export const storeSection = section({
  url: postgresUrl(
    'PostgreSQL database for all metadata: postgres://USER:PASSWORD@HOST:5432/DATABASE. Default: a SQLite file in the data folder.',
  ),
  replicaUrl: postgresUrl(
    'A replica of that database. It is searched for assets, and read for recordings that are older than an hour.',
  ),
  replicaLag: duration('2s', 'Most time that the replica may be behind. Beyond it, the primary database is read.', {
    min: '100ms',
    max: '1h',
  }),
  pool: integer('10', { min: 2, max: 200 }, 'Most connections to each database server, besides two for batches.'),
});

/** The values of the section. */
type StoreConfig = Values<typeof storeSection>;

export type DatabaseServer = StoreConfig & { readonly url: string };

/** The database server of the settings; undefined: the database is a file in the data folder. */
export function databaseServer(store: StoreConfig): DatabaseServer | undefined {
  return store.url === undefined ? undefined : { ...store, url: store.url };
}
