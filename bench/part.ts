/**
 * `npm run bench -- part`: how long after its last frame left the demuxer a part is in the list that a waiting player gets.
 * In: frames as a live encoder sends them, in real time, through stream, packager, delivery and HTTP. Out: times, in Markdown and JSON.
 * The aim is 50 ms. Time counts from the publication of the last frame that the part contains, of whichever track, to the moment
 * the answer to the blocking reload is read.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalSegmentStore } from '../src/archive/local-segment-store.ts';
import { openRangeReader } from '../src/archive/range-reader.ts';
import { createMediaRouter } from '../src/delivery/media-router.ts';
import { Stills } from '../src/delivery/stills.ts';
import { startTestServer } from '../src/http/fixture.ts';
import { createSystemClock } from '../src/lib/clock.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../src/live/frames.fixture.ts';
import type { Stream } from '../src/live/stream.ts';
import { readBoxes } from '../src/media/isobmff/box.ts';
import { parseMoof } from '../src/media/isobmff/fragment-reader.ts';
import { createSilentLog } from '../src/observe/log.ts';
import type { LiveWindow } from '../src/packager/live-window.ts';
import { ChunkTable } from '../src/recording/chunk-table.ts';
import { RecordingReader } from '../src/recording/recording-reader.ts';
import { openStore } from '../src/store/db.ts';
import { openBenchStream } from './bench-stream.ts';
import { printTable, share } from './table.ts';

/** One frame rate. */
export interface PartRow {
  readonly frameRate: number;
  readonly delay: number;
  readonly parts: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** What the benchmark found; ms. */
export interface PartReport {
  readonly bench: 'part';
  readonly aim: number;
  readonly rows: readonly PartRow[];
}

const tracks = [videoTrack(), audioTrack()] as const;

/** When each frame was published, ms, by track and dts. */
type Published = Map<number, Map<number, number>>;

/** Runs each frame rate for so many seconds. */
export async function benchPart({
  seconds,
  say,
}: {
  seconds: number;
  say: (text: string) => void;
}): Promise<PartReport> {
  const rows: PartRow[] = [];
  for (const [frameRate, delay] of [
    [25, 0],
    [30, 2],
    [59.94, 0],
  ] as const) {
    say(`${frameRate} fps, ${seconds} s`);
    rows.push(await measure(frameRate, delay, seconds));
  }
  return { bench: 'part', aim: 50, rows };
}

/** The report for people. */
export function printPartReport({ aim, rows }: PartReport): string {
  const head = ['frames a second', 'B-frame delay', 'parts', 'p50 ms', 'p99 ms', `worst ms (aim ${aim})`];
  const body = rows.map(({ frameRate, delay, parts, p50, p99, worst }) => [
    ...[frameRate, delay, parts].map(String),
    ...[p50, p99, worst].map((ms) => ms.toFixed(1)),
  ]);
  return `From the last frame of a part to the list that names it, read by a waiting player\n\n${printTable(head, body)}`;
}

async function measure(frameRate: number, delay: number, seconds: number): Promise<PartRow> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-part-'));
  try {
    await using store = await openStore({ file: join(folder, 'oxbow.db'), log: createSilentLog() });
    const clock = createSystemClock();
    const table = new ChunkTable(store.db, () => store.fence);
    const recording = new RecordingReader({ streamId: 's', table, endUs: 0 });
    const segments = openLocalSegmentStore({ folder });
    const reader = openRangeReader(segments);
    const closing = new AbortController();
    const stills = new Stills({ reader, signal: closing.signal, makeStill: async () => new Uint8Array() });
    const { stream, served } = openBenchStream('cam', { clock, nextMsn: 100, recording });
    const answer = createMediaRouter({ find: () => served, clock, reader, stills });
    await using server = await startTestServer({ answer });
    const published: Published = new Map(tracks.map(({ id }) => [id, new Map()]));
    const feeding = feed(stream, frameRate, delay, seconds, published);
    const took = await follow(`${server.url}/live/cam/av0/g1.m3u8`, served.list, published, seconds);
    await feeding;
    closing.abort();
    reader[Symbol.dispose]();
    await segments[Symbol.asyncDispose]();
    took.sort((a, b) => a - b);
    return { frameRate, delay, parts: took.length, p50: share(took, 0.5), p99: share(took, 0.99), worst: took.at(-1)! };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Publishes each frame when its decode time has come, as a demuxer behind a socket does. */
async function feed(stream: Stream, rate: number, delay: number, seconds: number, published: Published): Promise<void> {
  const pictures = videoFrames({ track: tracks[0], seconds, rate, gopS: 1, delay, maxBytes: 20_000 });
  const frames = interleave(tracks, [pictures, audioFrames({ track: tracks[1], seconds })]);
  const first = frames[0]!;
  const startS = first.dts / tracks[first.trackId - 1]!.timescale;
  stream.startRun({
    tracks,
    utcOffsetUs: Math.round((Date.now() / 1000 - startS) * 1e6),
    clock: 'source',
    pace: { kind: 'continuous' },
  });
  const startedAt = performance.now();
  for (const frame of frames) {
    const dueMs = (frame.dts / tracks[frame.trackId - 1]!.timescale - startS) * 1000;
    const waitMs = dueMs - (performance.now() - startedAt);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    published.get(frame.trackId)!.set(frame.dts, performance.now());
    stream.publish(frame);
  }
  stream.offline('done');
}

/** Follows the list as a player does, part by part. */
async function follow(url: string, list: LiveWindow, published: Published, seconds: number): Promise<number[]> {
  while (!list.ready) await new Promise((resolve) => setTimeout(resolve, 50));
  const until = performance.now() + (seconds - 6) * 1000;
  const took: number[] = [];
  let [msn, part] = [list.segments.at(-1)!.msn + 1, 0];
  while (performance.now() < until) {
    const response = await fetch(`${url}?_HLS_msn=${msn}&_HLS_part=${part}`);
    const text = await response.text();
    const readAt = performance.now();
    const uri = `${msn}.${part}.m4s`;
    if (!text.includes(`"${uri}"`)) {
      msn++;
      part = 0;
      continue;
    }
    took.push(readAt - lastPublished(list, msn, part, published));
    part++;
  }
  return took;
}

/** When the last frame that lies in the part was published. */
function lastPublished(list: LiveWindow, msn: number, part: number, published: Published): number {
  const { parts } = list.find(msn)!;
  const times = tracks.flatMap(({ id }) => {
    const bytes = parts.get(id)?.[part]?.bytes;
    if (!bytes) return [];
    const moof = readBoxes(bytes).find(({ type }) => type === 'moof')!;
    const { tfdt, durations } = parseMoof(bytes, moof)[0]!;
    const dts = durations.slice(0, -1).reduce((sum, one) => sum + one, tfdt!);
    const at = published.get(id)!.get(dts);
    if (at === undefined) throw new Error(`no frame of track ${id} was published for ${dts}`);
    return [at];
  });
  return Math.max(...times);
}
