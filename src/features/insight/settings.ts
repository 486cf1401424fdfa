/**
 * The settings of insight.
 * In: the types of settings. Out: the section `insight` for config/schema.ts.
 */
import {
  choice,
  duration,
  flag,
  hostNames,
  optionalUrl,
  section,
  size,
  text,
  type Values,
} from '../../config/option.ts';

export const insightSection = section({
  enabled: flag(
    true,
    'Whether what players report is stored: one row for each session and minute, without addresses and cookies. Viewers who send `DNT: 1` or `Sec-GPC: 1` are only counted.',
    { reload: 'live' },
  ),
  edges: hostNames(
    'Host names of CDNs and edges by which figures are divided, besides those of `steering.pathways`; all others are `other`.',
    { reload: 'live' },
  ),
  keep: duration('30d', 'How long the rows of sessions are kept.', { min: '1h', reload: 'live' }),
  keepSums: duration('400d', 'How long hourly sums are kept: audience, quality, what was watched again.', {
    min: '1h',
    reload: 'live',
  }),
  seal: choice(
    ['parquet', 'clickhouse', 'off'],
    'parquet',
    'Where the rows of sessions are when their hour is over: `parquet`: in Parquet files in the folder `insight` of the data folder; `clickhouse`: in a table of `insight.clickhouse.url`; `off`: they stay in the database.',
  ),
  sealAfter: duration('24h', 'How old rows of sessions are when they are sealed.', {
    min: '1h',
    max: '30d',
    reload: 'live',
  }),
  target: text(
    '',
    'Object store of `storage.targets` that gets a copy of each Parquet file. Nodes of a cluster that share no data folder need one.',
    { placeholder: 'NAME', maxLength: 32 },
  ),
  duckdb: text(
    '',
    'Folder in which `npm install @duckdb/node-api` was run. Default: where oxbow is installed. Without DuckDB, questions about many sealed rows are refused.',
    { placeholder: 'FOLDER', maxLength: 1000 },
  ),
  memory: size('512M', 'Most memory of DuckDB, for one question.'),
  clickhouse: section({
    url: optionalUrl('Address of the HTTP interface of ClickHouse, such as `http://127.0.0.1:8123`.'),
    database: text('default', 'Database of the table `oxbow_viewing`, which oxbow creates.', { maxLength: 100 }),
    user: text('default', 'User, who may create the table, insert, select and delete.', { maxLength: 100 }),
    passwordFile: text('', 'File with the password.', { placeholder: 'FILE', maxLength: 1000 }),
  }),
});

/** The values of the section. */
export type InsightConfig = Values<typeof insightSection>;
