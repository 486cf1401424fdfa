import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobView } from '../../../src/api/jobs/job-shapes.ts';
import { parseField } from '../time/format.ts';
import type { Stretch } from '../time/past.ts';
import type { TimeSpan } from '../time/span.ts';
import {
  contentsOf,
  estimateBytes,
  fieldValue,
  isFast,
  MAX_CLIP_MS,
  resultOfJob,
  spanOf,
  spanOfJob,
  spanText,
} from './span.ts';

const HOUR = 3_600_000;

test('two marks in order are a span; otherwise the result is the problem', () => {
  assert.deepEqual(spanOf({ fromMs: 1, toMs: 2 }), { fromMs: 1, toMs: 2 });
  assert.equal(spanOf({ fromMs: null, toMs: 2 }), 'unmarked');
  assert.equal(spanOf({ fromMs: 1, toMs: null }), 'unmarked');
  for (const toMs of [0, 1]) assert.equal(spanOf({ fromMs: 1, toMs }), 'order');
  assert.notEqual(spanOf({ fromMs: 0, toMs: MAX_CLIP_MS }), 'long');
  assert.equal(spanOf({ fromMs: 0, toMs: MAX_CLIP_MS + 1 }), 'long');
});

test('an MP4 is available at once whatever its length, MKV and TS up to two hours', () => {
  const span = (ms: number): TimeSpan => ({ fromMs: 0, toMs: ms });
  for (const format of ['mkv', 'ts'] as const) {
    assert.ok(isFast(span(2 * HOUR), format));
    assert.ok(!isFast(span(2 * HOUR + 1), format));
  }
  assert.ok(isFast(span(24 * HOUR), 'mp4'));
});

test('the contents of a span are cut to the span, and rounded times are not a hole', () => {
  const stretch = (kind: Stretch['kind'], fromMs: number, toMs: number): Stretch => ({ kind, fromMs, toMs });
  const stretches = [
    stretch('media', 0, 10_000),
    stretch('gap', 10_000, 10_050),
    stretch('media', 10_050, 20_000),
    stretch('gap', 20_000, 25_000),
    stretch('offline', 25_000, 40_000),
  ];
  const past = { fromMs: 0, toMs: 40_000, stretches };
  const { mediaMs, holes } = contentsOf(past, { fromMs: 5_000, toMs: 30_000 });
  assert.equal(mediaMs, 14_950);
  assert.deepEqual(
    holes.map(({ kind, fromMs, toMs }) => [kind, fromMs, toMs]),
    [
      ['gap', 20_000, 25_000],
      ['offline', 25_000, 30_000],
    ],
  );
  assert.deepEqual(contentsOf(past, { fromMs: 50_000, toMs: 60_000 }), { mediaMs: 0, holes: [] });
});

test('a minute of 2 Mbit/s is about 15 MB', () => {
  assert.equal(estimateBytes(2_000_000, 60_000), 15_000_000);
});

test('a mark is shown in its field to the millisecond, and parsed back as the same time', () => {
  for (const ms of [0, 250, 7]) {
    const atMs = new Date(2026, 0, 31, 20, 5, 4).getTime() + ms;
    const text = fieldValue(atMs);
    assert.equal(parseField(text), atMs, text);
    assert.equal(text, ms === 0 ? '2026-01-31T20:05:04' : `2026-01-31T20:05:04.${String(ms).padStart(3, '0')}`);
  }
  assert.equal(fieldValue(new Date(2026, 0, 31).getTime() + 0.4), '2026-01-31T00:00:00');
});

test('a length is shown to the tenth of a second', () => {
  assert.deepEqual([0, 12_340, 59_960, 3_723_000].map(spanText), ['00:00.0', '00:12.3', '01:00.0', '1:02:03.0']);
});

test('only an export has the result of an export', () => {
  const job = (kind: string) => ({ kind, result: { filename: 'cam.mp4' } }) as unknown as JobView;
  assert.equal(resultOfJob(job('export'))?.filename, 'cam.mp4');
  assert.equal(resultOfJob(job('transcode')), null);
});

test('an export has its stream and span; other jobs and invalid ones do not', () => {
  const job = (kind: string, input: object) => ({ kind, input }) as unknown as JobView;
  const input = { stream: 'cam', from: '2026-01-31T20:00:00.000Z', to: '2026-01-31T20:00:10.500Z', format: 'mkv' };
  const fromMs = Date.UTC(2026, 0, 31, 20);
  assert.deepEqual(spanOfJob(job('export', input)), { stream: 'cam', fromMs, toMs: fromMs + 10_500, format: 'mkv' });
  assert.equal(spanOfJob(job('transcode', input)), null);
  assert.equal(spanOfJob(job('export', { ...input, to: 'soon' })), null);
  assert.equal(spanOfJob(job('export', {})), null);
});
