/**
 * Days of many recorded streams on a simulated clock: real streams, packagers, recorders, chunk files, index
 * and retention.
 * In: a seed, streams, days. Out: figures and problems, once a simulated day. Outages, restarts, kills and
 * clock steps are by chance.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import type { Frame } from '@oxbow/media/frame';
import { videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { seeded } from '@oxbow/media/random.fixture';
import { loadConfig } from '../../src/config/load.ts';
import { answerPastPlaylist } from '../../src/delivery/past/past.ts';
import type { PullContext } from '../../src/ingest/pull/context.ts';
import { noCounters } from '../../src/ingest/pull/pull-log.ts';
import { RunFeeder } from '../../src/ingest/pull/run/run-feeder.ts';
import { collectGarbage } from '../../src/lib/memory/heap.ts';
import { Retention } from '../../src/recording/retention.ts';
import { readTimeline, type Timeline } from '../../src/recording/timeline.ts';
import { WINDOW_US } from '../../src/recording/window.ts';
import type { ManagedStream } from '../../src/streams/managed-stream.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from '../../src/streams/streams.fixture.ts';
import { checkMediaPlaylist } from '../conformance/checker.ts';
import { VirtualTime } from '../fixtures/virtual-time.ts';

const SEGMENT_S = 10;
const SEGMENT_MS = 1000 * SEGMENT_S;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What is published between two looks at the disk waits in memory. */
const SETTLE_EVERY_MS = 60_000;
const RETENTION_EVERY_MS = 600_000;
/** A process that ends is away for this long. */
const DOWN_MS = 20_000;
/** Renewals of the lease would be most statements of the database. */
const LEASE_TTL_MS = 100 * DAY_MS;
/** Windows whose playlists are printed and checked at each look, of as many streams. */
const PLAYLISTS = 3;
/** V8 compiles rare paths for days: in three days of 20 streams code grows by 1 MB, and nothing else does. */
const CODE_SPACES = /code|trusted/;
/**
 * What `keep` may be exceeded by: the window that is due, the pauses after two clock steps and how far one
 * sets the clock back, the grace period and the time between passes.
 */
const LATE_MS = 600_000 + 3 * HOUR_MS + 60_000 + 2 * RETENTION_EVERY_MS;

/** Parameters of a simulation. */
export interface LongRunOptions {
  readonly seed: number;
  readonly streams: number;
  /** Simulated time, ms. */
  readonly lengthMs: number;
  /** Simulated time between two looks, ms; a multiple of a minute. */
  readonly lookEveryMs: number;
  /** Retention time, ms. */
  readonly keepMs: number;
}

/** What a look found. */
export interface Look {
  /** Simulated time since the beginning, ms. */
  readonly atMs: number;
  /** Segments that were published so far. */
  readonly segments: number;
  /** Files in the data folder. */
  readonly files: number;
  /** Rows of the index: one per chunk file. */
  readonly indexRows: number;
  /** Rows of all other tables of the database. */
  readonly otherRows: number;
  /** Objects after a collection, without compiled code, bytes. */
  readonly heapBytes: number;
  readonly restarts: number;
  readonly clockSteps: number;
  readonly outages: number;
  /** What is wrong; empty if nothing is. */
  readonly problems: readonly string[];
}

/** A source and what it has sent. */
interface Sender {
  readonly name: string;
  feeder: RunFeeder | undefined;
  /** It is down until then, ms of simulated time. */
  downUntilMs: number;
  isDown: boolean;
  /** Published since `markUs`. */
  sinceMark: number;
  /** End of its recording when the count began, µs since 1970. */
  markUs: number;
}

