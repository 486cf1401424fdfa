import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { previewSpan, stillMoment } from './still.ts';

const now = Date.UTC(2026, 0, 31, 20);
const stream = (state: StreamView['state'], from: string | null, to: string | null, liveSince: string | null = null) =>
  ({ state, liveSince, recorded: { from, to, seconds: 0, bytes: 0 } }) as StreamView;

test('a live stream shows a time whose still exists', () => {
  const view = stream('live', null, null, '2026-01-31T19:00:00.000Z');
  assert.equal(stillMoment(view, now), now - 10_000);
  assert.equal(stillMoment(view, now + 1_000), now - 5_000);
});

test('a stream that has just become live shows nothing yet, whatever was recorded before', () => {
  const view = stream('live', '2026-01-31T10:00:00.000Z', '2026-01-31T20:00:00.000Z', '2026-01-31T19:59:51.000Z');
  assert.equal(stillMoment(view, now), null);
  assert.equal(stillMoment(view, now + 1_000), now - 5_000);
});

test('a stream without a signal shows the last recorded time', () => {
  const view = stream('waiting', '2026-01-31T10:00:00.000Z', '2026-01-31T11:00:00.000Z');
  assert.equal(stillMoment(view, now), Date.UTC(2026, 0, 31, 10, 59, 50));
});

test('a very short recording shows a time on the grid of stills, or nothing', () => {
  const around = stream('stopped', '2026-01-31T09:59:59.000Z', '2026-01-31T10:00:02.000Z');
  assert.equal(stillMoment(around, now), Date.UTC(2026, 0, 31, 10));
  assert.equal(stillMoment(stream('stopped', '2026-01-31T10:00:01.000Z', '2026-01-31T10:00:03.000Z'), now), null);
  assert.equal(stillMoment(stream('starting', null, null), now), null);
});

const video = [{ kind: 'video' }] as StreamView['tracks'];

test('a card plays the last ten seconds that are recorded, on the grid of stills', () => {
  const view = stream('live', '2026-01-31T10:00:00.000Z', '2026-01-31T19:59:58.400Z', '2026-01-31T19:00:00.000Z');
  assert.deepEqual(previewSpan({ ...view, tracks: video }), { fromMs: now - 15_000, toMs: now - 5_000 });
});

test('a card plays nothing from before the stream was live, nor sound alone, nor a stream that is not live', () => {
  const [from, to] = ['2026-01-31T10:00:00.000Z', '2026-01-31T20:00:00.000Z'];
  const began = (liveSince: string) => previewSpan({ ...stream('live', from, to, liveSince), tracks: video });
  assert.deepEqual(began('2026-01-31T19:59:54.200Z'), { fromMs: now - 5_000, toMs: now });
  assert.equal(began('2026-01-31T19:59:57.000Z'), null);
  const sound = [{ kind: 'audio' }] as StreamView['tracks'];
  assert.equal(previewSpan({ ...stream('live', from, to, from), tracks: sound }), null);
  assert.equal(previewSpan({ ...stream('waiting', from, to, from), tracks: video }), null);
  assert.equal(previewSpan({ ...stream('live', null, null, from), tracks: video }), null);
});
