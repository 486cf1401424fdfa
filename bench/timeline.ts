/**
 * `npm run bench -- timeline`: queries in the index of many streams and days, and the playlist of 24 hours.
 * In: an index of generated files in the real database. Out: a table of times with targets: 5 ms at p99 for a
 * query, 50 ms for the playlist.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { segmentLocation } from '../src/archive/segment-store.ts';
import { answerPastPlaylist } from '../src/delivery/past/past.ts';
import { selectKeySegments } from '../src/delivery/timelapse/key-frames.ts';
import { createSilentLog } from '../src/observe/log.ts';
import { ChunkQueries } from '../src/recording/chunks/chunk-queries.ts';
import { chunkRow } from '../src/recording/chunks/chunk-row.ts';
import { RecordingReader } from '../src/recording/recording-reader.ts';
import { openStore } from '../src/store/db.ts';
import { openFolder } from '../test/fixtures/server.ts';
import { servedStreamOf } from './bench-stream.ts';
import { printTable, quantile, say, sorted } from './report.ts';
import { orTiny } from './tiny.ts';

/** Start of the index, µs since 1970: a ten-minute mark. */
export const START_US = 1_794_999_600_000_000;
const SEGMENT_US = 2_000_000;
export const SEGMENTS_PER_FILE = 30;
export const FILE_US = SEGMENTS_PER_FILE * SEGMENT_US;
const DAY_US = 86_400_000_000;
const FIRST_MSN = 868_000_000;

/** Builds the index, measures, and returns the report. */
export async function benchTimeline(streams: number, days: number): Promise<string> {
  await using folder = await openFolder('bench-timeline');
  const file = join(folder.path, 'oxbow.db');
  await (await openStore({ file, log: createSilentLog() }))[Symbol.asyncDispose]();
  const filesPerStream = (days * DAY_US) / FILE_US;
  const startedAt = performance.now();
  build(file, streams, filesPerStream);
  const buildS = (performance.now() - startedAt) / 1000;
  await using store = await openStore({ file, log: createSilentLog() });
  const measured = await measureQueries(new ChunkQueries(store.rows), streams, days);
  const rows = measured.map(({ query, times, p50, p99, target, cpu }) => [
    ...[query, String(times), p50.toFixed(2), p99.toFixed(2), String(target), cpu.toFixed(2)],
  ]);
  const segments = (streams * filesPerStream * SEGMENTS_PER_FILE).toLocaleString('en');
  const gib = (statSync(file).size / 2 ** 30).toFixed(2);
  return [
    `${streams} streams of ${days} days: ${segments} segments of two tracks, ${gib} GiB of SQLite, built in ${buildS.toFixed(0)} s`,
    printTable(['query', 'times', 'p50 ms', 'p99 ms', 'target', 'CPU ms'], rows),
  ].join('\n\n');
}

/** Times of one query, ms. */
interface QueryTimes {
  readonly query: string;
  readonly times: number;
  readonly p50: number;
  readonly p99: number;
  /** At p99, for SQLite. */
  readonly target: number;
  /** Of the calling thread, per query. */
  readonly cpu: number;
}

/** Measures the queries of timelines and playlists in an index that `build` has made. */
export async function measureQueries(
  chunks: ChunkQueries,
  streams: number,
  days: number,
): Promise<readonly QueryTimes[]> {
  const filesPerStream = (days * DAY_US) / FILE_US;
  const endUs = START_US + filesPerStream * FILE_US;
  const random = (below: number) => Math.floor(Math.random() * below);
  const recording = (stream: number) => new RecordingReader({ streamId: streamId(stream), chunks, endUs });
  const again = recording(0);
  await playlistOfDay(again, 0);
  return [
    await time('a segment by its MSN', 3000, 5, () =>
      recording(random(streams)).find(FIRST_MSN + random(filesPerStream * SEGMENTS_PER_FILE)),
    ),
    await time('the segments of a ten-minute window', 1000, 5, () => {
      const fromUs = START_US + random((days * DAY_US) / 600e6) * 600e6;
      return recording(random(streams)).between(fromUs, fromUs + 600e6);
    }),
    await time('the spans of a day, for the timeline', 300, 50, () => {
      const fromUs = START_US + random(days) * DAY_US;
      return chunks.spansBetween(streamId(random(streams)), fromUs, fromUs + DAY_US);
    }),
    await time('a playlist of 24 hours, first time', 40, 50, () =>
      playlistOfDay(recording(random(streams)), random(days)),
    ),
    await time('the key frames of a day, for a time-lapse', 40, 100, () =>
      keyFramesOfDay(recording(random(streams)), random(days)),
    ),
    await time('the same playlist, again', 40, 50, () => playlistOfDay(again, 0)),
  ];
}