/** Runs the simulation; yields a look at each interval. */
export async function* longRun(options: LongRunOptions): AsyncGenerator<Look> {
  const { streams: count, lengthMs, lookEveryMs, keepMs } = options;
  const random = seeded(options.seed);
  const chance = (oneIn: number) => random(oneIn) === 0;
  const senders = Array.from({ length: count }, (_, i): Sender => {
    return { name: `s${i}`, feeder: undefined, downUntilMs: 0, isDown: false, sinceMark: 0, markUs: 0 };
  });
  const byName = new Map(senders.map((sender) => [sender.name, sender]));
  let rig: StreamsRig | undefined;
  let offsetMs = 0;
  using time = new VirtualTime(
    (ms) => rig?.clock.advance(ms),
    () => random(2 ** 20) / 2 ** 20,
  );
  await using place = await temporaryFolder();
  const folder = join(place.path, 'data');
  await mkdir(folder);
  const { config } = await loadConfig({});

  const begin = async () => {
    const opened = await openStreams({
      folder,
      nowMs: START_MS + time.nowMs + offsetMs,
      leaseTtlMs: LEASE_TTL_MS,
      closed: true,
      config: {
        hls: { ...config.hls, segmentDuration: SEGMENT_MS },
        record: { ...config.record, sync: 'off', keep: keepMs },
      },
      runSource(definition, input, { signal }) {
        const context = { clock: opened.clock, counters: noCounters, log: { info() {}, warn() {} } };
        byName.get(definition.name)!.feeder = new RunFeeder(input, context as unknown as PullContext);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve('stopped'), { once: true }));
      },
    });
    rig = opened;
    await opened.control.open();
    for (const { name } of senders) {
      if (!opened.catalog.find(name))
        await opened.api.create(name, { source: { type: 'pull', url: 'http://tv.example/' } });
    }
    const { clock, recordings } = opened.deps;
    const { table, chunks, pins, horizons, stats } = recordings;
    const retention = new Retention({
      segments: opened.segments,
      table,
      chunks,
      clock,
      horizons,
      settings: { now: { record: { maxDisk: undefined } } },
      pinned: (id) => pins.ranges(id),
      streams: () => opened.catalog.recordings.retentionRules,
      open: (id) => opened.catalog.recordings.oldestOpen(id),
      onDeletedBefore: (id, us) => opened.catalog.recordings.setDeletedBefore(id, us),
      onHorizon: (id, us) => stats.removeBefore(id, us, []),
      release() {},
      deleted() {},
      failed(error) {
        throw error;
      },
    });
    return { rig: opened, retention };
  };

  let current = await begin();
  let segments = 0;
  let [restarts, clockSteps, outages] = [0, 0, 0];
  /** Segments of each stream that a kill may have cost since the mark. */
  let mayBeLost = 0;
  /** How far the wall clock is behind the furthest that it has been ahead: media continues from there. */
  let aheadMs = 0;
  const random0 = random(HOUR_MS);
  let nextRestartMs = HOUR_MS + random0;
  let nextStepMs = 2 * HOUR_MS + random(HOUR_MS);
  let warm: Look | undefined;

  const mark = () => {
    mayBeLost = 0;
    for (const sender of senders) {
      sender.markUs = current.rig.catalog.get(sender.name).served.recording.endUs;
      sender.sinceMark = 0;
    }
  };

  while (time.nowMs < lengthMs) {
    await time.runUntil(time.nowMs + SEGMENT_MS);
    const nowMs = time.nowMs;
    for (const sender of senders) {
      if (sender.isDown && nowMs >= sender.downUntilMs) sender.isDown = false;
      else if (!sender.isDown && chance(5000)) {
        outages++;
        sender.isDown = true;
        sender.downUntilMs = nowMs + SEGMENT_MS * (1 + random(chance(10) ? 360 : 12));
        sender.feeder?.absent(chance(2) ? 'source-down' : 'source-skipped', 'HTTP 503');
      }
      if (sender.isDown || !sender.feeder) continue;
      publish(sender.feeder, Math.round(nowMs / SEGMENT_MS), current.rig.clock.nowMs());
      sender.sinceMark++;
      segments++;
    }
    if (nowMs % SETTLE_EVERY_MS === 0) await written(current.rig);
    if (nowMs >= nextStepMs) {
      nextStepMs = nowMs + HOUR_MS * (4 + random(16));
      clockSteps++;
      const steps = aheadMs > HOUR_MS / 2 ? [HOUR_MS] : [-HOUR_MS, -60_000, -3000, 1500, 20_000, 300_000, HOUR_MS];
      const byMs = steps[random(steps.length)]! + random(1000);
      offsetMs += byMs;
      aheadMs = Math.max(0, aheadMs - byMs);
      current.rig.clock.step(byMs);
    }
    // Memory is compared of processes that have run for a while.
    const sinceLookMs = nowMs % lookEveryMs;
    if (nowMs >= nextRestartMs && sinceLookMs > 0 && sinceLookMs < lookEveryMs * (2 / 3)) {
      nextRestartMs = nowMs + HOUR_MS * (3 + random(9));
      restarts++;
      const left = chance(2) ? await current.rig.crash() : undefined;
      await current.rig[Symbol.asyncDispose]();
      rig = undefined;
      if (left) {
        mayBeLost++;
        await rm(folder, { recursive: true });
        await rename(left.path, folder);
      }
      for (const sender of senders) sender.feeder = undefined;
      await time.runUntil(nowMs + DOWN_MS);
      current = await begin();
    }
    if (nowMs % RETENTION_EVERY_MS === 0) await current.retention.pass();
    if (nowMs % lookEveryMs === lookEveryMs - HOUR_MS) {
      await written(current.rig);
      mark();
    }
    if (nowMs % lookEveryMs !== 0) continue;
    await written(current.rig);
    const problems = await problemsOf(current.rig, senders, { keepMs, aheadMs, mayBeLost });
    current.rig.logged.length = 0;
    current.rig.events.length = 0;
    current.rig.released.length = 0;
    const found = await figures(current.rig, folder);
    const look = { ...found, atMs: nowMs, segments, restarts, clockSteps, outages, problems };
    // In the first hours all code is compiled, and the recordings fill up.
    if (nowMs >= keepMs + LATE_MS) warm ??= look;
    if (warm) problems.push(...growthOf(look, warm, options));
    yield look;
  }
  await current.rig[Symbol.asyncDispose]();
}

