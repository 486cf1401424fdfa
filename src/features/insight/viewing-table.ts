/**
 * Writes rows of viewing: sessions by minute, and in the same transaction the sums that they belong to.
 * In: rows of minutes. Out: rows that are added to what is stored, so that parts of a minute may come from
 * several nodes and in any order.
 */
import type { Kysely } from 'kysely';
import { runAll } from '../../store/engine.ts';
import type { Tables } from '../../store/schema.ts';
import type { Contents } from './contents.ts';
import { bucketOf, dayHourOf, startupBucketOf, type ViewingRow } from './viewing-row.ts';

/** All sessions of an asset, as a bucket of `reach`. */
export const ALL_SESSIONS = -1;

type Cell = string | number | null;

/** `a = table.a + excluded.a` for each column. */
const added = (table: string, columns: readonly string[]) =>
  columns.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ');

const insertOf = (table: string, columns: readonly string[], key: readonly string[], changes: string) =>
  `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
   ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changes}`;

const SUMMED = ['watch_ms', 'live_ms', 'bit_ms', 'kbits', 'stalls', 'stall_ms', 'errors'];
const MINUTE_KEY = ['minute', 'content', 'session', 'node'];
const HOUR_KEY = ['hour', 'content', 'edge', 'country'];
const STARTUP_KEY = [...HOUR_KEY, 'bucket'];
const SUM_KEY = ['content', 'kind', 'bucket', 'hour'];

const putMinute = insertOf(
  'viewing_minute',
  [...MINUTE_KEY, ...SUMMED, 'begins', 'failed', 'startup_ms', 'position_s', 'edge', 'country', 'source'],
  MINUTE_KEY,
  `${added('viewing_minute', SUMMED)},
   begins = CASE WHEN excluded.begins > viewing_minute.begins THEN excluded.begins ELSE viewing_minute.begins END,
   failed = CASE WHEN excluded.failed > viewing_minute.failed THEN excluded.failed ELSE viewing_minute.failed END,
   startup_ms = COALESCE(viewing_minute.startup_ms, excluded.startup_ms),
   position_s = COALESCE(excluded.position_s, viewing_minute.position_s),
   edge = excluded.edge, country = excluded.country, source = excluded.source`,
);
const putHour = insertOf(
  'viewing_hour',
  [...HOUR_KEY, ...SUMMED, 'sessions', 'failed'],
  HOUR_KEY,
  added('viewing_hour', [...SUMMED, 'sessions', 'failed']),
);
const putStartup = insertOf(
  'viewing_startup',
  [...STARTUP_KEY, 'amount'],
  STARTUP_KEY,
  added('viewing_startup', ['amount']),
);
const putSum = insertOf('viewing_sum', [...SUM_KEY, 'amount'], SUM_KEY, added('viewing_sum', ['amount']));

interface ViewingTableOptions {
  readonly db: Kysely<Tables>;
  readonly contents: Contents;
  /** Name of this node; empty for a single server. */
  readonly node: string;
}

/** The rows of all content. */
export class ViewingTable {
  readonly #options: ViewingTableOptions;

  constructor(options: ViewingTableOptions) {
    this.#options = options;
  }

  /** Adds rows, all or none. */
  async add(rows: readonly ViewingRow[]): Promise<void> {
    const { db, contents, node } = this.#options;
    const keys = await contents.keysOf(rows.map(({ content }) => content));
    const minutes: Cell[][] = [];
    const hours = new Map<string, Cell[]>();
    const startups = new Map<string, Cell[]>();
    const sums = new Map<string, Cell[]>();
    rows.forEach((row, at) => {
      const key = keys[at]!;
      const figures = figuresOf(row);
      const [begins, failed] = [Number(row.begins), Number(row.failed)];
      const { minute, edge, country } = row;
      minutes.push([
        minute,
        key,
        row.session,
        node,
        ...figures,
        begins,
        failed,
        row.startupMs ?? null,
        row.positionS === undefined ? null : Math.floor(row.positionS),
        edge,
        country,
        row.source,
      ]);
      const hour = [Math.floor(minute / 60), key, edge, country];
      addTo(hours, hour, [...figures, begins, failed]);
      if (row.startupMs !== undefined) addTo(startups, [...hour, startupBucketOf(row.startupMs)], [1]);
      for (const [kind, bucket, amount] of bucketsOf(row)) {
        if (amount > 0) addTo(sums, [key, kind, bucket, dayHourOf(minute)], [amount]);
      }
    });
    await runAll(db, [
      { sql: putMinute, rows: inOrder(minutes) },
      { sql: putHour, rows: inOrder([...hours.values()]) },
      { sql: putStartup, rows: inOrder([...startups.values()]) },
      { sql: putSum, rows: inOrder([...sums.values()]) },
    ]);
  }
}

function figuresOf(row: ViewingRow): number[] {
  const { watchMs, liveMs, bitMs, kbits, stalls, stallMs, errors } = row;
  return [watchMs, liveMs, bitMs, kbits, stalls, stallMs, errors].map(Math.round);
}

/** Kind, bucket, amount. */
function* bucketsOf({ content, heat, leftS, reached, begins }: ViewingRow): Generator<[string, number, number]> {
  for (const [bucket, ms] of heat) yield ['heat', bucket, Math.round(ms)];
  if (leftS !== undefined) yield ['left', bucketOf(leftS), 1];
  if (content.kind !== 'asset') return;
  for (const bucket of reached) yield ['reach', bucket, 1];
  if (begins) yield ['reach', ALL_SESSIONS, 1];
}

/** Adds amounts to the row with a key. */
function addTo(sums: Map<string, Cell[]>, key: readonly Cell[], amounts: readonly number[]): void {
  const name = key.join('\n');
  const row = sums.get(name);
  if (!row) {
    sums.set(name, [...key, ...amounts]);
    return;
  }
  amounts.forEach((amount, at) => {
    row[key.length + at] = Number(row[key.length + at]) + amount;
  });
}

/** The same order at every node: two that write at once wait for each other, without a deadlock. */
function inOrder(rows: readonly Cell[][]): Cell[][] {
  return rows.toSorted((a, b) => {
    const at = a.findIndex((cell, column) => cell !== b[column]);
    return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1;
  });
}
