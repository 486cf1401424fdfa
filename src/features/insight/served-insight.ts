/**
 * The API of insight: implements InsightApi on the stored rows and the sessions in memory.
 * In: names and ranges that HTTP has checked. Out: the JSON of api/insight.
 */
import type { InsightApi, InsightKey, InsightRange, InsightScope } from '../../api/insight/insight-api.ts';
import {
  type Audience,
  type AudienceNow,
  BUCKET_S,
  MOST_KEYS,
  MOST_SERIES,
  MOST_STEPS,
  type PlaybackQuality,
  type Retention,
  type ViewingSession,
  type WatchHeat,
} from '../../api/insight/insight-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { OxbowError } from '../../lib/errors.ts';
import type {
  GroupBy,
  Scoped,
  SessionSums,
  Span,
  StepSum,
  ViewingReads,
  ViewingSums,
} from '../../store/reading/viewing-reads.ts';
import type { Contents } from './contents.ts';
import type { ViewingQueries } from './sealed/sealed-reads.ts';
import { type Content, HOUR_MS, MINUTE_MS, startupMsOf } from './viewing-row.ts';
import type { PlayingNow } from './viewing-sessions.ts';
import { ALL_SESSIONS } from './viewing-table.ts';

/** Ranges up to this length are shown by minutes, ms. */
const BY_MINUTES_MS = 6 * HOUR_MS;
const MINUTE_STEPS = [1, 5, 15, 30, 60];
const USUAL_STEPS = 120;
/** Longest range that is read from rows of sessions, ms. */
const MOST_EXACT_MS = 31 * 24 * HOUR_MS;
/** Positions of the longest asset: eleven days. */
const MAX_BUCKET = 200_000;
/** Sessions of other nodes that are counted now. */
const MAX_ELSEWHERE = 50_000;
/** Other nodes store a minute within two. */
const ELSEWHERE_MINUTES = 2;

interface ServedInsightParts {
  readonly reads: ViewingQueries;
  readonly contents: Contents;
  /** Finds what names mean; throws `stream-unknown`, `asset-unknown`. */
  readonly find: (scope: {
    readonly stream?: string | undefined;
    readonly asset?: string | undefined;
  }) => Promise<Content | undefined>;
  /** The sessions of this node. */
  readonly playing: () => readonly PlayingNow[];
  /** Stores what is complete, so that answers are up to date. */
  readonly flush: () => Promise<void>;
  readonly node: string;
  readonly hasNodes: boolean;
  readonly nowMs: () => number;
}

const time = (ms: number) => printRfc3339(ms);
const hoursOf = (ms: number) => ms / HOUR_MS;
const columnOf = (by: InsightKey | undefined): GroupBy | undefined =>
  by === 'stream' || by === 'asset' ? 'content' : by;

/** At most `limit` sessions, after those that `cursor` ends. */
interface SessionPage {
  readonly limit: number;
  readonly cursor: string | undefined;
}
type SessionList = Awaited<ReturnType<InsightApi['sessions']>>;

/** The API. */
export class ServedInsight implements InsightApi {
  readonly #parts: ServedInsightParts;

  constructor(parts: ServedInsightParts) {
    this.#parts = parts;
  }

