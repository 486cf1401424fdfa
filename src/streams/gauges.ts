/**
 * Sets the gauges of all streams, caches and queues at each metrics scrape.
 * In: the catalog and the other sources. Out: gauges. Costs nothing between two scrapes.
 */
import type { StreamState } from '../api/shapes.ts';
import type { Viewers } from '../delivery/viewers.ts';
import type { JobKinds } from '../jobs/job-kinds.ts';
import type { Jobs } from '../jobs/jobs-api.ts';
import type { Workers } from '../jobs/workers.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Net } from '../net/net.ts';
import type { DiskForecast } from '../observe/disk-forecast.ts';
import type { ClockWatch } from '../observe/host-health.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Horizons } from '../recording/horizons.ts';
import type { Catalog } from './catalog.ts';
import type { Disk } from './disk.ts';
import { readPublisher } from './measure/publish-gauges.ts';
import { offClockReason } from './stream-reports.ts';

/** Sources of the gauge values. */
interface GaugeSources {
  readonly metrics: Metrics;
  readonly catalog: Catalog;
  readonly viewers: Viewers;
  readonly forecast: DiskForecast;
  readonly clockWatch: ClockWatch;
  readonly horizons: Pick<Horizons, 'pause'>;
  readonly net: Pick<Net, 'idleConnections'>;
  readonly jobKinds: Pick<JobKinds, 'all'>;
  readonly jobs: Pick<Jobs, 'queue'>;
  readonly workers: Pick<Workers, 'list'>;
  /** Bytes of the block cache. */
  readonly blockBytes: () => number;
  readonly disk: () => Disk;
  /** FFmpeg processes: running now, and started in total. */
  readonly children: () => { readonly running: number; readonly started: number };
}

/** Sets the gauges at each scrape. Returns a function that stops this. */
export function readGauges(sources: GaugeSources): () => void {
  const { metrics, catalog, viewers, forecast, clockWatch, horizons, net, workers, blockBytes } = sources;
  let reportedStarts = 0;
  return metrics.beforeScrape(async () => {
    readStreams(catalog, metrics);
    clockWatch.look();
    metrics.retentionPaused.set(horizons.pause ? 1 : 0);
    const { free, total, hasRoom } = sources.disk();
    metrics.recordingPaused.set(hasRoom ? 0 : 1);
    metrics.diskFreeBytes.set(free);
    metrics.diskTotalBytes.set(total);
    metrics.diskGrowth.set(forecast.growth);
    const { running, started } = sources.children();
    metrics.ffmpegChildren.set(running);
    metrics.ffmpegStarts.inc(started - reportedStarts);
    reportedStarts = started;
    viewers.forgetOld();
    for (const { name } of catalog.all) metrics.viewers.set({ stream: name }, viewers.of(name));
    metrics.sourceConnections.set(net.idleConnections);
    readWorkers(workers, metrics);
    metrics.blockCacheBytes.set(blockBytes());
    // Last: the database may not respond.
    metrics.diskFullSeconds.set(forecast.outlook(await catalog.recordings.growing()).fullInSeconds);
    await readJobs(sources);
  });
}

async function readJobs({ jobs, jobKinds, metrics }: GaugeSources): Promise<void> {
  const counts = await jobs.queue.counts();
  for (const { name: kind } of jobKinds.all) {
    for (const state of ['queued', 'running'] as const) {
      const now = counts.find((row) => row.kind === kind && row.state === state);
      metrics.jobsNow.set({ kind, state }, now?.count ?? 0);
    }
  }
}

function readWorkers(workers: GaugeSources['workers'], metrics: Metrics): void {
  const states = { online: 0, silent: 0, draining: 0 };
  const slots = { busy: 0, free: 0 };
  for (const worker of workers.list()) {
    states[worker.state]++;
    if (worker.state !== 'online') continue;
    slots.busy += worker.jobs.length;
    slots.free += Math.max(0, worker.slots - worker.jobs.length);
  }
  for (const [state, count] of Object.entries(states)) metrics.workers.set({ state }, count);
  for (const [state, count] of Object.entries(slots)) metrics.workerSlots.set({ state }, count);
}

/** Bytes of live media held in memory, of all streams. */
export function sharedBytes(catalog: Catalog): number {
  return catalog.all.reduce((sum, stream) => sum + stream.served.list.memoryBytes, 0);
}

