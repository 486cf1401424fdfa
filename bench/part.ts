/**
 * `npm run bench -- part`: the time from the last frame of a part to the playlist that lists it, as a waiting
 * player receives it.
 * In: frames in real time, as from a live encoder, through stream, packager, delivery and HTTP. Out: a table
 * of times; the target is 50 ms. The time starts when the last frame of the part, video or audio, is
 * published, and ends when the client has read the held response.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { parseMoof } from '@oxbow/media/isobmff/fragment-reader';
import { openLocalSegmentStore } from '../src/archive/local-segment-store.ts';
import { openRangeReader } from '../src/archive/range-reader.ts';
import { createMediaRouter } from '../src/delivery/media-router.ts';
import { Stills } from '../src/delivery/stills.ts';
import { startTestServer } from '../src/http/fixture.ts';
import { createSystemClock } from '../src/lib/clock.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../src/live/frames.fixture.ts';
import type { Stream } from '../src/live/stream.ts';
import { createSilentLog } from '../src/observe/log.ts';
import type { LiveWindow } from '../src/packager/live-window.ts';
import { ChunkQueries } from '../src/recording/chunks/chunk-queries.ts';
import { RecordingReader } from '../src/recording/recording-reader.ts';
import { openStore } from '../src/store/db.ts';
import { openFolder } from '../test/fixtures/server.ts';
import { openBenchStream } from './bench-stream.ts';
import { printTable, quantile, say, sorted } from './report.ts';
import { orTiny } from './tiny.ts';

const tracks = [videoTrack(), audioTrack()] as const;

/** Frames per second, and frames by which B-frames delay them. */
const RATES = [
  [25, 0],
  [30, 2],
  [59.94, 0],
] as const;

/** When each frame was published, ms, by track and dts. */
type Published = Map<number, Map<number, number>>;

/** Measures each frame rate for `seconds` and returns the report. */
export async function benchPart(seconds: number): Promise<string> {
  const rows: string[][] = [];
  for (const [frameRate, delay] of orTiny<readonly (typeof RATES)[number][]>(RATES, RATES.slice(0, 1))) {
    say(`${frameRate} fps, ${seconds} s`);
    const took = sorted(await measure(frameRate, delay, seconds));
    const ms = [quantile(took, 0.5), quantile(took, 0.99), quantile(took, 1)].map((value) => value.toFixed(1));
    rows.push([String(frameRate), String(delay), String(took.length), ...ms]);
  }
  const head = ['frames per second', 'B-frame delay', 'parts', 'p50 ms', 'p99 ms', 'worst ms (target 50)'];
  return printTable(head, rows);
}

/** Times of all parts, ms. */
async function measure(frameRate: number, delay: number, seconds: number): Promise<number[]> {
  await using folder = await openFolder('bench-part');
  await using store = await openStore({ file: join(folder.path, 'oxbow.db'), log: createSilentLog() });
  const clock = createSystemClock();
  const chunks = new ChunkQueries(store.rows);
  const recording = new RecordingReader({ streamId: 's', chunks, endUs: 0 });
  await using segments = openLocalSegmentStore({ folder: folder.path });
  using reader = openRangeReader(segments);
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
  return took;
}

/** Publishes each frame at its decode time, as a demuxer does. */
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
    if (waitMs > 0) await pause(waitMs);
    published.get(frame.trackId)!.set(frame.dts, performance.now());
    stream.publish(frame);
  }
  stream.offline('done');
}

/** Requests part after part of the playlist, as a player does. Returns the time of each, ms. */
async function follow(url: string, list: LiveWindow, published: Published, seconds: number): Promise<number[]> {
  while (!list.ready) await pause(50);
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

/** When the last frame of a part was published, ms. */
function lastPublished(list: LiveWindow, msn: number, part: number, published: Published): number {
  const { parts } = list.find(msn)!;
  const times = tracks.flatMap(({ id }) => {
    const bytes = parts.get(id)?.[part]?.bytes;
    if (!bytes) return [];
    const moof = readBoxes(bytes).find(({ type }) => type === 'moof')!;
    const { tfdt, durations } = parseMoof(bytes, moof)[0]!;
    const dts = durations.slice(0, -1).reduce((sum, duration) => sum + duration, tfdt!);
    const at = published.get(id)!.get(dts);
    if (at === undefined) throw new Error(`no frame of track ${id} was published for ${dts}`);
    return [at];
  });
  return Math.max(...times);
}
