import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineView } from '../../../src/api/shapes.ts';
import { cutPast, joinPast } from '../timeline/tiles.ts';
import {
  findMoment,
  findMomentBefore,
  grownPast,
  healedAt,
  healedIn,
  lastMedia,
  readPast,
  sinceFirst,
  stretchAt,
} from './past.ts';

const base = Date.UTC(2026, 0, 31, 20);
const time = (seconds: number) => new Date(base + seconds * 1000).toISOString();
const span = (from: number, to: number) => ({ from: time(from), to: time(to) });
const view: TimelineView = {
  ...span(0, 600),
  spans: [span(200, 300), span(0, 100), span(340, 500)],
  healed: [],
  gaps: [{ ...span(100, 200), cause: 'source-down', detail: 'HTTP 404' }],
  offline: [span(300, 340), span(500, 600)],
  deleted: [],
  res: 0,
  runs: [],
  windows: [],
  pins: [],
  markers: [],
};
const past = readPast(view);
const at = (seconds: number) => base + seconds * 1000;

test('spans, gaps and offline time are merged in order of time', () => {
  assert.deepEqual(
    past.stretches.map(({ kind }) => kind),
    ['media', 'gap', 'media', 'offline', 'media', 'offline'],
  );
  assert.equal(past.toMs, at(600));
});

test('a stretch includes its start and excludes its end', () => {
  assert.equal(stretchAt(past, at(100))?.cause, 'source-down');
  assert.equal(stretchAt(past, at(200))?.kind, 'media');
  assert.equal(stretchAt(past, at(600)), undefined);
});

test('a recorded time is played as requested', () => {
  assert.deepEqual(findMoment(past, at(42.5)), { atMs: at(42.5) });
});

test('a click into a gap goes to the next span and reports what was skipped', () => {
  const found = findMoment(past, at(150));
  assert.equal(found?.atMs, at(200));
  assert.equal(found?.skipped?.cause, 'source-down');
});

test('a step back into a gap goes to the end of the span before it', () => {
  assert.deepEqual(findMomentBefore(past, at(150)), { atMs: at(95) });
  assert.deepEqual(findMomentBefore(past, at(42)), { atMs: at(42) });
  assert.equal(findMomentBefore(past, at(-1)), undefined);
});

test('a time before the recording goes to the first media', () => {
  const found = findMoment(past, at(-50));
  assert.equal(found?.atMs, at(0));
  assert.equal(found?.skipped?.kind, 'offline');
});

test('after the last media there is only live', () => {
  assert.equal(findMoment(past, at(550)), undefined);
  assert.equal(lastMedia(past), at(500));
});

test('a hole of a few milliseconds between spans is skipped silently', () => {
  const cracked = readPast({ ...view, spans: [span(0, 10), span(10.02, 20)], gaps: [], offline: [] });
  assert.deepEqual(findMoment(cracked, at(10.01)), { atMs: at(10.02) });
});

test('an unreadable or empty stretch is left out', () => {
  const odd = readPast({ ...view, spans: [{ from: 'x', to: 'y' }, span(5, 5)], gaps: [], offline: [] });
  assert.deepEqual(odd.stretches, []);
  assert.equal(lastMedia(odd), undefined);
});

test('media that was recorded a moment ago extends to now; media that ended earlier or otherwise does not', () => {
  const live = readPast({ ...view, offline: [span(300, 340)] });
  assert.equal(lastMedia(grownPast(live, at(508))), at(508));
  assert.equal(lastMedia(grownPast(live, at(530))), at(500));
  assert.equal(grownPast(past, at(508)), past);
  assert.equal(grownPast(readPast({ ...view, spans: [] }), at(508)).stretches.at(-1)?.kind, 'offline');
});

test('time before the first recorded media is not shown as offline', () => {
  const early = readPast({ ...view, spans: [span(200, 300)], gaps: [], offline: [span(0, 200), span(300, 600)] });
  const kinds = (firstMs: number | null) => sinceFirst(early, firstMs).stretches.map(({ kind }) => kind);
  assert.deepEqual(kinds(at(200)), ['media', 'offline']);
  assert.deepEqual(kinds(null), ['media']);
  assert.equal(sinceFirst(early, at(50)).stretches[0]!.fromMs, at(50), 'cut at the first time');
  assert.equal(sinceFirst(past, at(0)), past);
});

test('media that was found later is known by its time, through cuts and joins', () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const view = {
    from: at(0),
    to: at(60_000),
    res: 0,
    spans: [{ from: at(0), to: at(60_000) }],
    healed: [
      {
        from: at(10_000),
        to: at(20_000),
        cause: 'source-down',
        detail: '',
        healedAt: at(90_000),
        source: 'backup',
        how: 'dated',
        errorMs: 0,
      },
    ],
    gaps: [],
    offline: [],
    deleted: [],
    runs: [],
    windows: [],
    pins: [],
    markers: [],
  } as TimelineView;
  const past = readPast(view);
  assert.deepEqual(healedAt(past, 15_000), {
    fromMs: 10_000,
    toMs: 20_000,
    healedMs: 90_000,
    source: 'backup',
    cause: 'source-down',
  });
  assert.equal(healedAt(past, 25_000), undefined);
  assert.deepEqual(healedIn(past, { fromMs: 21_000, toMs: 30_000 }), []);
  const joined = joinPast(cutPast(past, 0, 15_000), cutPast(past, 15_000, 60_000));
  assert.deepEqual(joined.healed, past.healed);
  const { healed: _, ...older } = view;
  assert.equal(readPast(older as TimelineView).healed, undefined, 'an older server lists nothing');
});