/**
 * Resolves when all that was published is on the disk. `settle` of the rig looks at every turn of the event
 * loop: half of all CPU time.
 */
async function written({ catalog }: StreamsRig): Promise<void> {
  const { all } = catalog;
  while (!all.every(({ files }) => files.isQuiet)) await pause(1);
}

/** Publishes a segment of two pictures as a pull does that has just fetched the newest segment of a list. */
function publish(feeder: RunFeeder, msn: number, arrivedMs: number): void {
  const step = (SEGMENT_S / 2) * videoTrack.timescale;
  const frames = [0, 1].map((i): Frame => {
    const dts = (2 * msn + i) * step;
    const data = Uint8Array.of(
      0,
      0,
      0,
      16,
      i === 0 ? 0x65 : 0x41,
      msn >> 16,
      msn >> 8,
      msn,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      1,
    );
    return { trackId: videoTrack.id, dts, pts: dts, duration: step, key: i === 0, data };
  });
  const segment = {
    msn,
    url: SOURCE,
    durationS: SEGMENT_S,
    targetDurationS: SEGMENT_S,
    discontinuity: false,
    discontinuitySequence: 0,
    dated: false,
    toEdgeS: SEGMENT_S,
    arrivedMs,
    ended: false,
    epoch: 0,
  };
  feeder.publish(segment, { groups: [{ tracks, frames }], damages: [] });
}
const SOURCE = new URL('http://tv.example/1.ts');
const tracks = [videoTrack];

/** What is expected at a look. */
interface Expected {
  readonly keepMs: number;
  /** How far media is ahead of the wall clock at most, ms. */
  readonly aheadMs: number;
  readonly mayBeLost: number;
}

/** Compares what is recorded and listed with what was published. */
async function problemsOf(rig: StreamsRig, senders: readonly Sender[], expected: Expected): Promise<string[]> {
  const problems: string[] = [];
  for (const [i, sender] of senders.entries()) {
    const stream = rig.catalog.get(sender.name);
    const found = await streamProblems(rig, stream, sender, expected);
    if (i < PLAYLISTS) found.push(...(await playlistProblems(rig, stream)));
    problems.push(...found.map((problem) => `${sender.name}: ${problem}`));
  }
  return problems;
}

async function streamProblems(
  rig: StreamsRig,
  stream: ManagedStream,
  { sinceMark, markUs, isDown }: Sender,
  { keepMs, aheadMs, mayBeLost }: Expected,
): Promise<string[]> {
  const problems: string[] = [];
  const timeline = await wholeTimeline(rig, stream);
  const lengthUs = timeline.toUs - timeline.fromUs;
  let [sumUs, atUs] = [0, timeline.fromUs];
  for (const { fromUs, toUs, kind, detail } of timeline.pieces) {
    sumUs += toUs - fromUs;
    if (fromUs !== atUs || toUs <= fromUs) problems.push(`a piece from ${fromUs} to ${toUs} follows ${atUs}`);
    if (kind === 'disk' || kind === 'deleted' || kind === 'internal')
      problems.push(`${(toUs - fromUs) / 1e6} s are ${kind}: ${detail}`);
    atUs = toUs;
  }
  if (sumUs !== lengthUs) problems.push(`its pieces are ${sumUs} of ${lengthUs} µs`);
  const [leastUs, mostUs] = [-2 * SEGMENT_MS, aheadMs + SEGMENT_MS].map((ms) => (rig.clock.nowMs() + ms) * 1000) as [
    number,
    number,
  ];
  if (timeline.toUs < leastUs || timeline.toUs > mostUs) {
    problems.push(`its timeline ends ${timeline.toUs / 1e6 - rig.clock.nowMs() / 1000} s after now`);
  }
  const keptFromUs = Math.max(stream.served.createdUs, timeline.toUs - keepMs * 1000);
  if (timeline.fromUs > keptFromUs) problems.push(`${(timeline.fromUs - keptFromUs) / 1e6} s are not kept`);
  const recorded = (await stream.served.recording.between(markUs, Number.MAX_SAFE_INTEGER)).length;
  // The newest one waits for its successor.
  const missing = sinceMark - recorded;
  if (missing < 0 || missing > (isDown ? 0 : 1) + mayBeLost)
    problems.push(`${missing} of ${sinceMark} segments are missing`);
  return problems;
}

