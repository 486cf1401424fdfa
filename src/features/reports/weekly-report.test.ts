import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InsightApi, InsightRange } from '../../api/insight/insight-api.ts';
import { OxbowError } from '../../lib/errors.ts';
import { readReport } from './weekly-report.ts';

const week = { fromMs: Date.parse('2026-02-23T00:00:00Z'), toMs: Date.parse('2026-03-02T00:00:00Z') };
const text = (ms: number) => new Date(ms).toISOString();
const { signal } = new AbortController();

type Insight = Pick<InsightApi, 'audience' | 'quality' | 'heat'>;

const series = (key: string | null, watched: number, points: { at: string; viewers: number }[] = []) => ({
  key,
  rest: key === 'rest',
  sessions: Math.round(watched * 3),
  watched,
  points: points.map((point) => ({ ...point, watched: point.viewers })),
});

/** Insight of a week in which two streams were watched; a third one was removed since. */
function insightOf(): Insight & { asked: [string, InsightRange, number][] } {
  const asked: [string, InsightRange, number][] = [];
  return {
    asked,
    async audience(_, range, by, stepS) {
      const points = [
        { at: text(range.fromMs), viewers: 2 },
        { at: text(range.fromMs + 3_600_000), viewers: 7.5 },
      ];
      const all = [series(null, range.fromMs === week.fromMs ? 40 : 20, points)];
      const each = [series('door', 30), series('gone', 8), series('yard', 2), series('rest', 1)];
      return { from: text(range.fromMs), to: text(range.toMs), step: stepS, series: by === 'stream' ? each : all };
    },
    async quality() {
      const startup = { count: 4, p50: 0.8, p75: 1, p95: 2, p99: 3 };
      const sums = { sessions: 120, watched: 40, stalls: 3, stalled: 9, stallsPerHour: 1, bitrate: 1, errors: 0 };
      return [{ key: null, at: null, startup, stallRatio: 0.01, failed: 0, ...sums }];
    },
    async heat(stream, range, stepS) {
      asked.push([stream, range, stepS]);
      if (stream === 'gone') throw new OxbowError('stream-unknown', 'It was removed.');
      const watched = stream === 'door' ? 900 : 60;
      const at = text(range.fromMs + 120_000);
      return { from: text(range.fromMs), to: text(range.toMs), step: stepS, items: [], most: [{ at, watched }] };
    },
  };
}

test('a report has the week, the week before, the busiest hour, the top streams and what was rewound', async () => {
  const insight = insightOf();
  const report = await readReport(insight, week, signal);
  assert.deepEqual(report, {
    from: '2026-02-23T00:00:00.000Z',
    to: '2026-03-02T00:00:00.000Z',
    sessions: 120,
    watched: 40,
    before: { sessions: 60, watched: 20 },
    peakViewers: 7.5,
    peakAt: '2026-02-23T01:00:00.000Z',
    startup: 0.8,
    stallRatio: 0.01,
    streams: [
      { stream: 'door', sessions: 90, watched: 30 },
      { stream: 'gone', sessions: 24, watched: 8 },
      { stream: 'yard', sessions: 6, watched: 2 },
    ],
    rewound: [
      { stream: 'door', at: '2026-02-23T00:04:00.000Z', watched: 900 },
      { stream: 'yard', at: '2026-02-23T00:04:00.000Z', watched: 60 },
    ],
  });
  const [search, , , part] = insight.asked;
  assert.deepEqual(search, ['door', week, 900]);
  assert.equal(part![1].toMs - part![1].fromMs, 900_000, 'the minute is searched in its quarter of an hour');
});

test('a week without viewers has no figures', async () => {
  const none: Insight = {
    audience: async (_, range, __, step) => ({ from: text(range.fromMs), to: text(range.toMs), step, series: [] }),
    quality: async () => [],
    heat: () => assert.fail('no stream was watched'),
  };
  const report = await readReport(none, week, signal);
  assert.deepEqual([report.sessions, report.peakAt, report.startup, report.streams], [0, null, null, []]);
});

test('a shutdown ends the reading', async () => {
  const ended = AbortSignal.abort(new Error('the server stops'));
  await assert.rejects(readReport(insightOf(), week, ended), /the server stops/);
});
