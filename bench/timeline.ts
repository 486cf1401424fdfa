/**
 * `npm run bench -- timeline`: how fast the past is found and listed in an index of a hundred streams and thirty days.
 * In: an index of made-up files, in the real database. Out: times of look-ups, and of a list of 24 hours, in Markdown and JSON.
 * The aims are 5 ms at p99 for a look-up and 50 ms for the list.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { segmentLocation } from '../src/archive/segment-store.ts';
import { answerPastPlaylist } from '../src/delivery/past/past.ts';
import type { CommittedGroup } from '../src/media/isobmff/commit-box.ts';
import { audioTrack, videoTrack } from '../src/media/isobmff/media.fixture.ts';
import { createSilentLog } from '../src/observe/log.ts';
import { chunkRow } from '../src/recording/chunk-row.ts';
import { ChunkTable } from '../src/recording/chunk-table.ts';
import { RecordingReader } from '../src/recording/recording-reader.ts';
import { openStore } from '../src/store/db.ts';
import { deliverableOf } from './bench-stream.ts';
import { printTable, share } from './table.ts';

/** How large the index is made. */
export interface TimelineOptions {
  readonly streams: number;
  readonly days: number;
  readonly say: (text: string) => void;
}

/** Times of one kind of question, ms. */
export interface TimelineRow {
  readonly question: string;
  readonly times: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the asking thread, per question. */
  readonly cpu: number;
  readonly aim: number;
}

/** What the benchmark found. */
export interface TimelineReport {
  readonly bench: 'timeline';
  readonly streams: number;
  readonly days: number;
  readonly segments: number;
  readonly buildSeconds: number;
  readonly databaseBytes: number;
  readonly rows: readonly TimelineRow[];
}

/** Start of the index, µs since 1970: a ten-minute mark. */
const START_US = 1_794_999_600_000_000;
const SEGMENT_US = 2_000_000;
const SEGMENTS_PER_FILE = 30;
const FILE_US = SEGMENTS_PER_FILE * SEGMENT_US;
const DAY_US = 86_400_000_000;
const FIRST_MSN = 868_000_000;

