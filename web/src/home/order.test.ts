import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { heightOf, inOrder, isFirstRun, isSoundOnly, lastHour, matching } from './order.ts';

const stream = (name: string, more: Partial<StreamView> = {}) =>
  ({ name, title: '', state: 'live', origin: 'api', tracks: [], ...more }) as unknown as StreamView;
const names = (streams: readonly StreamView[]) => streams.map(({ name }) => name).join(' ');

test('live streams are first, in the server’s order', () => {
  const list = [stream('a', { state: 'stopped' }), stream('b'), stream('c', { state: 'waiting' }), stream('d')];
  assert.equal(names(inOrder(list)), 'b d c a');
  assert.equal(names(list), 'a b c d', 'the list itself stays as it is');
});

test('a stream is found by words in any order and case', () => {
  const list = [stream('front-door'), stream('back-door'), stream('garden', { title: 'The Pond' })];
  assert.equal(names(matching(list, 'DOOR front')), 'front-door');
  assert.equal(names(matching(list, '  ')), 'front-door back-door garden');
  assert.equal(names(matching(list, 'pond')), 'garden');
  assert.equal(names(matching(list, 'x')), '');
});

test('the guide is for an empty list, or the sample stream alone', () => {
  const sample = stream('demo', { origin: 'sample' });
  assert.ok(isFirstRun([]));
  assert.ok(isFirstRun([sample]));
  assert.ok(!isFirstRun([sample, stream('cam')]));
});

test('the height is that of the largest picture', () => {
  const video = (height: number) => ({ id: 1, kind: 'video' as const, codecs: '', language: '', height });
  assert.equal(heightOf({ tracks: [video(480), video(1080)] }), 1080);
  assert.equal(heightOf({ tracks: [{ ...video(1280), width: 720 }] }), 720, 'upright: the short side counts');
  assert.equal(heightOf({ tracks: [{ id: 2, kind: 'audio', codecs: '', language: '' }] }), undefined);
});

test('a stream with sound alone is known by its tracks', () => {
  const track = (kind: 'audio' | 'video') => ({ id: 1, kind, codecs: '', language: '' });
  assert.equal(isSoundOnly({ tracks: [track('audio')] }), true);
  assert.equal(isSoundOnly({ tracks: [track('video'), track('audio')] }), false);
  assert.equal(isSoundOnly({ tracks: [] }), false, 'not known yet');
});

test('the last hour of a stream starts no earlier than its recording, and ends with it', () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const recorded = (from: number | null, to: number | null) => ({
    recorded: {
      from: from === null ? null : at(from),
      to: to === null ? null : at(to),
      seconds: ((to ?? 0) - (from ?? 0)) / 1000,
      bytes: 0,
    },
  });
  const nowMs = 10_000_000;
  assert.equal(lastHour(recorded(0, nowMs), nowMs), nowMs - 3_600_000);
  assert.equal(lastHour(recorded(9_000_000, nowMs), nowMs), 9_000_000);
  assert.equal(lastHour(recorded(nowMs - 40_000, nowMs), nowMs), null, 'forty seconds are not an hour');
  assert.equal(lastHour(recorded(0, 5_000_000), nowMs), 1_400_000, 'of an offline stream: its own last hour');
  assert.equal(lastHour(recorded(null, null), nowMs), null);
  const film = { recorded: { ...recorded(0, 5_000_000).recorded, seconds: 80 } };
  assert.equal(lastHour(film, nowMs), null, 'little is recorded of a long time');
});
