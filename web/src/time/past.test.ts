import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineView } from '../../../src/api/shapes.ts';
import { findMoment, findMomentBefore, grownPast, lastMedia, readPast, sinceFirst, stretchAt } from './past.ts';

const base = Date.UTC(2026, 0, 31, 20);
const time = (seconds: number) => new Date(base + seconds * 1000).toISOString();
const span = (from: number, to: number) => ({ from: time(from), to: time(to) });
const view: TimelineView = {
  ...span(0, 600),
  spans: [span(200, 300), span(0, 100), span(340, 500)],
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