function wholeTimeline(rig: StreamsRig, stream: ManagedStream): Promise<Timeline> {
  const nowUs = Math.round(rig.clock.nowMs() * 1000);
  const untilUs = Math.max(nowUs, stream.served.recording.endUs) + 1;
  return readTimeline(stream.served.recording, rig.deps.recordings.chunks, stream.served.timelineEnd, 0, untilUs);
}

/** Prints a playlist of the past, and checks it. */
async function playlistProblems(rig: StreamsRig, stream: ManagedStream): Promise<string[]> {
  const { windows } = await wholeTimeline(rig, stream);
  const window = windows[windows.length >> 1];
  if (!window) return ['it has no windows'];
  const range = { fromUs: window.fromUs, toUs: window.fromUs + WINDOW_US };
  const { body } = await answerPastPlaylist(stream.served, { range }, 'v0');
  const text = Buffer.concat(body as readonly Uint8Array[]).toString();
  const findings = checkMediaPlaylist(`/vod/${stream.name}/v0.m3u8`, text).filter(
    ({ severity }) => severity === 'must',
  );
  const listed = text.match(/#EXTINF/g)?.length ?? 0;
  return [
    ...findings.map(({ rule }) => `the playlist of a window breaks ${rule}`),
    ...(listed === window.groups ? [] : [`a playlist lists ${listed} of ${window.groups} segments`]),
  ];
}

/** Counts what must not grow. */
async function figures(
  rig: StreamsRig,
  folder: string,
): Promise<Pick<Look, 'files' | 'indexRows' | 'otherRows' | 'heapBytes'>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  ).length;
  const tables = await rig.store.db.introspection.getTables();
  let [indexRows, otherRows] = [0, 0];
  for (const { name } of tables) {
    const all = rig.store.db.selectFrom(name as 'chunk_file');
    const { rows } = await all.select(({ fn }) => fn.countAll<number>().as('rows')).executeTakeFirstOrThrow();
    if (name === 'chunk_file') indexRows += rows;
    else otherRows += rows;
  }
  collectGarbage();
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => !CODE_SPACES.test(name));
  return { files, indexRows, otherRows, heapBytes: spaces.reduce((sum, { space_used_size: used }) => sum + used, 0) };
}

/** What is more than retention allows, and what has grown since the simulation was warm. */
function growthOf(look: Look, warm: Look, { streams, keepMs }: LongRunOptions): string[] {
  const keptMs = keepMs + LATE_MS;
  // A file ends with each minute, with each ten-minute mark, and with each run.
  const mostFiles = streams * (1.25 * (keptMs / 60_000) + 10);
  // What closed captions a run has is one row; statistics are one row per ten minutes.
  const runs = look.outages + streams * (1 + look.restarts + look.clockSteps + look.atMs / DAY_MS);
  const mostOther = 50 + streams * (10 + keptMs / 600_000) + runs;
  const found: string[] = [];
  if (look.indexRows > mostFiles) found.push(`${look.indexRows} rows of the index, expected at most ${mostFiles}`);
  if (look.files > mostFiles + 4 * streams + 20) found.push(`${look.files} files, expected at most ${mostFiles}`);
  if (look.otherRows > mostOther) found.push(`${look.otherRows} other rows, expected at most ${mostOther}`);
  const grown = look.heapBytes / warm.heapBytes - 1;
  if (grown > 0.05) found.push(`the heap has grown by ${(100 * grown).toFixed(1)} % since it was warm`);
  return found;
}
