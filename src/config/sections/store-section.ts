/**
 * The settings of the database, a part of the table of all settings.
 * In: the types of settings. Out: the section `store` for schema.ts.
 */
import { duration, integer, section, text, type Values } from '../option.ts';
import { postgresUrl, postgresUrls, serverWeights } from './server-option.ts';

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
  shards: postgresUrls(
    'Further PostgreSQL databases by name, for the rows of streams that grow with their recorded time. Each stream has them in one of these, or in the database of `store.url`.',
  ),
  shardReplicas: postgresUrls(
    'Replicas of shards, by the names of the shards. They are read for recordings that are older than an hour; `store.replicaLag` is for them too.',
  ),
  newStreams: text(
    'catalogue',
    'Where the rows of a new stream are: `catalogue` is the database of `store.url`, `fewest` is the database with the fewest streams for its weight, any other text is the name of a shard.',
  ),
  weights: serverWeights(
    'How many streams a database gets with `newStreams: fewest`, compared with the others, by the names of shards; `catalogue` is the database of `store.url`. A database that is not named has 1; one with 0 gets no new streams.',
  ),
  pool: integer('10', { min: 2, max: 200 }, 'Most connections to each database server, besides two for batches.'),
});

/** The values of the section. */
type StoreConfig = Values<typeof storeSection>;
type ShardConfig = Pick<StoreConfig, 'shards' | 'shardReplicas' | 'newStreams' | 'weights'>;
type StoreValues = Omit<StoreConfig, keyof ShardConfig> & Partial<ShardConfig>;

/** A database server, with its shards where it has some. */
export type DatabaseServer = StoreValues & { readonly url: string };

/** The database server of the settings; undefined: the database is a file in the data folder. */
export function databaseServer(store: StoreValues): DatabaseServer | undefined {
  return store.url === undefined ? undefined : { ...store, url: store.url };
}