  now(scope: InsightScope): Promise<AudienceNow> {
    return audienceNow(this.#parts, scope);
  }

  async audience(
    asked: InsightScope,
    range: InsightRange,
    by: InsightKey | undefined,
    stepS: number,
  ): Promise<Audience> {
    try {
      return await this.#audience(asked, spanOf(range, stepS), by);
    } catch (error) {
      // By hours there are sums.
      if (!(error instanceof OxbowError) || error.code !== 'needs-duckdb') throw error;
      return await this.#audience(asked, spanOf(range, HOUR_MS / 1000), by);
    }
  }

  async #audience(asked: InsightScope, { span, unitMs, step }: Steps, by: InsightKey | undefined): Promise<Audience> {
    const { reads, flush } = this.#parts;
    const bounds = { from: time(span.from * unitMs), to: time(span.to * unitMs), step: (step * unitMs) / 1000 };
    const scope = await this.#scopeOf(asked, by);
    if (!scope) return { ...bounds, series: [] };
    await flush();
    const column = columnOf(by);
    const all = await reads.sums(scope, span, column, MOST_KEYS);
    const top = all.slice(0, column ? MOST_SERIES : 1);
    const keys = top.map(({ key }) => key).filter((key) => key !== null);
    const steps = await reads.steps(scope, span, step, column, column && keys);
    const nameOf = await this.#namesOf(keys, column);
    const toPoints = (sums: readonly StepSum[]) => pointsOf(sums, span, step, unitMs);
    const series: Audience['series'] = top.map((sum) => ({
      key: nameOf(sum.key),
      rest: false,
      sessions: sum.sessions,
      watched: hoursOf(sum.watchMs),
      points: toPoints(column ? steps.filter(({ key }) => key === sum.key) : steps),
    }));
    if (all.length > top.length) {
      const [total] = await reads.sums(scope, span, undefined);
      const rest = restOf(await reads.steps(scope, span, step), steps);
      const less = (of: (sum: ViewingSums) => number) => of(total!) - top.reduce((sum, each) => sum + of(each), 0);
      series.push({
        key: null,
        rest: true,
        sessions: less(({ sessions }) => sessions),
        watched: hoursOf(less(({ watchMs }) => watchMs)),
        points: toPoints(rest),
      });
    }
    return { ...bounds, series };
  }

  async quality(
    asked: InsightScope,
    range: InsightRange,
    by: InsightKey | 'hour' | undefined,
    { exact } = { exact: false },
  ): Promise<readonly PlaybackQuality[]> {
    const { reads, flush } = this.#parts;
    const scope = await this.#scopeOf(asked, by);
    if (!scope) return [];
    await flush();
    const column = by === 'hour' ? 'hour' : columnOf(by);
    const span = exact ? minutesOf(range) : hoursSpanOf(range);
    const sums = await reads.sums(scope, span, column, by === 'hour' ? MOST_STEPS : MOST_KEYS);
    const keys = sums.map(({ key }) => key).filter((key) => key !== null);
    const startups = Map.groupBy(await reads.startups(scope, span, column, column && keys), ({ key }) => key);
    const nameOf = await this.#namesOf(
      sums.map(({ key }) => key),
      column,
    );
    const items = sums.map((sum) => {
      const counts = startups.get(sum.key) ?? [];
      const at = by === 'hour' ? time(Number(sum.key) * HOUR_MS) : null;
      return qualityOf(sum, counts, by === 'hour' ? null : nameOf(sum.key), at);
    });
    return by === 'hour' ? items.toSorted((a, b) => (a.at! < b.at! ? -1 : 1)) : items;
  }

  async heat(stream: string, range: InsightRange, stepS: number, top: number): Promise<WatchHeat> {
    const { reads, contents, find, flush } = this.#parts;
    const content = (await find({ stream }))!;
    const key = await contents.find(content);
    await flush();
    const from = Math.floor(range.fromMs / 1000 / BUCKET_S);
    const to = Math.ceil(range.toMs / 1000 / BUCKET_S);
    const step = bucketsOfStep(to - from, stepS);
    const sums = key === undefined ? [] : await reads.positions(key, ['heat', 'left'], [from, to], step);
    return heatOf(sums, [from, to], step, top);
  }

  async retention(asset: string, range: InsightRange): Promise<Retention> {
    const { reads, contents, find, flush } = this.#parts;
    const content = (await find({ asset }))!;
    const key = await contents.find(content);
    await flush();
    const hours = wholeDays(range);
    const bounds = { from: time(hours[0] * HOUR_MS), to: time(hours[1] * HOUR_MS) };
    if (key === undefined) return { ...bounds, sessions: 0, step: BUCKET_S, points: [] };
    const kinds = ['reach', 'heat', 'left'];
    const [all] = await reads.positions(key, ['reach'], [ALL_SESSIONS, 0], 1, hours);
    const [end] = (await reads.positions(key, kinds, [0, MAX_BUCKET], 1000, hours)).slice(-1);
    const buckets = (end?.at ?? 0) + 1000;
    const fine = await reads.positions(key, kinds, [0, buckets], bucketsOfStep(buckets, 0), hours);
    return { ...bounds, ...retentionOf(fine, all?.amount ?? 0, bucketsOfStep(buckets, 0)) };
  }

  async sessions(asked: InsightScope, range: InsightRange, { limit, cursor }: SessionPage): Promise<SessionList> {
    const { reads, flush } = this.#parts;
    const scope = await this.#scopeOf(asked);
    if (!scope) return { items: [], nextCursor: null };
    await flush();
    const span = minutesSpanOf(range);
    const begun = await reads.begun(scope, span, limit + 1, readCursor(cursor));
    const shown = begun.slice(0, limit);
    const sums = await reads.sessions(shown);
    const rows = shown.flatMap(({ session, minute }) => {
      const row = sums.get(session);
      return row && row.firstMinute >= minute ? row : []; // otherwise it began at another node, in a sealed hour
    });
    const known = await reads.contents([...new Set(rows.map(({ content }) => content))]);
    const names = await reads.names([...known.values()].map(({ id }) => id));
    const last = shown.at(-1);
    return {
      items: rows.map((row) => sessionOf(row, known.get(row.content), names)),
      nextCursor: begun.length > limit && last ? `${last.minute}.${last.session}` : null,
    };
  }

  /** Undefined: nothing was stored of it. */
  async #scopeOf(scope: InsightScope, by?: InsightKey | 'hour'): Promise<Scoped | undefined> {
    if (scope.stream !== undefined && scope.asset !== undefined)
      throw new OxbowError('bad-request', 'Give `stream` or `asset`, not both.');
    const content = await this.#parts.find(scope);
    const key = content && (await this.#parts.contents.find(content));
    if (content && key === undefined) return undefined;
    const kind = by === 'stream' || by === 'asset' ? by : undefined;
    return { content: key, kind, edge: scope.edge, country: scope.country };
  }

  /** The keys as texts. */
  async #namesOf(keys: readonly (string | number | null)[], by: GroupBy | undefined) {
    const { reads } = this.#parts;
    if (by !== 'content')
      return (key: string | number | null) => (key === '' ? null : key === null ? null : String(key));
    const known = await reads.contents(keys.filter((key) => typeof key === 'number'));
    const names = await reads.names([...known.values()].filter(({ kind }) => kind === 'stream').map(({ id }) => id));
    return (key: string | number | null) => {
      const content = known.get(Number(key));
      return content ? (names.get(content.id) ?? content.id) : null;
    };
  }
}

