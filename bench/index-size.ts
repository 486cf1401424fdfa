/**
 * `npm run bench -- index`: how large the index of an hour of recording is, per segment and track.
 * In: hours of made-up frames, through the real stream, packager, recorder and database. Out: a table in Markdown, and JSON.
 * The bound is 24 bytes; the packed segments are what it is about, the database's own bytes are shown beside them.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalSegmentStore } from '../src/archive/local-segment-store.ts';
import type { SegmentStore } from '../src/archive/segment-store.ts';
import { createManualClock } from '../src/lib/clock.ts';
import { seeded } from '../src/lib/random.fixture.ts';
import type { Pace } from '../src/live/input.ts';
import type { Frame, Track } from '../src/media/frame.ts';
import { createSilentLog } from '../src/observe/log.ts';
import { LiveWindow } from '../src/packager/live-window.ts';
import { createPipeline } from '../src/packager/pipeline.ts';
import { ChunkTable } from '../src/recording/chunk-table.ts';
import { InitTable } from '../src/recording/init-table.ts';
import { Recorder } from '../src/recording/recorder.ts';
import { RecordingReader } from '../src/recording/recording-reader.ts';
import { openStore } from '../src/store/db.ts';
import { printTable } from './table.ts';

/** An hour of one kind of stream. */
interface Kind {
  readonly name: string;
  readonly frameRate: number;
  /** Timestamps are rounded to milliseconds, as RTMP does. */
  readonly milliseconds: boolean;
  /** Shortest and longest distance of key frames, seconds. */
  readonly gopS: readonly [number, number];
  readonly sampleRate: number;
  readonly audioTracks: number;
  readonly videoBitrate: number;
  readonly pace: Pace;
  /** The source is away for 10 s so often, seconds. */
  readonly gapEveryS: number | undefined;
}

const even = { frameRate: 30, milliseconds: false, gopS: [2, 2], sampleRate: 48_000, audioTracks: 1 } as const;
const kinds: readonly Kind[] = [
  { ...even, name: 'pulled HLS, 30 fps, 2 s', videoBitrate: 2.4e6, pace: burst(2), gapEveryS: undefined },
  { ...even, name: 'a camera of 0.3 Mbit/s, 2 s', videoBitrate: 0.25e6, pace: burst(2), gapEveryS: undefined },
  {
    ...even,
    name: 'a camera of 0.3 Mbit/s, 6 s',
    gopS: [6, 6],
    videoBitrate: 0.25e6,
    pace: burst(6),
    gapEveryS: undefined,
  },
  { ...even, name: 'pulled HLS, a gap every 5 min', videoBitrate: 2.4e6, pace: burst(2), gapEveryS: 300 },
  {
    name: 'pushed, 29.97 fps in ms, key frames every 1 to 4 s',
    frameRate: 30_000 / 1001,
    milliseconds: true,
    gopS: [1, 4],
    sampleRate: 44_100,
    audioTracks: 1,
    videoBitrate: 5e6,
    pace: { kind: 'continuous' },
    gapEveryS: 900,
  },
  { ...even, name: 'pulled HLS, four languages', audioTracks: 4, videoBitrate: 2.4e6, pace: burst(2), gapEveryS: 900 },
];

function burst(segmentS: number): Pace {
  return { kind: 'bursty', intervalS: 1.5 * segmentS };
}

/** What the index of an hour came to. */
export interface IndexRow {
  readonly name: string;
  readonly segments: number;
  readonly tracks: number;
  readonly files: number;
  /** Bytes of the packed segments per segment and track. */
  readonly packed: number;
  /** Growth of the database file per segment and track, bytes. */
  readonly database: number;
  /** Of the frames that came in. */
  readonly mediaBytes: number;
  /** Blocks of the disk that recordings and index take, bytes. */
  readonly diskBytes: number;
}

/** What the benchmark found. */
export interface IndexReport {
  readonly bench: 'index';
  readonly bound: number;
  readonly rows: readonly IndexRow[];
}