/** Sets the gauges of every stream once. */
export function readStreams(catalog: Catalog, metrics: Metrics): void {
  metrics.sharedBytes.set(sharedBytes(catalog));
  const states = { starting: 0, live: 0, waiting: 0, unpublished: 0, offline: 0, ended: 0, paused: 0, stopped: 0 };
  let open = 0;
  let gopBytes = 0;
  let waitingBytes = 0;
  metrics.sinkQueuedBytes.reset();
  metrics.sinkPressure.reset();
  for (const stream of catalog.all) {
    const { name, recording } = stream.served;
    const { state } = stream.status;
    states[state]++;
    if (recording.open.length > 0) open++;
    gopBytes += readPressure(stream, metrics);
    waitingBytes = stream.stream.sinks.memory.total.bytes;
    metrics.streamLive.set({ stream: name }, state === 'live' ? 1 : 0);
    if (stream.definition.source.type === 'push') {
      metrics.publishers.set({ stream: name, role: 'active' }, stream.publishers.connected ? 1 : 0);
      metrics.publishers.set({ stream: name, role: 'standby' }, stream.publishers.connected?.standby ?? 0);
    }
    readPublisher(metrics, name, stream.measure);
    const fromUs = Math.max(stream.served.createdUs, stream.served.horizonUs());
    metrics.timelineSeconds.set({ stream: name }, Math.max(0, recording.endUs - fromUs) / 1e6);
  }
  for (const { definition } of catalog.unopened.all) {
    states.waiting++;
    metrics.streamLive.set({ stream: definition.name }, 0);
  }
  for (const [state, count] of Object.entries(states)) metrics.streams.set({ state }, count);
  metrics.openChunkFiles.set(open);
  metrics.gopBufferBytes.set(gopBytes);
  metrics.waitingBytes.set(waitingBytes);
}

/** Sets the gauges of the queues of a stream; returns the bytes of its GOP buffer. */
function readPressure({ name, stream }: Catalog['all'][number], metrics: Metrics): number {
  const { memory, sinks, gop } = stream.sinks.pressure();
  metrics.streamMemoryBytes.set({ stream: name }, memory.bytes);
  const kinds = new Map<string, { bytes: number; level: number }>();
  for (const sink of sinks) {
    if (sink.maxBytes === 0) continue;
    const { bytes, level } = kinds.get(sink.name) ?? { bytes: 0, level: 0 };
    kinds.set(sink.name, { bytes: bytes + sink.queuedBytes, level: Math.max(level, sink.level) });
  }
  for (const [sink, { bytes, level }] of kinds) {
    metrics.sinkQueuedBytes.set({ stream: name, sink }, bytes);
    metrics.sinkPressure.set({ stream: name, sink }, level);
  }
  return gop.bytes;
}

/** No media is expected in these states. */
const restingStates: ReadonlySet<StreamState> = new Set(['stopped', 'paused', 'ended', 'unpublished']);

/**
 * Why a stream that should be live is not. Empty for one that is, or that need not be.
 * An alarm gives a source that was just started some time; the health check says how it is now. Only a
 * publisher that has just connected has that time here too: they come and go all day.
 */
function absenceOf({ status, definition }: Catalog['all'][number]): string {
  const { state, silence, problem } = status;
  if (silence !== '' || state === 'live' || restingStates.has(state)) return silence;
  if (state === 'starting' && definition.source.type === 'push') return '';
  return problem || (state === 'offline' ? 'the source has ended' : 'the source has sent no media yet');
}

/**
 * The health check of the sources: the number of live streams.
 *
 * @param nowMs wall clock, ms since 1970
 * @throws OxbowError `not-ready` if a stream without media should be live, or a publisher is filed off the
 *   clock; names it and the reason
 */
export function checkStreams(catalog: Catalog, nowMs: number): string {
  const absences = catalog.all.map((stream) => ({ name: stream.name, silence: absenceOf(stream) }));
  const expected = catalog.all.filter(
    ({ status }, i) => !restingStates.has(status.state) || absences[i]!.silence !== '',
  );
  const live = expected.filter(({ status }) => status.state === 'live').length;
  const unopened = catalog.unopened.all.map(({ definition, problem }) => ({ name: definition.name, silence: problem }));
  const taken = catalog.toOpen
    .filter((name) => !catalog.find(name) && !catalog.unopened.find(name))
    .map((name) => ({ name, silence: 'this node has taken it over and has not opened it yet' }));
  const unseen = [...unopened, ...taken];
  const silent = [...unseen, ...absences.filter(({ silence }) => silence !== '')];
  const unpublished = catalog.all.filter(({ status }) => status.state === 'unpublished').length;
  const waiting = unpublished === 0 ? '' : `, ${unpublished} without a publisher`;
  const over = catalog.all.filter(({ status }) => status.state === 'ended').map(({ name }) => name);
  const ended = over.length === 0 ? '' : `; the source has ended: ${firstOf(over)}`;
  const sentence = `${live} of ${expected.length + unseen.length} streams are live${waiting}${ended}`;
  const off = expected.map(({ name, stream }) => ({ name, silence: offClockReason(stream, nowMs) }));
  const problems = [
    list('no media from', silent),
    list(
      'off the clock',
      off.filter(({ silence }) => silence !== ''),
    ),
  ];
  if (problems.every((problem) => problem === '')) return sentence;
  throw new OxbowError('not-ready', `${sentence}${problems.join('')}.`);
}

/** Streams that have a problem, each with its reason; empty if there are none. */
function list(title: string, streams: readonly { readonly name: string; readonly silence: string }[]): string {
  return streams.length === 0
    ? ''
    : `; ${title}: ${firstOf(streams.map(({ name, silence }) => `${name} (${silence})`))}`;
}

/** The first ten, and how many more there are. */
function firstOf(names: readonly string[]): string {
  const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
  return `${names.slice(0, 10).join(', ')}${more}`;
}