interface Steps {
  readonly span: Span;
  /** Of the numbers of the span, ms. */
  readonly unitMs: number;
  /** Length of a step, in that unit. */
  readonly step: number;
}

/** Minutes for short ranges, otherwise whole hours; and the length of a step in that unit. */
function spanOf({ fromMs, toMs }: InsightRange, stepS: number): Steps {
  const byMinutes = toMs - fromMs <= BY_MINUTES_MS && stepS < 3600;
  const unitMs = byMinutes ? MINUTE_MS : HOUR_MS;
  const units = (toMs - fromMs) / unitMs;
  const usual = byMinutes ? (MINUTE_STEPS.find((each) => units / each <= USUAL_STEPS) ?? 60) : 1;
  const step = Math.max(1, Math.round((stepS * 1000) / unitMs) || usual);
  const from = Math.floor(fromMs / unitMs / step) * step;
  const to = Math.ceil(toMs / unitMs / step) * step;
  return { span: { table: byMinutes ? 'viewing_minute' : 'viewing_hour', from, to }, unitMs, step };
}

function minutesSpanOf({ fromMs, toMs }: InsightRange): Span {
  return { table: 'viewing_minute', from: Math.floor(fromMs / MINUTE_MS), to: Math.ceil(toMs / MINUTE_MS) };
}

function hoursSpanOf(range: InsightRange): Span {
  const [from, to] = wholeHours(range);
  return { table: 'viewing_hour', from, to };
}

/** @throws OxbowError `bad-request` for more than 31 days */
function minutesOf(range: InsightRange): Span {
  if (range.toMs - range.fromMs > MOST_EXACT_MS) throw new OxbowError('bad-request', '`exact` is for at most 31 days.');
  return minutesSpanOf(range);
}