/** Records an hour of each kind. */
export async function benchIndex(): Promise<IndexReport> {
  const rows: IndexRow[] = [];
  for (const kind of kinds) rows.push(await indexOf(kind, 3600));
  return { bench: 'index', bound: 24, rows };
}

/** The report for people. */
export function printIndexReport({ bound, rows }: IndexReport): string {
  const head = [
    ...['an hour of', 'segments', 'tracks', 'files', `packed (at most ${bound})`, 'database'],
    ...['KB of database for 1,000 segments (at most 1,000)', 'media, MB', 'on disk, MB', 'on disk by media'],
  ];
  const body = rows.map(({ name, segments, tracks, files, packed, database, mediaBytes, diskBytes }) => [
    ...[name, segments, tracks, files].map(String),
    ...[packed.toFixed(1), database.toFixed(1), (database * tracks).toFixed(1)],
    ...[(mediaBytes / 1e6).toFixed(1), (diskBytes / 1e6).toFixed(1), (diskBytes / mediaBytes).toFixed(4)],
  ]);
  return `Bytes of index per segment and track, and room on disk\n\n${printTable(head, body)}`;
}

async function indexOf(kind: Kind, seconds: number): Promise<IndexRow> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'oxbow-bench-index-'));
  const file = join(dataFolder, 'oxbow.db');
  const empty = join(dataFolder, 'empty', 'oxbow.db');
  try {
    await (await openStore({ file: empty, log: createSilentLog() }))[Symbol.asyncDispose]();
    const store = await openStore({ file, log: createSilentLog() });
    const table = new ChunkTable(store.db, () => store.fence);
    const streamId = 'm5x0c1k2-0123456789ab';
    const mediaBytes = await record(kind, seconds, {
      segments: openLocalSegmentStore({ folder: dataFolder }),
      streamId,
      table,
    });
    const files = await table.between(streamId, 0, Number.MAX_SAFE_INTEGER);
    await store[Symbol.asyncDispose]();
    const segments = files.reduce((sum, row) => sum + row.segment_count, 0);
    const tracks = 1 + kind.audioTracks;
    const packed = files.reduce((sum, row) => sum + row.segments.length, 0) / segments / tracks;
    const database = (statSync(file).size - statSync(empty).size) / segments / tracks;
    rmSync(join(dataFolder, 'empty'), { recursive: true });
    const diskBytes = blockBytes(dataFolder);
    return { name: kind.name, segments, tracks, files: files.length, packed, database, mediaBytes, diskBytes };
  } finally {
    rmSync(dataFolder, { recursive: true });
  }
}

function blockBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce((sum, entry) => {
    return sum + 512 * statSync(join(entry.parentPath, entry.name)).blocks;
  }, 0);
}

