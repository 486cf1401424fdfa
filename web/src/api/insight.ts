/**
 * API calls of the pages of insight.
 * In: the session's cookie. Out: the shapes of src/api/insight. Each call throws ApiError and aborts with
 * `signal`.
 */
import type {
  Audience,
  AudienceNow,
  PlaybackQuality,
  Retention,
  WatchHeat,
} from '../../../src/api/insight/insight-shapes.ts';
import { askServer } from './client.ts';
import { onServer } from './server.ts';

/** [fromMs, toMs), unix milliseconds. */
interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What figures are divided by. */
export const insightKeys = ['stream', 'asset', 'edge', 'country'] as const;
/** One of them. */
export type InsightKey = (typeof insightKeys)[number];

/** What figures are about; a key that is absent: all. In the words of the query: `here`, `unknown`. */
export type InsightFilter = Readonly<Partial<Record<InsightKey, string>>>;

/** What the page shows of a range of time. */
export interface InsightFigures {
  readonly now: AudienceNow;
  readonly audience: Audience;
  /** Of everything that the filter lets through. */
  readonly all: PlaybackQuality | null;
  readonly divided: readonly PlaybackQuality[];
}

/** Most parts of the past that are listed. */
const MOST_PARTS = 5;
/** Steps that are looked at for them: those next to a hotter one belong to it. */
const MOST_LOOKED_AT = '40';
/** Media around the part that has figures, at least, milliseconds. */
const EDGE_MS = 60_000;
/** Shortest step of the server, seconds. */
const FINEST_S = '5';

/** Seconds since 1970, as the API takes them. */
const rangeOf = ({ fromMs, toMs }: TimeSpan) => ({
  from: String(Math.floor(fromMs / 1000)),
  to: String(Math.ceil(toMs / 1000)),
});

/** The figures of a range. @param by how the table divides them */
export async function getInsight(
  filter: InsightFilter,
  range: TimeSpan,
  by: InsightKey,
  signal: AbortSignal,
): Promise<InsightFigures> {
  const query = { ...filter, ...rangeOf(range) };
  const [now, audience, all, divided] = await Promise.all([
    askServer(signal, (client, options) => client.getInsightNow(filter, options)),
    askServer(signal, (client, options) => client.getInsightAudience(query, options)),
    askServer(signal, (client, options) => client.listInsightQuality(query, options)),
    askServer(signal, (client, options) => client.listInsightQuality({ ...query, by }, options)),
  ]);
  return { now, audience, all: all.items[0] ?? null, divided: divided.items };
}

/**
 * What was watched again of the past of a stream, and where viewers left: of the part of the range that has
 * any. Steps of a long range are long, so that part and the most watched steps are looked at again.
 *
 * @param range of the media
 */
export async function getHeat(stream: string, range: TimeSpan, signal: AbortSignal): Promise<WatchHeat> {
  const ask = (query: Partial<Record<'from' | 'to' | 'res' | 'top', string>>) =>
    askServer(signal, (client, options) => client.listInsightHeat({ stream, ...query }, options));
  const all = await ask({ ...rangeOf(range), top: MOST_LOOKED_AT });
  const part = partOf(all, range);
  const heat = part ? await ask({ ...rangeOf(part), top: MOST_LOOKED_AT }) : all;
  const most = await Promise.all(
    apart(heat).map(async ({ at, watched }) => {
      const fromMs = Date.parse(at);
      const fine = await ask({ ...rangeOf({ fromMs, toMs: fromMs + heat.step * 1000 }), res: FINEST_S, top: '1' });
      return { at: fine.most[0]?.at ?? at, watched };
    }),
  );
  return { ...heat, most };
}

/** The most watched steps, without those next to a hotter one; the most watched first. */
function apart({ most, step }: WatchHeat): WatchHeat['most'] {
  const nearMs = 1.5 * step * 1000;
  const isNear = (a: string, b: string) => Math.abs(Date.parse(a) - Date.parse(b)) < nearMs;
  return most
    .filter(({ at }, index) => !most.slice(0, index).some((hotter) => isNear(hotter.at, at)))
    .slice(0, MOST_PARTS);
}

/** The part that has items, with some media around it; undefined if it is most of the range, or nothing. */
function partOf({ items, step }: WatchHeat, { fromMs, toMs }: TimeSpan): TimeSpan | undefined {
  const [first, last] = [items[0], items.at(-1)];
  if (!first || !last) return undefined;
  const edgeMs = Math.max(EDGE_MS, 0.05 * (Date.parse(last.at) - Date.parse(first.at)));
  const part = {
    fromMs: Math.max(fromMs, Date.parse(first.at) - edgeMs),
    toMs: Math.min(toMs, Date.parse(last.at) + step * 1000 + edgeMs),
  };
  return part.toMs - part.fromMs < (toMs - fromMs) / 2 ? part : undefined;
}

/** How far viewers of an asset watch. @param range of the sessions */
export function getRetention(asset: string, range: TimeSpan, signal: AbortSignal): Promise<Retention> {
  return askServer(signal, (client, options) => client.getInsightRetention({ asset, ...rangeOf(range) }, options));
}

/** The address of a file with the sessions of a range, a line each. */
export function sessionsFile(filter: InsightFilter, range: TimeSpan): string {
  return onServer(`/api/v1/insight/sessions?${new URLSearchParams({ format: 'csv', ...filter, ...rangeOf(range) })}`);
}
