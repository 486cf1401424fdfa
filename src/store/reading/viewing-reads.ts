/**
 * Queries of what was stored of viewing: sums over ranges of time, buckets, and pages of sessions.
 * In: numbers of content, ranges in minutes and hours since 1970. Out: rows with numbers. Each query has
 * a bound on its rows.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { MOST_KEYS } from '../../api/insight/insight-shapes.ts';
import type { ReadQuery } from '../engine.ts';
import type { Tables } from '../schema.ts';

/** What is counted. Undefined: everything. */
export interface Scoped {
  readonly content?: number | undefined;
  /** Only streams, or only assets. */
  readonly kind?: 'stream' | 'asset' | undefined;
  readonly edge?: string | undefined;
  readonly country?: string | undefined;
}

/** [from, to) in the unit of the table: minutes or hours since 1970. */
export interface Span {
  readonly table: 'viewing_minute' | 'viewing_hour';
  readonly from: number;
  readonly to: number;
}

/** What sums are divided by. */
export type GroupBy = 'content' | 'edge' | 'country' | 'hour';

/** Sums of rows; ms and kbit as in the tables. */
export interface ViewingSums {
  readonly key: string | number | null;
  readonly sessions: number;
  readonly watchMs: number;
  readonly bitMs: number;
  readonly kbits: number;
  readonly stalls: number;
  readonly stallMs: number;
  readonly errors: number;
  readonly failed: number;
}

/** Watched time in one step. */
export interface StepSum {
  readonly key: string | number | null;
  /** First minute or hour of the step. */
  readonly at: number;
  readonly watchMs: number;
}

/** Number of sessions with a start-up time. */
export interface StartupSum {
  readonly key: string | number | null;
  readonly bucket: number;
  readonly amount: number;
}

/** A session and the minute in which it began. */
export interface BegunSession {
  readonly session: string;
  readonly minute: number;
}

/** One session, over all nodes and minutes of the range. */
export interface SessionSums extends Omit<ViewingSums, 'key' | 'sessions'> {
  readonly session: string;
  readonly content: number;
  readonly firstMinute: number;
  readonly lastMinute: number;
  readonly liveMs: number;
  readonly startupMs: number | null;
  readonly edge: string;
  readonly country: string;
  readonly source: string;
}

/** Sessions whose rows are read by one statement. */
const SESSIONS_AT_A_TIME = 500;
/** Most steps that a query returns for one key. */
const MOST_ROWS = 20_000;
/** Of a search for sessions that began, minutes. */
const FIRST_PIECE_MINUTES = 10;
/** Start-up times of a thousand hours, each with every bucket. */
const MOST_STARTUPS = 250_000;

const timeOf = ({ table }: Span) => sql.ref(table === 'viewing_minute' ? 'minute' : 'hour');
/** `5 / 2` is 2 in both engines, for whole numbers that are in the text. */
const stepped = (column: RawBuilder<unknown>, step: number) =>
  sql<number>`(${column} / ${sql.lit(step)}) * ${sql.lit(step)}`;
const sessionsOf = ({ table }: Span) => sql.ref(table === 'viewing_minute' ? 'begins' : 'sessions');

function whereOf(span: Pick<Span, 'from' | 'to'>, time: RawBuilder<unknown>, { content, kind, edge, country }: Scoped) {
  const conditions = [sql`${time} >= ${span.from}`, sql`${time} < ${span.to}`];
  if (content !== undefined) conditions.push(sql`content = ${content}`);
  if (kind !== undefined) conditions.push(sql`content IN (SELECT seq FROM viewing_content WHERE kind = ${kind})`);
  if (edge !== undefined) conditions.push(sql`edge = ${edge}`);
  if (country !== undefined) conditions.push(sql`country = ${country}`);
  return sql.join(conditions, sql` AND `);
}

/** Minutes have no column with their hour. */
function keyOf(by: GroupBy | undefined, { table }: Span): RawBuilder<unknown> {
  if (by === undefined) return sql`NULL`;
  return by === 'hour' && table === 'viewing_minute' ? sql`minute / ${sql.lit(60)}` : sql.ref(by);
}

/** As startupBucketOf of features/insight/viewing-row.ts. */
const startupBucket = sql<number>`CAST(CASE WHEN startup_ms <= 50 THEN 0
  ELSE CEIL(LN(startup_ms / 50.0) / LN(1.1)) END AS INTEGER)`;

/** The queries. */
export class ViewingReads {
  readonly #read: <T>(query: ReadQuery<T>) => Promise<T>;

