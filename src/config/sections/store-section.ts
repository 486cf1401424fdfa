/**
 * The settings of the database, a part of the table of all settings.
 * In: the types of settings. Out: the section `store` for schema.ts.
 */
import { FormatError } from '../../lib/errors.ts';
import { createOption, duration, integer, type Option, section, type Values } from '../option.ts';

/** The section. */
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

/** The address of a database has a password, and is never printed. */
function postgresUrl(sentence: string): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    if (value === '') return undefined;
    const { protocol, hostname, pathname = '' } = (typeof value === 'string' && URL.parse(value)) || {};
    const isServer = protocol === 'postgres:' || protocol === 'postgresql:';
    // Without a host name: a socket, in the parameter `host`.
    if (isServer && pathname.length > 1 && hostname !== undefined) return value as string;
    throw new FormatError('it is not an address such as postgres://USER:PASSWORD@db.example:5432/oxbow', 0);
  };
  const print = (value: string | undefined) => (value === undefined ? '' : '***');
  const kind = { placeholder: 'URL', json: { type: 'string' }, read, print };
  return { ...createOption(kind, '', sentence), secret: true };
}

/** The values of the section. */
export type StoreConfig = Values<typeof storeSection>;

/** A database server. */
export type DatabaseServer = StoreConfig & { readonly url: string };

/** The database server of the settings; undefined: the database is a file in the data folder. */
export function databaseServer(store: StoreConfig): DatabaseServer | undefined {
  return store.url === undefined ? undefined : { ...store, url: store.url };
}
