/**
 * The contract of the tables of recordings: chunk files with date ranges and retention, inits, markers,
 * pins.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import type { Insertable } from 'kysely';
import { packSegments } from '../archive/segment-index.ts';
import { createManualClock } from '../lib/clock.ts';
import { openLeaseTable } from '../store/lease-table.ts';
import type { ChunkFileTable } from '../store/schema.ts';
import { soleRows } from '../store/shards/stream-rows.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { ChunkQueries } from './chunks/chunk-queries.ts';
import { ChunkTable } from './chunks/chunk-table.ts';
import type { RecordedDateRange } from './date-range-rows.ts';
import { ErasureTable, erasedPieces } from './erase/erasure-table.ts';
import { openInitTable } from './init-table.ts';
import { MarkerTable } from './marker-table.ts';
import { PinTable } from './pin-table.ts';
import { StatsTable } from './stats-table.ts';
import { WINDOW_US } from './window.ts';

/** A ten-minute mark of the present: µs beyond 2^50. */
const START_US = 1_794_999_600_000_000;
const MINUTE_US = 60_000_000;

/** The file of a minute. */
function fileAt(minute: number, change: Partial<ChunkFileTable> = {}): Insertable<ChunkFileTable> {
  const startUs = START_US + minute * MINUTE_US;
  return {
    stream_id: 's',
    first_msn: minute * 30,
    last_msn: minute * 30 + 29,
    start_us: startUs,
    end_us: startUs + MINUTE_US,
    path: `recordings/s/${minute}.mp4`,
    size: 2 ** 33,
    run: 1,
    utc_offset_us: 0,
    run_clock: 'source',
    init_number: 1,
    discontinuity_sequence: 0,
    segment_count: 30,
    absences: '[]',
    incomplete: 0,
    segments: Uint8Array.of(1, 2, 3),
    ...change,
  };
}

const rangeAt = (msn: number, id: string, startMs: number, text = ''): RecordedDateRange => ({
  msn,
  range: {
    id,
    startDateMs: startMs,
    attributes: { DURATION: '1', 'X-TEXT': text },
  } as unknown as RecordedDateRange['range'],
});