function wholeHours({ fromMs, toMs }: InsightRange): readonly [number, number] {
  return [Math.floor(fromMs / HOUR_MS), Math.ceil(toMs / HOUR_MS)];
}

function wholeDays(range: InsightRange): readonly [number, number] {
  const [from, to] = wholeHours(range);
  return [Math.floor(from / 24) * 24, Math.ceil(to / 24) * 24];
}

/** Every step of the span, also those in which no one watched. */
function pointsOf(sums: readonly StepSum[], { from, to }: Span, step: number, unitMs: number) {
  const watched = new Map(sums.map(({ at, watchMs }) => [at, watchMs]));
  const count = Math.min(MOST_STEPS, Math.ceil((to - from) / step));
  return Array.from({ length: count }, (_, i) => {
    const at = from + i * step;
    const ms = watched.get(at) ?? 0;
    return { at: time(at * unitMs), viewers: ms / (step * unitMs), watched: hoursOf(ms) };
  });
}

function restOf(all: readonly StepSum[], top: readonly StepSum[]): StepSum[] {
  const shown = new Map<number, number>();
  for (const { at, watchMs } of top) shown.set(at, (shown.get(at) ?? 0) + watchMs);
  return all.map(({ at, watchMs }) => ({ key: null, at, watchMs: watchMs - (shown.get(at) ?? 0) }));
}

function qualityOf(
  sum: ViewingSums,
  startups: readonly { readonly bucket: number; readonly amount: number }[],
  key: string | null,
  at: string | null,
): PlaybackQuality {
  const { watchMs, stallMs, stalls, bitMs, kbits } = sum;
  const count = startups.reduce((all, { amount }) => all + amount, 0);
  const percentile = (share: number) => {
    let sessions = 0;
    for (const { bucket, amount } of startups) {
      sessions += amount;
      if (sessions >= count * share) return startupMsOf(bucket) / 1000;
    }
    return null;
  };
  return {
    key,
    at,
    sessions: sum.sessions,
    watched: hoursOf(watchMs),
    startup: { count, p50: percentile(0.5), p75: percentile(0.75), p95: percentile(0.95), p99: percentile(0.99) },
    stalls,
    stalled: stallMs / 1000,
    stallRatio: watchMs + stallMs > 0 ? stallMs / (watchMs + stallMs) : null,
    stallsPerHour: watchMs > 0 ? stalls / hoursOf(watchMs) : null,
    bitrate: bitrateOf(kbits, bitMs),
    errors: sum.errors,
    failed: sum.failed,
  };
}

const bitrateOf = (kbits: number, ms: number) => (ms > 0 ? Math.round((kbits * 1_000_000) / ms) : null);

/** Buckets of a step. @param stepS 0: as few as the bound on steps permits */
function bucketsOfStep(buckets: number, stepS: number): number {
  return Math.max(1, Math.ceil(buckets / MOST_STEPS), Math.round(stepS / BUCKET_S));
}

type PositionSum = Awaited<ReturnType<ViewingReads['positions']>>[number];

function heatOf(
  sums: readonly PositionSum[],
  [from, to]: readonly [number, number],
  step: number,
  top: number,
): WatchHeat {
  const at = (bucket: number) => time(Math.max(bucket, from) * BUCKET_S * 1000);
  const items = new Map<number, { at: string; watched: number; left: number }>();
  for (const sum of sums) {
    const item = items.get(sum.at) ?? { at: at(sum.at), watched: 0, left: 0 };
    items.set(sum.at, item);
    if (sum.kind === 'heat') item.watched = sum.amount / 1000;
    else item.left = sum.amount;
  }
  const shown = [...items.values()].slice(0, MOST_STEPS);
  const most = shown.filter(({ watched }) => watched > 0).toSorted((a, b) => b.watched - a.watched);
  return {
    from: at(from),
    to: time(to * BUCKET_S * 1000),
    step: step * BUCKET_S,
    items: shown,
    most: most.slice(0, top).map(({ at, watched }) => ({ at, watched })),
  };
}