  /** @param read runs a query; rows may be some seconds old */
  constructor(read: <T>(query: ReadQuery<T>) => Promise<T>) {
    this.#read = read;
  }

  /** Sums by key, the most watched first. */
  async sums(scope: Scoped, span: Span, by: GroupBy | undefined, most = MOST_KEYS): Promise<ViewingSums[]> {
    const query = sql<Record<keyof ViewingSums, never>>`
      SELECT ${keyOf(by, span)} AS "key", SUM(${sessionsOf(span)}) AS "sessions", SUM(watch_ms) AS "watchMs",
        SUM(bit_ms) AS "bitMs", SUM(kbits) AS "kbits", SUM(stalls) AS "stalls", SUM(stall_ms) AS "stallMs",
        SUM(errors) AS "errors", SUM(failed) AS "failed"
      FROM ${sql.table(span.table)} WHERE ${whereOf(span, timeOf(span), scope)}
      ${by === undefined ? sql`` : sql`GROUP BY ${keyOf(by, span)} ORDER BY SUM(watch_ms) DESC, ${keyOf(by, span)} LIMIT ${sql.lit(most)}`}`;
    const rows = await this.#rows(query);
    return rows.filter(({ sessions }) => sessions !== null);
  }

  /**
   * Watched time by step and key.
   *
   * @param step minutes or hours, as the table
   * @param keys only these; undefined: of all together
   */
  async steps(
    scope: Scoped,
    span: Span,
    step: number,
    by?: GroupBy,
    keys?: readonly (string | number)[],
  ): Promise<StepSum[]> {
    if (keys?.length === 0) return [];
    const at = stepped(timeOf(span), step);
    const only = by && keys ? sql` AND ${keyOf(by, span)} IN (${sql.join(keys)})` : sql``;
    const group = by ? sql`${keyOf(by, span)}, ${at}` : at;
    return this.#rows(sql<StepSum>`
      SELECT ${keyOf(by, span)} AS "key", ${at} AS "at", SUM(watch_ms) AS "watchMs"
      FROM ${sql.table(span.table)} WHERE ${whereOf(span, timeOf(span), scope)}${only}
      GROUP BY ${group} ORDER BY ${at} LIMIT ${sql.lit(MOST_ROWS + MOST_KEYS)}`);
  }

  /** Number of sessions by bucket of their start-up time. @param keys only these */
  async startups(scope: Scoped, span: Span, by?: GroupBy, keys?: readonly (string | number)[]): Promise<StartupSum[]> {
    if (keys?.length === 0) return [];
    const only = by && keys ? sql` AND ${keyOf(by, span)} IN (${sql.join(keys)})` : sql``;
    if (span.table === 'viewing_minute') {
      return this.#rows(sql`
        SELECT ${keyOf(by, span)} AS "key", ${startupBucket} AS "bucket", COUNT(*) AS "amount" FROM viewing_minute
        WHERE ${whereOf(span, timeOf(span), scope)}${only} AND startup_ms IS NOT NULL
        GROUP BY ${by ? sql`${keyOf(by, span)}, ` : sql``}${startupBucket} ORDER BY ${startupBucket}
        LIMIT ${sql.lit(MOST_STARTUPS)}`);
    }
    return this.#rows(sql`
      SELECT ${keyOf(by, span)} AS "key", bucket, SUM(amount) AS "amount" FROM viewing_startup
      WHERE ${whereOf(span, sql.ref('hour'), scope)}${only}
      GROUP BY ${by ? sql`${keyOf(by, span)}, ` : sql``}bucket ORDER BY bucket LIMIT ${sql.lit(MOST_STARTUPS)}`);
  }

  /**
   * Sums by position of one content.
   *
   * @param buckets [from, to)
   * @param step buckets in a step
   * @param hours [from, to) in which it was watched; undefined: ever
   */
  async positions(
    content: number,
    kinds: readonly string[],
    [from, to]: readonly [number, number],
    step: number,
    hours?: readonly [number, number],
  ): Promise<{ kind: string; at: number; amount: number; most: number }[]> {
    const at = stepped(sql.ref('bucket'), step);
    const during = hours ? sql` AND hour >= ${hours[0]} AND hour < ${hours[1]}` : sql``;
    return this.#rows(sql`
      SELECT kind, ${at} AS "at", SUM(amount) AS "amount", MAX(amount) AS "most" FROM (
        SELECT kind, bucket, SUM(amount) AS amount FROM viewing_sum
        WHERE content = ${content} AND kind IN (${sql.join(kinds)}) AND bucket >= ${from} AND bucket < ${to}${during}
        GROUP BY kind, bucket) AS sums
      GROUP BY kind, ${at} ORDER BY ${at} LIMIT ${sql.lit(MOST_ROWS)}`);
  }

  /**
   * Sessions that began in a span, in order. Reads a growing piece of the span at a time: the first page of
   * a month needs a few minutes of it.
   *
   * @param span in minutes
   * @param after the last of the page before
   */
  async begun(
    scope: Scoped,
    span: Span,
    limit: number,
    after: readonly [minute: number, session: string] | undefined,
  ): Promise<BegunSession[]> {
    const begun: BegunSession[] = [];
    let from = after ? Math.max(span.from, after[0]) : span.from;
    for (let length = FIRST_PIECE_MINUTES; from < span.to && begun.length < limit; length *= 4) {
      const to = Math.min(span.to, from + length);
      begun.push(...(await this.#begunIn(scope, { from, to }, limit - begun.length, after)));
      from = to;
    }
    return begun;
  }

  #begunIn(
    scope: Scoped,
    span: Pick<Span, 'from' | 'to'>,
    limit: number,
    after: readonly [minute: number, session: string] | undefined,
  ): Promise<BegunSession[]> {
    const next = after ? sql` AND (minute > ${after[0]} OR (minute = ${after[0]} AND session > ${after[1]}))` : sql``;
    // A session that came from another node has begun there.
    return this.#rows(sql`
      SELECT minute, session FROM viewing_minute AS first
      WHERE begins = 1 AND ${whereOf(span, sql.ref('minute'), scope)}${next}
      AND NOT EXISTS (SELECT 1 FROM viewing_minute AS earlier
        WHERE earlier.session = first.session AND earlier.minute < first.minute)
      GROUP BY minute, session ORDER BY minute, session LIMIT ${sql.lit(limit)}`);
  }

  /** The sums of sessions, by their id. */
  async sessions(begun: readonly BegunSession[]): Promise<Map<string, SessionSums>> {
    const ids = begun.map(({ session }) => session);
    const found = new Map<string, SessionSums>();
    for (let at = 0; at < ids.length; at += SESSIONS_AT_A_TIME) {
      const some = sql.join(ids.slice(at, at + SESSIONS_AT_A_TIME));
      const rows = await this.#rows(sql<SessionSums>`
        SELECT session, MIN(content) AS "content", MIN(minute) AS "firstMinute", MAX(minute) AS "lastMinute",
          SUM(watch_ms) AS "watchMs", SUM(live_ms) AS "liveMs", SUM(bit_ms) AS "bitMs", SUM(kbits) AS "kbits",
          SUM(stalls) AS "stalls", SUM(stall_ms) AS "stallMs", SUM(errors) AS "errors", MAX(failed) AS "failed",
          MIN(startup_ms) AS "startupMs", MAX(edge) AS "edge", MAX(country) AS "country", MAX(source) AS "source"
        FROM viewing_minute WHERE session IN (${some}) GROUP BY session`);
      for (const row of rows) found.set(row.session, row);
    }
    return found;
  }

  /** Sessions of other nodes that played in a minute or later. */
  elsewhere(
    node: string,
    minute: number,
    limit: number,
  ): Promise<{ session: string; content: number; edge: string; country: string; liveMs: number }[]> {
    return this.#rows(sql`
      SELECT session, content, MAX(edge) AS "edge", MAX(country) AS "country", SUM(live_ms) AS "liveMs"
      FROM viewing_minute WHERE minute >= ${minute} AND node <> ${node} AND watch_ms > 0
      GROUP BY session, content LIMIT ${sql.lit(limit)}`);
  }

  /** Kind and id of content, by number. */
  async contents(keys: readonly number[]): Promise<Map<number, { readonly kind: string; readonly id: string }>> {
    if (keys.length === 0) return new Map();
    const rows = await this.#read((db: Kysely<Tables>) =>
      db.selectFrom('viewing_content').selectAll().where('seq', 'in', keys).execute(),
    );
    return new Map(rows.map(({ seq, kind, content_id }) => [seq, { kind, id: content_id }]));
  }

  /** Names of streams, by id. */
  async names(ids: readonly string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#read((db) =>
      db.selectFrom('stream').select(['id', 'name']).where('id', 'in', ids).execute(),
    );
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  async #rows<T>(query: RawBuilder<T>): Promise<T[]> {
    return [...(await this.#read((db) => query.execute(db))).rows];
  }
}