/** Every database runs this suite. */
export function recordingTablesContract(name: string, open: OpenDatabase): void {
  suite(`chunk files on ${name}`, () => {
    test('a file is found by its MSNs and by time; writing it again replaces it', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const chunks = new ChunkQueries(soleRows(database.db));
      for (const minute of [2, 0, 1]) await table.put(fileAt(minute));
      await table.put(fileAt(1, { size: 5, segments: Uint8Array.of(9) }));
      const row = await chunks.holding('s', 59);
      assert.deepEqual([row?.first_msn, row?.size, [...(row?.segments ?? [])]], [30, 5, [9]]);
      assert.equal(await chunks.holding('s', 90), undefined);
      assert.equal((await chunks.upTo('s', 1000))?.first_msn, 60);
      assert.equal((await chunks.last('s'))?.start_us, START_US + 2 * MINUTE_US);
      assert.equal((await chunks.oldest('s'))?.start_us, START_US);
      const middle = START_US + 90_000_000;
      const msns = (rows: readonly { first_msn: number }[]) => rows.map(({ first_msn }) => first_msn);
      assert.deepEqual(msns(await chunks.between('s', middle, middle + 1)), [30]);
      assert.deepEqual(msns(await chunks.segmentsBetween('s', middle, START_US + 2 * MINUTE_US + 1)), [30, 60]);
      assert.deepEqual(msns(await chunks.spansBetween('s', START_US, START_US + 3 * MINUTE_US)), [0, 30, 60]);
      assert.deepEqual(msns(await chunks.startedBetween('s', START_US, START_US + 2 * MINUTE_US, 1)), [0]);
      assert.equal((await chunks.firstSpanFrom('s', START_US + 1))?.first_msn, 30);
      const { paths, firstMsns } = await chunks.files('s');
      assert.deepEqual([paths.size, firstMsns], [3, new Set([0, 30, 60])]);
      assert.deepEqual(await chunks.between('other', 0, Number.MAX_SAFE_INTEGER), []);
    });

    test('the index is written only by the owner of the data folder', async () => {
      await using database = await open();
      const leases = openLeaseTable(database.db, createManualClock());
      const { token } = await leases.take('folder', { holder: 'a', ttlMs: 1000 });
      const table = new ChunkTable(soleRows(database.db, () => ({ name: 'folder', token })));
      const chunks = new ChunkQueries(soleRows(database.db));
      await table.put(fileAt(0), [rangeAt(1, 'a', START_US / 1000)]);
      await table.put(fileAt(0, { size: 7 }));
      await leases.take('folder', { holder: 'b', ttlMs: 1000, replaces: token });
      const refusal = { name: 'OxbowError', code: 'data-in-use' };
      await assert.rejects(table.put(fileAt(1)), refusal);
      await assert.rejects(table.put(fileAt(2), [rangeAt(60, 'a', START_US / 1000)]), refusal);
      await assert.rejects(table.put(fileAt(0, { size: 8 })), refusal);
      await assert.rejects(table.remove('s', [0], START_US + 1), refusal);
      assert.deepEqual([(await chunks.last('s'))?.size, await table.deletedBefore('s')], [7, 0]);
    });

    test('totals are exact beyond 2^32, and empty for an empty stream', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const nothing = { fromUs: undefined, toUs: undefined, bytes: 0, durationUs: 0 };
      assert.deepEqual(await table.totals('s'), nothing);
      for (const minute of [0, 1, 2]) await table.put(fileAt(minute));
      const [toUs, durationUs] = [START_US + 3 * MINUTE_US, 3 * MINUTE_US];
      assert.deepEqual(await table.totals('s'), { fromUs: START_US, toUs, bytes: 3 * 2 ** 33, durationUs });
    });

    test('files without gaps are joined by windows of ten minutes; a window with a gap is not', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const chunks = new ChunkQueries(soleRows(database.db));
      const missing = JSON.stringify([{ fromUs: START_US, toUs: START_US, cause: 'crash', detail: '' }]);
      for (let minute = 0; minute < 40; minute++) {
        if (minute === 33) continue;
        const absences = minute === 15 ? missing : '[]';
        await table.put(fileAt(minute, { absences, incomplete: absences === '[]' ? 0 : 1, run: minute < 25 ? 1 : 2 }));
      }
      const spans = await chunks.joinedSpansBetween('s', START_US, START_US + 40 * MINUTE_US);
      const windows = Map.groupBy(spans, (span) => Math.floor((span.start_us - START_US) / WINDOW_US));
      assert.deepEqual(
        [...windows].map(([window, own]) => [window, own.length]),
        [
          [0, 1],
          [1, 10],
          [2, 10],
          [3, 9],
        ],
        'one seamless, one with a gap, one with two runs, one with a hole',
      );
      assert.deepEqual(
        { ...spans[0] },
        {
          first_msn: 0,
          last_msn: 299,
          start_us: START_US,
          end_us: START_US + WINDOW_US,
          run: 1,
          utc_offset_us: 0,
          segment_count: 300,
          absences: '[]',
        },
      );
      assert.equal(spans.filter(({ absences }) => absences === missing).length, 1);
    });

    test('removing files removes their date ranges, and the horizon of retention only rises', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const chunks = new ChunkQueries(soleRows(database.db));
      for (const minute of [0, 1]) await table.put(fileAt(minute), [rangeAt(minute * 30, 'a', START_US / 1000)]);
      assert.equal(await table.deletedBefore('s'), 0);
      await table.remove('s', [0], START_US + MINUTE_US);
      await table.remove('s', [1000], START_US);
      assert.equal(await table.deletedBefore('s'), START_US + MINUTE_US);
      assert.deepEqual((await chunks.files('s')).firstMsns, new Set([30]));
      assert.deepEqual(
        (await chunks.dateRangesBefore('s', 1000, 10)).map(({ msn }) => msn),
        [30],
      );
      await table.clear('s');
      assert.deepEqual([(await chunks.files('s')).paths.size, await table.deletedBefore('s')], [0, 0]);
      assert.deepEqual(await chunks.dateRangesBefore('s', 1000, 10), []);
    });

    test('date ranges are read in the order of their segments; those of a file are replaced with it', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const chunks = new ChunkQueries(soleRows(database.db));
      const ms = START_US / 1000;
      await table.put(fileAt(0), [rangeAt(3, 'old', ms)]);
      const many = Array.from({ length: 250 }, (_, n) => rangeAt(4, `n${n}`, ms + 5000 + n));
      await table.put(fileAt(0), [rangeAt(2, 'b', ms + 1000, 'first'), rangeAt(2, 'b', ms + 1000, 'last'), ...many]);
      await table.put(fileAt(1), [rangeAt(30, 'c', ms + 60_000)]);
      const all = { fromUs: START_US, toUs: START_US + 2 * MINUTE_US, lastMsn: 1000 };
      const ranges = await chunks.dateRangesBetween('s', all);
      assert.equal(ranges.length, 252);
      assert.deepEqual([ranges[0]!.range.attributes['X-TEXT'], ranges.at(-1)!.range.id], ['last', 'c']);
      assert.deepEqual(
        (await chunks.dateRangesBetween('s', { ...all, toUs: START_US + 5_001_000 })).map(({ range }) => range.id),
        ['b', 'n0'],
      );
      assert.equal((await chunks.dateRangesBetween('s', { ...all, lastMsn: 2 })).length, 1);
      const alike = ['z', 'a', 'm'].map((id) => rangeAt(61, id, ms + 120_000));
      await table.put(fileAt(2), alike);
      for (const read of [chunks.dateRangesBefore('s', 62, 3), chunks.dateRangesBefore('s', 1000, 3)]) {
        assert.deepEqual(
          (await read).map(({ range }) => range.id),
          ['a', 'm', 'z'],
        );
      }
      assert.deepEqual(
        (await chunks.dateRangesBefore('s', 61, 2)).map(({ msn }) => msn),
        [4, 30],
      );
    });
  });

  suite(`figures on ${name}`, () => {
    test('a window is replaced, found by time, and deleted before a horizon unless it is pinned', async () => {
      await using database = await open();
      const table = new StatsTable(soleRows(database.db));
      const at = (window: number, ...packed: number[]) => ({
        startUs: START_US + window * WINDOW_US,
        packed: Uint8Array.from(packed),
      });
      for (const window of [1, 0, 2, 3]) await table.write('s', at(window, window));
      await table.write('other', at(0, 9));
      await table.write('s', at(1, 7, 8));
      const read = async (from: number, to: number) => {
        const windows = await table.between('s', START_US + from * WINDOW_US, START_US + to * WINDOW_US);
        return windows.map(({ startUs, packed }) => [(startUs - START_US) / WINDOW_US, ...packed]);
      };
      assert.deepEqual(await read(0.5, 2), [
        [0, 0],
        [1, 7, 8],
      ]);
      const pinned = [{ fromUs: START_US, toUs: START_US + WINDOW_US }];
      await table.removeBefore('s', START_US + 2.5 * WINDOW_US, pinned);
      assert.deepEqual(await read(0, 9), [
        [0, 0],
        [2, 2],
        [3, 3],
      ]);
      assert.equal((await table.between('other', 0, START_US + 9 * WINDOW_US)).length, 1);
    });
  });

  suite(`inits, markers and pins on ${name}`, () => {
    test('an init keeps its number when the table is opened again', async () => {
      await using database = await open();
      const options = { failed: (error: unknown) => assert.fail(String(error)), nowMs: () => 1_795_000_000_000 };
      const first = await openInitTable(soleRows(database.db), 's', options);
      const [video, both] = [first.of([videoTrack]), first.of([videoTrack, audioTrack])];
      assert.equal(both.number, video.number + 1);
      let again = await openInitTable(soleRows(database.db), 's', options);
      // They are written without waiting, on connections of their own.
      const numbers = [video.number, both.number];
      while (!numbers.every((number) => again.get(number)))
        again = await openInitTable(soleRows(database.db), 's', options);
      assert.equal(again.of([videoTrack, audioTrack]).number, both.number);
      assert.deepEqual(again.get(video.number)?.tracks, video.tracks);
      assert.equal((await openInitTable(soleRows(database.db), 'other', options)).get(video.number), undefined);
    });

    test('markers come in order of time and id, in pages', async () => {
      await using database = await open();
      const table = new MarkerTable(database.db);
      const added = [];
      for (const atUs of [3, 1, 2, 2, 2])
        added.push(await table.add('s', { atUs: START_US + atUs, text: `ä ${atUs}` }));
      const range = { fromUs: START_US, toUs: START_US + 10, limit: 2 };
      const pages = [];
      for (let after: (typeof added)[number] | undefined; ; after = pages.at(-1)) {
        const page = await table.between('s', { ...range, after });
        pages.push(...page);
        if (page.length < 2) break;
      }
      assert.deepEqual(
        pages.map(({ atUs }) => atUs - START_US),
        [1, 2, 2, 2, 3],
      );
      assert.equal(new Set(pages.map(({ id }) => id)).size, 5);
      assert.equal(await table.remove('other', added[0]!.id), false);
      assert.equal(await table.remove('s', added[0]!.id), true);
      assert.equal(await table.remove('s', added[0]!.id), false);
      await table.forget('s');
      assert.deepEqual(await table.between('s', range), []);
    });

    test('pins are restored when the table is opened again', async () => {
      await using database = await open();
      const table = await PinTable.open(database.db);
      const late = await table.add('s', { fromUs: START_US + 5, toUs: START_US + 6, text: 'späť' });
      const early = await table.add('s', { fromUs: START_US, toUs: START_US + 1, text: '' });
      const removed = await table.add('s', { fromUs: START_US, toUs: START_US + 1, text: '' });
      await table.add('other', { fromUs: 1, toUs: 2, text: '' });
      assert.equal(await table.remove('s', removed.id), true);
      await table.forget('other');
      const again = await PinTable.open(database.db);
      assert.deepEqual(again.of('s'), [early, late]);
      assert.deepEqual(again.of('other'), []);
    });

    test('legal holds are restored too; they protect windows, and are no pins', async () => {
      await using database = await open();
      const table = await PinTable.open(database.db);
      const hold = await table.addHold('s', {
        fromUs: START_US + 1,
        toUs: START_US + 2,
        name: 'case 7',
        reason: '',
        author: 'admin',
        createdUs: 5,
      });
      const pin = await table.add('s', { fromUs: START_US, toUs: START_US + 1, text: '' });
      for (const each of [table, await PinTable.open(database.db)]) {
        assert.deepEqual([each.of('s'), each.holds('s')], [[pin], [hold]]);
        assert.deepEqual(each.ranges('s'), [{ fromUs: START_US, toUs: START_US + WINDOW_US }]);
        assert.throws(() => each.assertFree('s'), { code: 'recording-held', message: /case 7/ });
        assert.throws(() => each.assertNotHeld('s', { fromUs: 0, toUs: START_US + 2 }), { code: 'recording-held' });
        each.assertNotHeld('s', { fromUs: START_US + 2, toUs: START_US + 3 });
      }
      assert.equal(await table.remove('s', hold.id), false);
      assert.deepEqual(await table.removeHold('s', hold.id), hold);
      assert.equal(await table.removeHold('s', hold.id), undefined);
      table.assertFree('s');
      assert.deepEqual((await PinTable.open(database.db)).allHolds(), []);
    });

    test('a deletion is written with the index, and its rows are kept', async () => {
      await using database = await open();
      const table = new ChunkTable(soleRows(database.db));
      const chunks = new ChunkQueries(soleRows(database.db));
      const erasures = await ErasureTable.open({ db: database.db, rows: soleRows(database.db) });
      const group = (msn: number) => ({
        msn,
        run: 1,
        utcOffsetUs: 0,
        clock: 'source' as const,
        discontinuity: false,
        discontinuitySequence: 0,
        startUs: START_US + msn * 1e6,
        durationUs: 1e6,
        gaps: [],
        tracks: [],
      });
      const groups = [1, 2, 3, 4].map(group);
      const times = { first_msn: 1, last_msn: 4, start_us: START_US + 1e6, end_us: START_US + 5e6 };
      const ranges = [
        rangeAt(1, 'a', START_US / 1000),
        rangeAt(2, 'b', START_US / 1000),
        rangeAt(4, 'c', START_US / 1000),
      ];
      await table.put(fileAt(0, { ...times, segments: packSegments(groups) }), ranges);
      const made = await erasures.add({
        streamId: 's',
        stream: 'door',
        recordings: ['s', 's/q-360'],
        firstMsn: 2,
        lastMsn: 3,
        author: 'admin',
        fromUs: START_US + 2e6,
        toUs: START_US + 4e6,
        createdUs: 9,
        pieces: erasedPieces(groups.slice(1, 3)),
        report: {
          segments: 2,
          windows: 1,
          bytes: 0,
          files: 1,
          pictures: 0,
          copies: 0,
          clips: [{ id: 'c', title: 'é' }],
          pins: [],
          assets: [],
          exports: [],
          edges: [],
        },
        leftOf: (files) => files.map(({ location }) => ({ kind: 'file', name: location, problem: '' })),
      });
      const rows = await chunks.between('s', 0, Number.MAX_SAFE_INTEGER);
      assert.deepEqual(
        rows.map(({ first_msn, last_msn, size, path }) => [first_msn, last_msn, size, path]),
        [
          [1, 1, 2 ** 33, 'recordings/s/0.mp4'],
          [4, 4, 0, 'recordings/s/0.mp4'],
        ],
      );
      await erasures.resize('s', 'recordings/s/0.mp4', 77);
      assert.equal((await table.totals('s')).bytes, 77);
      const left = await chunks.dateRangesBefore('s', 99, 9);
      assert.deepEqual(
        left.map(({ range }) => range.id),
        ['a', 'c'],
      );
      await table.remove('s', [4]);
      assert.equal((await chunks.dateRangesBefore('s', 99, 9)).length, 1, 'date ranges follow their segments');
      assert.deepEqual(await erasures.unfinished(), [made]);
      const done = { ...made, left: [], doneUs: 10 };
      await erasures.note(done);
      assert.deepEqual([await erasures.unfinished(), await erasures.find(made.id)], [[], done]);
      assert.deepEqual(await erasures.page({ stream: 'door', limit: 5 }), [done]);
      assert.deepEqual(await erasures.page({ beforeUs: 9, limit: 5 }), []);
    });
  });
}
