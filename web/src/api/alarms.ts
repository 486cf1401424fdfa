/**
 * API calls of the pages of alarms and of what happened to a stream.
 * In: the session's cookie. Out: the shapes of src/api/alarms. Each call throws ApiError and aborts with
 * `signal`.
 */
import type { AlarmView, StreamAlarms, StreamHappened } from '../../../src/api/alarms/alarm-shapes.ts';
import type { StatsHistory } from '../../../src/api/measure/stats-shapes.ts';
import { askServer } from './client.ts';

/** Alarms of a page. */
const EACH = '100';
/** Alarms that a chart shows. */
const MOST_ON_CHART = '500';

/** Alarms, the newest first. @param pages of the list that are wanted */
export async function getAlarms(
  state: 'active' | 'all',
  pages: number,
  signal: AbortSignal,
): Promise<{ readonly items: readonly AlarmView[]; readonly nextCursor: string | null }> {
  const items: AlarmView[] = [];
  let nextCursor: string | null = null;
  for (let page = 0; page < pages; page++) {
    const query: Parameters<typeof ask>[0] = { state, limit: EACH, ...(nextCursor !== null && { cursor: nextCursor }) };
    const batch = await ask(query, signal);
    items.push(...batch.items);
    nextCursor = batch.nextCursor;
    if (nextCursor === null) break;
  }
  return { items, nextCursor };
}

interface AlarmListQuery {
  readonly state: 'active' | 'all';
  readonly stream?: string;
  readonly limit: string;
  readonly cursor?: string;
}

function ask(query: AlarmListQuery, signal: AbortSignal) {
  return askServer(signal, (client, options) => client.listAlarms(query, options));
}

/** A span of time. */
export interface ChartSpan {
  readonly fromMs: number;
  /** null: it lasts. */
  readonly toMs: number | null;
}

/** What a chart shows. */
interface StreamHistoryView {
  readonly series: StatsHistory;
  readonly gaps: readonly ChartSpan[];
  readonly alarms: readonly (ChartSpan & { readonly code: string })[];
}

/** Figures, gaps and alarms of a range of time. */
export async function getHistory(
  name: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  signal: AbortSignal,
): Promise<StreamHistoryView> {
  const span = { name, from: String(Math.floor(fromMs / 1000)), to: String(Math.ceil(toMs / 1000)) };
  const [series, gaps, alarms] = await Promise.all([
    askServer(signal, (client, options) => client.getStreamStatsHistory(span, options)),
    askServer(signal, (client, options) => client.listStreamGaps(span, options)),
    ask({ state: 'all', stream: name, limit: MOST_ON_CHART }, signal),
  ]);
  return {
    series,
    gaps: gaps.items.map(({ from, to }) => ({ fromMs: Date.parse(from), toMs: Date.parse(to) })),
    alarms: alarms.items.map(({ alarm, from, clearedAt }) => ({
      code: alarm,
      fromMs: Date.parse(from),
      toMs: clearedAt === null ? null : Date.parse(clearedAt),
    })),
  };
}

/** What happened around an instant. @param atMs unix milliseconds */
export function getHappened(name: string, atMs: number, signal: AbortSignal): Promise<StreamHappened> {
  const at = new Date(atMs).toISOString();
  return askServer(signal, (client, options) => client.listStreamHistory({ name, at }, options));
}

/** The rules of a stream, and whether it is muted. */
export function getStreamAlarms(name: string, signal: AbortSignal): Promise<StreamAlarms> {
  return askServer(signal, (client, options) => client.getStreamAlarms({ name }, options));
}