/** Returns the bytes of all frames. */
async function record(
  kind: Kind,
  seconds: number,
  where: { segments: SegmentStore; streamId: string; table: ChunkTable },
): Promise<number> {
  let bytes = 0;
  const clock = createManualClock();
  const recording = new RecordingReader({ ...where, endUs: 0 });
  const failures: string[] = [];
  const recorder = new Recorder({
    ...where,
    recording,
    sync: 'off',
    clock,
    previousMsn: 0,
    onCommitted: (msn) => list.recorded(msn),
    mayWrite: () => true,
    counters: {
      committed() {},
      lost: (cause, detail) => failures.push(`${cause}: ${detail}`),
      trouble: (detail) => failures.push(detail),
      bug: (error) => failures.push(String(error)),
      slow() {},
    },
  });
  const list = new LiveWindow();
  let generation = 0;
  const inits = new InitTable([], { save() {}, nowMs: () => clock.nowMs() });
  const past = { endUs: Math.round(clock.nowMs() * 1000), hasMedia: false, lastRun: 0, gaps: [] };
  const { stream, packager } = createPipeline({
    clock,
    past,
    settings: { partS: 0.2, segmentS: 2 },
    list,
    nextMsn: 868_123_456,
    initOf: (tracks) => inits.of(tracks),
    nextGeneration: () => ++generation,
  });
  packager.groups.subscribe((group) => recorder.write(group));
  const tracks = tracksOf(kind);
  const start = () =>
    stream.startRun({ tracks, utcOffsetUs: Math.round(clock.nowMs() * 1000), clock: 'arrival', pace: kind.pace });
  start();
  let gapAtS = kind.gapEveryS ?? Number.POSITIVE_INFINITY;
  let runAtS = 0;
  for (const gop of gops(kind, seconds)) {
    const atS = gop[0]!.dts / 90_000;
    if (atS >= gapAtS) {
      gapAtS += kind.gapEveryS!;
      runAtS += 10;
      stream.absent('source-down', 'connect ECONNREFUSED 203.0.113.7:443');
      clock.advance(10_000);
      start();
    }
    for (const frame of gop) {
      stream.publish(frame);
      bytes += frame.data.byteLength;
    }
    stream.flush();
    const lastS = gop[0]!.dts / 90_000 + kind.gopS[0] + runAtS;
    clock.advance(Math.max(0, lastS * 1000 - clock.monotonicMs()));
    // One GOP at a time, so that memory holds no hour of media.
    while (recorder.backlogBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  stream.offline('done');
  await recorder[Symbol.asyncDispose]();
  if (failures.length > 0) throw new Error(failures[0]);
  return bytes;
}

function tracksOf({ frameRate, sampleRate, audioTracks }: Kind): Track[] {
  const record = new Uint8Array([1, 100, 0, 31, 255, 224, 0]);
  const video: Track = {
    id: 1,
    kind: 'video',
    timescale: 90_000,
    language: 'und',
    label: '',
    config: { codec: 'h264', record, codecs: 'avc1.64001f', width: 1280, height: 720, frameRate },
  };
  const audio = Array.from({ length: audioTracks }, (_, i): Track => {
    const config = { codec: 'aac', record: new Uint8Array([0x11, 0x90]), codecs: 'mp4a.40.2', sampleRate, channels: 2 };
    return {
      id: 2 + i,
      kind: 'audio',
      timescale: sampleRate,
      language: 'und',
      label: '',
      config: { ...config, codec: 'aac' },
    };
  });
  return [video, ...audio];
}

/** Frames of all tracks, a GOP at a time; sizes vary as an encoder's do. The same for each run. */
function* gops(kind: Kind, seconds: number): Generator<Frame[]> {
  const whole = seeded(kind.name.length);
  const random = () => whole(2 ** 32) / 2 ** 32;
  const pool = new Uint8Array(1_000_000);
  const data = (mean: number) => pool.subarray(0, Math.ceil(mean * (0.5 + random())));
  const round = (ticks: number, timescale: number) =>
    kind.milliseconds ? Math.round((Math.round((ticks * 1000) / timescale) * timescale) / 1000) : Math.round(ticks);
  const frameTicks = 90_000 / kind.frameRate;
  const frameBytes = kind.videoBitrate / 8 / kind.frameRate;
  let index = 0;
  const audioAt = Array.from({ length: kind.audioTracks }, () => 0);
  while ((index * frameTicks) / 90_000 < seconds) {
    const [least, most] = kind.gopS;
    const length = Math.round((least + (most - least) * random()) * kind.frameRate);
    const frames: Frame[] = [];
    for (let i = 0; i < length; i++, index++) {
      const dts = round(index * frameTicks, 90_000);
      const duration = round((index + 1) * frameTicks, 90_000) - dts;
      const pts = dts + round(2 * frameTicks, 90_000);
      frames.push({ trackId: 1, dts, pts, duration, key: i === 0, data: data(i === 0 ? 6 * frameBytes : frameBytes) });
      const endS = (index + 1) * (frameTicks / 90_000);
      for (const [track, from] of audioAt.entries()) {
        let next = from;
        for (; (next * 1024) / kind.sampleRate < endS; next++) {
          const at = round(next * 1024, kind.sampleRate);
          const lasts = round((next + 1) * 1024, kind.sampleRate) - at;
          frames.push({ trackId: 2 + track, dts: at, pts: at, duration: lasts, key: true, data: data(340) });
        }
        audioAt[track] = next;
      }
    }
    yield frames;
  }
}