/** Builds the index and asks it. */
export async function benchTimeline({ streams, days, say }: TimelineOptions): Promise<TimelineReport> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-timeline-'));
  try {
    const file = join(folder, 'oxbow.db');
    await (await openStore({ file, log: createSilentLog() }))[Symbol.asyncDispose]();
    const filesPerStream = (days * DAY_US) / FILE_US;
    const startedAt = performance.now();
    build(file, streams, filesPerStream, say);
    const buildSeconds = (performance.now() - startedAt) / 1000;
    await using store = await openStore({ file, log: createSilentLog() });
    const table = new ChunkTable(store.db, () => store.fence);
    const endUs = START_US + filesPerStream * FILE_US;
    const random = (below: number) => Math.floor(Math.random() * below);
    const recording = (stream: number) => new RecordingReader({ streamId: nameOf(stream), table, endUs });
    const rows = [
      await ask('a segment by its MSN', 3000, 5, () =>
        recording(random(streams)).find(FIRST_MSN + random(filesPerStream * SEGMENTS_PER_FILE)),
      ),
      await ask('the segments of a ten-minute window', 1000, 5, () => {
        const fromUs = START_US + random((days * DAY_US) / 600e6) * 600e6;
        return recording(random(streams)).between(fromUs, fromUs + 600e6);
      }),
      await ask('the spans of a day, for the timeline', 300, 50, () => {
        const fromUs = START_US + random(days) * DAY_US;
        return table.spansBetween(nameOf(random(streams)), fromUs, fromUs + DAY_US);
      }),
      await ask('a list of 24 hours, first time', 40, 50, () => listOfDay(recording(random(streams)), random(days))),
    ];
    const again = recording(0);
    await listOfDay(again, 0);
    rows.push(await ask('the same list, asked again', 40, 50, () => listOfDay(again, 0)));
    return {
      bench: 'timeline',
      streams,
      days,
      buildSeconds,
      rows,
      segments: streams * filesPerStream * SEGMENTS_PER_FILE,
      databaseBytes: statSync(file).size,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The report for people. */
export function printTimelineReport(report: TimelineReport): string {
  const { streams, days, segments, buildSeconds, databaseBytes, rows } = report;
  const head = ['question', 'times', 'p50 ms', 'p99 ms', 'aim ms', 'CPU ms'];
  const body = rows.map(({ question, times, p50, p99, aim, cpu }) => [
    ...[question, String(times), p50.toFixed(2), p99.toFixed(2), String(aim), cpu.toFixed(2)],
  ]);
  const size = (databaseBytes / 2 ** 30).toFixed(2);
  return [
    `${streams} streams of ${days} days: ${segments.toLocaleString('en')} segments of two tracks, ${size} GiB of database,`,
    `built in ${buildSeconds.toFixed(0)} s\n\n${printTable(head, body)}`,
  ].join(' ');
}

async function ask(question: string, times: number, aim: number, work: () => Promise<unknown>): Promise<TimelineRow> {
  // The first questions compile what answers them.
  for (let i = 0; i < times / 10; i++) await work();
  const took: number[] = [];
  const before = process.threadCpuUsage();
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work();
    took.push(performance.now() - from);
  }
  const { user, system } = process.threadCpuUsage(before);
  took.sort((a, b) => a - b);
  return { question, times, p50: share(took, 0.5), p99: share(took, 0.99), aim, cpu: (user + system) / 1000 / times };
}

const tracks = [videoTrack, audioTrack];

function listOfDay(recording: RecordingReader, day: number): Promise<unknown> {
  const stream = deliverableOf('door', recording, START_US);
  stream.inits.of(tracks);
  const fromUs = START_US + day * DAY_US;
  return answerPastPlaylist(stream, { range: { fromUs, toUs: fromUs + DAY_US } }, 'av0');
}

function nameOf(stream: number): string {
  return `m5x0c1k2-${String(stream).padStart(12, '0')}`;
}

/** In order of time over all streams, as recorders write them. */
function build(file: string, streams: number, filesPerStream: number, say: (text: string) => void): void {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000');
    const columns = Object.keys(rowOf('', 0));
    const insert = db.prepare(`INSERT INTO chunk_file (${columns.join()}) VALUES (${columns.map(() => '?').join()})`);
    for (let index = 0; index < filesPerStream; index++) {
      if (index % 1440 === 0) {
        if (index > 0) db.exec('COMMIT');
        db.exec('BEGIN');
        say(`day ${index / 1440 + 1}`);
      }
      const { stream_id: _, ...row } = rowOf('', index);
      const values = Object.values(row);
      for (let stream = 0; stream < streams; stream++) insert.run(nameOf(stream), ...values);
    }
    db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

/** The row of the file that starts `index` minutes after the first. */
function rowOf(streamId: string, index: number) {
  const startUs = START_US + index * FILE_US;
  let offset = 2048;
  const groups = Array.from({ length: SEGMENTS_PER_FILE }, (_, i): CommittedGroup => {
    const msn = FIRST_MSN + index * SEGMENTS_PER_FILE + i;
    const place = (length: number) => {
      const at = offset;
      offset += length;
      return { offset: at, length };
    };
    const shared = { firstPtsOffset: 0, flags: 1 };
    const time = index * SEGMENTS_PER_FILE + i;
    const group = {
      msn,
      run: 1,
      utcOffsetUs: START_US,
      clock: 'source' as const,
      startUs: startUs + i * SEGMENT_US,
      durationUs: SEGMENT_US,
      discontinuity: false,
      discontinuitySequence: 0,
      gaps: [],
      tracks: [
        {
          trackId: 1,
          ...place(600_000 + ((msn * 7919) % 50_000)),
          tfdt: time * 180_000,
          duration: 180_000,
          ...shared,
          samples: 50,
          crc: (msn * 2_654_435_761) % 2 ** 32,
        },
        {
          trackId: 2,
          ...place(32_000 + ((msn * 104_729) % 900)),
          tfdt: time * 96_000,
          duration: 96_000,
          ...shared,
          samples: 93 + (msn % 2),
          crc: (msn * 40_503) % 2 ** 32,
        },
      ],
    };
    offset += 250;
    return group;
  });
  const location = segmentLocation(`recordings/${nameOf(0)}/2026/11/19/08/20261119T080000Z-${groups[0]!.msn}.mp4`);
  const found = groups.map((group) => ({ ...group, location, initNumber: 1 }));
  return chunkRow(streamId, location, offset, found);
}