function retentionOf(sums: readonly PositionSum[], sessions: number, step: number): Omit<Retention, 'from' | 'to'> {
  const last = Math.max(-1, ...sums.map(({ at }) => at));
  const points = Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => {
    const of = (kind: string) => sums.find((sum) => sum.kind === kind && sum.at === i * step);
    const share = sessions > 0 ? Math.min(1, (of('reach')?.most ?? 0) / sessions) : 0;
    return { at: i * step * BUCKET_S, share, watched: (of('heat')?.amount ?? 0) / 1000, left: of('left')?.amount ?? 0 };
  });
  return { sessions, step: step * BUCKET_S, points };
}

function sessionOf(
  row: SessionSums,
  content: { readonly kind: string; readonly id: string } | undefined,
  names: ReadonlyMap<string, string>,
): ViewingSession {
  const isStream = content?.kind === 'stream';
  return {
    id: row.session,
    stream: isStream ? (names.get(content.id) ?? content.id) : null,
    asset: content && !isStream ? content.id : null,
    startedAt: time(row.firstMinute * MINUTE_MS),
    endedAt: time((row.lastMinute + 1) * MINUTE_MS),
    watched: row.watchMs / 1000,
    live: row.liveMs / 1000,
    startup: row.startupMs === null ? null : row.startupMs / 1000,
    stalls: row.stalls,
    stalled: row.stallMs / 1000,
    bitrate: bitrateOf(row.kbits, row.bitMs),
    errors: row.errors,
    failed: row.failed > 0,
    edge: row.edge === '' ? null : row.edge,
    country: row.country === '' ? null : row.country,
    player: row.source,
  };
}

function readCursor(cursor: string | undefined): readonly [number, string] | undefined {
  if (cursor === undefined) return undefined;
  const match = /^(\d{1,12})\.([A-Za-z0-9_-]{1,40})$/.exec(cursor);
  if (!match)
    throw new OxbowError('bad-request', `\`cursor\` (${cursor.slice(0, 80)}) is not one of an answer before.`);
  return [Number(match[1]), match[2]!];
}

/** The sessions of this node, and of the others as they were stored. */
async function audienceNow(parts: ServedInsightParts, scope: InsightScope): Promise<AudienceNow> {
  const { reads, node, hasNodes } = parts;
  const only = await parts.find(scope);
  const nowMs = parts.nowMs();
  const sessions = new Map(parts.playing().map((each) => [each.session, each]));
  if (hasNodes) {
    const minute = Math.floor(nowMs / MINUTE_MS) - ELSEWHERE_MINUTES;
    const rows = await reads.elsewhere(node, minute, MAX_ELSEWHERE);
    const known = await reads.contents([...new Set(rows.map(({ content }) => content))]);
    for (const { session, content, edge, country, liveMs } of rows) {
      const { kind, id } = known.get(content) ?? {};
      if (id === undefined || sessions.has(session)) continue;
      const isLive = liveMs > 0;
      sessions.set(session, { session, content: { kind: kind as Content['kind'], id }, edge, country, isLive });
    }
  }
  const counted = [...sessions.values()].filter(
    ({ content, edge, country }) =>
      (only === undefined || (content.kind === only.kind && content.id === only.id)) &&
      (scope.edge === undefined || edge === scope.edge) &&
      (scope.country === undefined || country === scope.country),
  );
  const of = (kind: Content['kind']) => counted.filter(({ content }) => content.kind === kind);
  const names = await reads.names([...new Set(of('stream').map(({ content }) => content.id))].slice(0, 10_000));
  return {
    at: time(nowMs),
    viewers: counted.length,
    live: of('stream').filter(({ isLive }) => isLive).length,
    past: of('stream').filter(({ isLive }) => !isLive).length,
    streams: countBy(of('stream').map(({ content }) => names.get(content.id) ?? content.id)),
    assets: countBy(of('asset').map(({ content }) => content.id)),
    edges: countBy(counted.map(({ edge }) => edge)),
    countries: countBy(counted.map(({ country }) => country)),
  };
}

/** The largest first. */
function countBy(keys: readonly string[]): { key: string | null; viewers: number }[] {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts]
    .toSorted(([a, some], [b, others]) => others - some || (a < b ? -1 : 1))
    .slice(0, MOST_KEYS)
    .map(([key, viewers]) => ({ key: key === '' ? null : key, viewers }));
}