async function time(query: string, most: number, target: number, work: () => Promise<unknown>): Promise<QueryTimes> {
  const times = orTiny(most, 3);
  // V8 compiles during the first queries.
  for (let i = 0; i < times / 10; i++) await work();
  const took: number[] = [];
  const before = process.threadCpuUsage();
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work();
    took.push(performance.now() - from);
  }
  const { user, system } = process.threadCpuUsage(before);
  const [p50, p99] = [quantile(sorted(took), 0.5), quantile(sorted(took), 0.99)];
  return { query, times, p50, p99, target, cpu: (user + system) / 1000 / times };
}

function playlistOfDay(recording: RecordingReader, day: number): Promise<unknown> {
  const stream = servedStreamOf('door', recording, START_US);
  stream.inits.of([videoTrack, audioTrack]);
  const fromUs = START_US + day * DAY_US;
  return answerPastPlaylist(stream, { range: { fromUs, toUs: fromUs + DAY_US } }, 'av0');
}

function keyFramesOfDay(recording: RecordingReader, day: number): Promise<unknown> {
  const stream = servedStreamOf('door', recording, START_US);
  stream.inits.of([videoTrack, audioTrack]);
  const fromUs = START_US + day * DAY_US;
  const { signal } = new AbortController();
  return selectKeySegments(stream, { fromUs, toUs: fromUs + DAY_US }, 1_500, { signal });
}

export function streamId(stream: number): string {
  return `m5x0c1k2-${String(stream).padStart(12, '0')}`;
}

/** Inserts files in order of time over all streams, as recorders do. */
export function build(file: string, streams: number, filesPerStream: number): void {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000');
    const columns = Object.keys(fileRow(0));
    const insert = db.prepare(`INSERT INTO chunk_file (${columns.join()}) VALUES (${columns.map(() => '?').join()})`);
    for (let index = 0; index < filesPerStream; index++) {
      if (index % 1440 === 0) {
        if (index > 0) db.exec('COMMIT');
        db.exec('BEGIN');
        say(`day ${index / 1440 + 1}`);
      }
      const { stream_id: _, ...row } = fileRow(index);
      const values = Object.values(row);
      for (let stream = 0; stream < streams; stream++) insert.run(streamId(stream), ...values);
    }
    db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

/** The row of the file that starts `index` minutes after the first, of no stream. */
export function fileRow(index: number) {
  let end = 2048;
  const track = (trackId: number, length: number, duration: number, segment: number, samples: number, crc: number) => {
    const offset = end;
    end += length;
    return { trackId, offset, length, tfdt: segment * duration, duration, firstPtsOffset: 0, flags: 1, samples, crc };
  };
  const groups = Array.from({ length: SEGMENTS_PER_FILE }, (_, i): CommittedGroup => {
    const segment = index * SEGMENTS_PER_FILE + i;
    const msn = FIRST_MSN + segment;
    const tracks = [
      track(1, 600_000 + ((msn * 7919) % 50_000), 180_000, segment, 50, (msn * 2_654_435_761) % 2 ** 32),
      track(2, 32_000 + ((msn * 104_729) % 900), 96_000, segment, 93 + (msn % 2), (msn * 40_503) % 2 ** 32),
    ];
    end += 250;
    return {
      msn,
      run: 1,
      utcOffsetUs: START_US,
      clock: 'source',
      startUs: START_US + segment * SEGMENT_US,
      durationUs: SEGMENT_US,
      discontinuity: false,
      discontinuitySequence: 0,
      gaps: [],
      tracks,
    };
  });
  const location = segmentLocation(`recordings/${streamId(0)}/2026/11/19/08/20261119T080000Z-${groups[0]!.msn}.mp4`);
  return chunkRow(
    '',
    location,
    end,
    groups.map((group) => ({ ...group, location, initNumber: 1 })),
  );
}
