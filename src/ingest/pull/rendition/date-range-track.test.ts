import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import type { DateRangeTag, MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { DateRangeTrack } from './date-range-track.ts';

const NOW = 1_795_000_000_000;
const listOf = (...dateRanges: DateRangeTag[]) => ({ dateRanges }) as unknown as MediaPlaylist;
const range = (id: string, s: number, attributes: Record<string, string> = {}): DateRangeTag => ({
  id,
  startDateMs: NOW + s * 1000,
  attributes,
});
const segment = (s: number, dated = true) =>
  ({ ...(dated && { programDateTimeMs: NOW + s * 1000 }), durationS: 2 }) as unknown as QueuedSegment;
const span = { from: 900_000, to: 900_000 + 180_000 };
const told = (frames: readonly Frame[]) =>
  frames.map(({ dts, data }) => [
    dts - span.from,
    Buffer.from(data)
      .toString()
      .replace(/START-DATE="[^"]*"/, 'START'),
  ]);

suite("a source's EXT-X-DATERANGEs", () => {
  test('each is published once with the next segment, with the distance to its start', () => {
    const side = new DateRangeTrack();
    assert.deepEqual(side.tracks, []);
    side.list(listOf(range('a', 1, { DURATION: '4' }), range('b', 30)));
    assert.deepEqual(told(side.take(segment(0), span)), [
      [90_000, 'ID="a",START,DURATION=4,X-OXBOW-OFFSET=0.000000'],
      // It begins later: players need it in advance.
      [179_999, 'ID="b",START,X-OXBOW-OFFSET=28.000011'],
    ]);
    side.list(listOf(range('a', 1, { DURATION: '4' }), range('b', 30)));
    assert.deepEqual(side.take(segment(2), { from: span.to, to: span.to + 180_000 }), []);
    assert.equal(side.tracks.length, 1, 'the track stays');
  });

  test('one that overlaps the media begins before it; one that is over is not published', () => {
    const side = new DateRangeTrack();
    side.list(listOf(range('over', -20, { DURATION: '5' }), range('runs', -20, { DURATION: '30' })));
    assert.deepEqual(told(side.take(segment(0), span)), [[0, 'ID="runs",START,DURATION=30,X-OXBOW-OFFSET=-20.000000']]);
  });

  test('later changes of a range are published, even when it is over', () => {
    const side = new DateRangeTrack();
    side.list(listOf(range('a', 0, { 'PLANNED-DURATION': '9' })));
    side.take(segment(0), span);
    side.list(listOf(range('a', 0, { 'PLANNED-DURATION': '9', DURATION: '1' })));
    assert.equal(side.take(segment(2), { from: span.to, to: span.to + 180_000 }).length, 1);
  });

  test('without a date of the media it keeps its own date', () => {
    const side = new DateRangeTrack();
    side.list(listOf(range('a', 5)));
    assert.deepEqual(told(side.take(segment(0, false), span)), [[0, 'ID="a",START']]);
  });
});
