import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { DateRangeTracker } from '@oxbow/media/date-range/date-range-tracker';
import type { DataTrack, Frame } from '@oxbow/media/frame';
import { printId3 } from '@oxbow/media/id3/tag.fixture';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { usToTicks } from '@oxbow/media/run';
import { spliceInsert } from '@oxbow/media/scte35/section.fixture';
import type { SegmentGroup } from '@oxbow/media/segment';
import { type DateRangeQuery, latestDateRanges, type RecordedDateRange } from './date-range-rows.ts';
import { Horizons } from './horizons.ts';
import { openInitTable } from './init-table.ts';
import { groupsFrom, initOf, openRig, type RecordingRig, START_US } from './recording.fixture.ts';
import { recoverStream } from './recovery.ts';
import { Retention } from './retention.ts';

const SECOND = 1_000_000;
const refuse = (error: unknown) => assert.fail(String(error));
const LATEST = Number.MAX_SAFE_INTEGER;
const data = (id: number, codec: 'id3' | 'scte35'): DataTrack => ({
  id,
  kind: 'data',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec, record: new Uint8Array(0), codecs: '' },
});
const id3 = data(64, 'id3');
const splice = data(65, 'scte35');
const media = [videoTrack, audioTrack];
const init = { ...initOf(media), tracks: [...media, id3, splice] };

/** Date ranges, seconds from the start. */
type Word = readonly [s: number, track: DataTrack, bytes: Uint8Array];
const ptsOf = (s: number) => usToTicks(START_US + s * SECOND, 90_000);
const WORDS: readonly Word[] = [
  [1, id3, printId3([['TIT2', 'one']])],
  [3, splice, spliceInsert({ eventId: 5, out: true, duration: 4 * 90_000 })],
  [7, id3, printId3([['TIT2', 'seven']])],
  [9, splice, spliceInsert({ eventId: 5, out: false })],
];

/** Groups of two seconds as the packager seals them. */
function groups(book: DateRangeTracker, count: number, from = 0): SegmentGroup[] {
  const plain = groupsFrom({ msn: 10 + from, startUs: START_US + from * 2 * SECOND, init: initOf(media) }, count);
  return plain.map((group, i) => {
    const own = WORDS.filter(([s]) => Math.floor(s / 2) === i + from);
    const segments = own.map(([s, track, bytes]) => {
      const dts = ptsOf(s);
      const frames: Frame[] = [{ trackId: track.id, dts, pts: dts, duration: 0, key: true, data: bytes }];
      const segment = new Uint8Array(fragmentLength(frames));
      printFragment(segment, 0, { sequence: 1, trackId: track.id, tfdt: dts, frames });
      return { track, frames, segment };
    });
    const dateRanges = segments.flatMap(({ track, frames }) => book.take(track, frames[0]!, 0));
    const tracks = segments.map(({ track, frames, segment }) => ({
      trackId: track.id,
      bytes: segment,
      tfdt: frames[0]!.dts,
      duration: 0,
      firstPtsOffset: 0,
      samples: 1,
      independent: true,
      damaged: false,
      crc: crc32(segment),
    }));
    return { ...group, init, tracks: [...group.tracks, ...tracks], ...(dateRanges.length > 0 && { dateRanges }) };
  });
}

async function record(rig: RecordingRig, all: readonly SegmentGroup[]): Promise<void> {
  for (const group of all) rig.recorder.write(group);
  while (!rig.recorder.isQuiet) await new Promise(setImmediate);
}

const between = (fromS: number, toS: number, lastMsn = LATEST): DateRangeQuery => ({
  fromUs: START_US + fromS * SECOND,
  toUs: START_US + toS * SECOND,
  lastMsn,
});
const kinds = (ranges: readonly RecordedDateRange[], of: DateRangeQuery) =>
  latestDateRanges(ranges, of).map(({ id, attributes }) => `${id.split('-')[0]} ${attributes.DURATION ?? ''}`.trim());

suite('date ranges of a recording', () => {
  test('they are the same from memory, from the index, and from a rebuilt index', async () => {
    await using rig = await openRig();
    await record(rig, groups(new DateRangeTracker(), 6));
    const all = between(0, 12);
    const open = latestDateRanges(await rig.recording.dateRanges(all), all);
    assert.deepEqual(
      open.map(({ id }) => id.split('-')[0]),
      ['id3', 'splice', 'id3'],
    );
    assert.equal(open[1]!.attributes.DURATION, '6');
    await rig.recorder.seal();
    assert.deepEqual(rig.recording.open, []);
    assert.deepEqual(latestDateRanges(await rig.recording.dateRanges(all), all), open);
    await rig.table.clear('s');
    assert.deepEqual(await rig.recording.dateRanges(all), []);
    const inits = await openInitTable(rig.store.rows, 's', { failed: refuse, nowMs: () => rig.clock.nowMs() });
    const { signal } = new AbortController();
    await recoverStream({ segments: rig.segments, streamId: 's', table: rig.table, chunks: rig.chunks, inits }, 0, {
      signal,
    });
    assert.deepEqual(latestDateRanges(await rig.recording.dateRanges(all), all), open);
  });

  test('an in point finds its out point in the file before', async () => {
    await using rig = await openRig();
    const book = new DateRangeTracker();
    await record(rig, groups(book, 3));
    await rig.recorder.seal();
    await record(rig, groups(book, 3, 3));
    await rig.recorder.seal();
    assert.equal((await rig.files()).length, 2);
    const ranges = await rig.recording.dateRanges(between(0, 12));
    await rig.table.clear('s');
    const inits = await openInitTable(rig.store.rows, 's', { failed: refuse, nowMs: () => rig.clock.nowMs() });
    const { signal } = new AbortController();
    await recoverStream({ segments: rig.segments, streamId: 's', table: rig.table, chunks: rig.chunks, inits }, 0, {
      signal,
    });
    const again = await rig.recording.dateRanges(between(0, 12));
    assert.deepEqual(latestDateRanges(again, between(0, 12)), latestDateRanges(ranges, between(0, 12)));
  });

  test('a stretch has the ranges that overlap it, and none of segments after its last one', async () => {
    await using rig = await openRig();
    await record(rig, groups(new DateRangeTracker(), 6));
    await rig.recorder.seal();
    const ranges = await rig.recording.dateRanges(between(4, 6));
    assert.deepEqual(kinds(ranges, between(4, 6)), ['splice 6'], 'it began before, and lasts');
    assert.deepEqual(kinds(ranges, between(4, 6, 12)), ['splice'], 'its end was not known in segment 12');
    assert.deepEqual(kinds(await rig.recording.dateRanges(between(10, 12)), between(10, 12)), []);
  });

  test('they are deleted with their file', async () => {
    await using rig = await openRig();
    await record(rig, groups(new DateRangeTracker(), 6));
    await rig.recorder.seal();
    rig.clock.advance(3 * 3600 * 1000);
    const retention = new Retention({
      segments: rig.segments,
      table: rig.table,
      chunks: rig.chunks,
      clock: rig.clock,
      horizons: new Horizons(rig),
      settings: { now: { record: { maxDisk: undefined } } },
      streams: () => [{ streamId: 's', keepMs: 3600_000 }],
      release() {},
      deleted() {},
      failed: refuse,
    });
    await retention.pass();
    const left = await rig.store.db.selectFrom('date_range').selectAll().execute();
    assert.deepEqual(left, []);
  });
});
