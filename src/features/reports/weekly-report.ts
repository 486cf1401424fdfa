/**
 * The figures of a weekly report.
 * In: insight. Out: WeeklyReport.
 */
import type { InsightApi, InsightRange } from '../../api/insight/insight-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { WeeklyReport } from '../../api/reports/report-events.ts';
import { OxbowError } from '../../lib/errors.ts';

const HOUR_S = 3600;
const WEEK_MS = 7 * 86_400_000;
/** Most streams and parts of the past of a report. */
const MOST_STREAMS = 10;
const MOST_REWOUND = 5;
/** Parts of the past are searched by a quarter of an hour, and named by the minute of it, seconds. */
const SEARCH_S = 900;
const PART_S = 60;

type Insight = Pick<InsightApi, 'audience' | 'quality' | 'heat'>;

/**
 * Reads the figures of a week.
 *
 * @throws errors of the database; the reason of the signal, between two queries
 */
export async function readReport(insight: Insight, week: InsightRange, signal: AbortSignal): Promise<WeeklyReport> {
  const audience = await insight.audience({}, week, undefined, HOUR_S);
  signal.throwIfAborted();
  const all = audience.series[0];
  const earlier = { fromMs: week.fromMs - WEEK_MS, toMs: week.fromMs };
  const before = (await insight.audience({}, earlier, undefined, HOUR_S)).series[0];
  signal.throwIfAborted();
  const streams = await topStreams(insight, week);
  signal.throwIfAborted();
  const [quality] = await insight.quality({}, week, undefined);
  const peak = all?.points.reduce((most, point) => (point.viewers > most.viewers ? point : most), {
    at: '',
    viewers: 0,
  });
  return {
    from: printRfc3339(week.fromMs),
    to: printRfc3339(week.toMs),
    sessions: all?.sessions ?? 0,
    watched: all?.watched ?? 0,
    before: { sessions: before?.sessions ?? 0, watched: before?.watched ?? 0 },
    peakViewers: peak?.viewers ?? 0,
    peakAt: peak?.at || null,
    startup: quality?.startup.p50 ?? null,
    stallRatio: quality?.stallRatio ?? null,
    streams,
    rewound: await rewoundOf(insight, streams, week, signal),
  };
}

async function topStreams(insight: Insight, week: InsightRange): Promise<WeeklyReport['streams']> {
  const { series } = await insight.audience({}, week, 'stream', HOUR_S);
  return series
    .filter(({ key, rest, watched }) => key !== null && !rest && watched > 0)
    .slice(0, MOST_STREAMS)
    .map(({ key, sessions, watched }) => ({ stream: key ?? '', sessions, watched }));
}

/** What viewers of the top streams went back to, of the media of the week. */
async function rewoundOf(
  insight: Insight,
  streams: WeeklyReport['streams'],
  week: InsightRange,
  signal: AbortSignal,
): Promise<WeeklyReport['rewound']> {
  const parts: WeeklyReport['rewound'] = [];
  for (const { stream } of streams) {
    signal.throwIfAborted();
    for (const { at, watched } of await hottest(insight, stream, week, SEARCH_S, MOST_REWOUND)) {
      if (watched > 0) parts.push({ stream, at, watched });
    }
  }
  parts.sort((a, b) => b.watched - a.watched).splice(MOST_REWOUND);
  for (const [index, { stream, at, watched }] of parts.entries()) {
    signal.throwIfAborted();
    const fromMs = Date.parse(at);
    const [minute] = await hottest(insight, stream, { fromMs, toMs: fromMs + SEARCH_S * 1000 }, PART_S, 1);
    parts[index] = { stream, at: minute?.at ?? at, watched };
  }
  return parts;
}

/** The hottest steps of a stream; none of one that was removed meanwhile. */
async function hottest(insight: Insight, stream: string, range: InsightRange, stepS: number, top: number) {
  try {
    return (await insight.heat(stream, range, stepS, top)).most;
  } catch (error) {
    if (error instanceof OxbowError && error.code === 'stream-unknown') return [];
    throw error;
  }
}
