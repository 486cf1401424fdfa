/**
 * The metrics of one process: handles for every row of the table.
 * In: `metrics.gaps.inc({ … })` from everywhere. Out: the text of /metrics (Prometheus). Nothing else imports
 * prom-client.
 */
import { createRequire } from 'node:module';
import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { waitFor } from '../lib/abort.ts';
import { memoryUsage } from '../lib/memory/memory-usage.ts';
import { version } from '../lib/version.ts';
import { type LoopLag, watchLoop } from './loop-lag.ts';
import { memoryLimit } from './memory-limit.ts';
import type { MetricRow } from './metric-row.ts';
import { metricTable, REQUEST_SECONDS } from './metric-table.ts';

// Its parts: the whole also loads a push gateway, a cluster and OpenTelemetry, for nothing.
const load = createRequire(import.meta.url);
const prometheus: Pick<typeof import('prom-client'), 'Counter' | 'Gauge' | 'Histogram' | 'Registry'> = {
  Counter: load('prom-client/lib/counter'),
  Gauge: load('prom-client/lib/gauge'),
  Histogram: load('prom-client/lib/histogram'),
  Registry: load('prom-client/lib/registry'),
};

/** Prometheus waits for ten seconds at most by default. */
const READ_WITHIN_MS = 2000;

/** Node's names of open resources, and those of the metric. */
const HANDLE_KINDS: Readonly<Record<string, string>> = {
  TCPSocketWrap: 'socket',
  TLSWrap: 'tls',
  TCPServerWrap: 'listener',
  PipeWrap: 'pipe',
  ProcessWrap: 'process',
  Timeout: 'timer',
};

type Table = typeof metricTable;
type Label<K extends keyof Table> = Table[K]['labels'][number];

/** The handles, named as in the table: counters have `inc`, gauges `set`, histograms `observe`. */
type MetricHandles = {
  readonly [K in keyof Table]: Table[K]['type'] extends 'counter'
    ? Counter<Label<K>>
    : Table[K]['type'] extends 'gauge'
      ? Gauge<Label<K>>
      : Histogram<Label<K>>;
};

/** Memory use of a thread, bytes. */
export type ThreadMemory = Pick<NodeJS.MemoryUsage, 'heapUsed' | 'external' | 'arrayBuffers'>;

/** All metrics of one process. */
export interface Metrics extends MetricHandles, Disposable {
  /**
   * Calls and awaits `read` before each scrape, for values that are cheaper to read than to track. Returns a
   * function that stops it.
   */
  beforeScrape(read: () => void | Promise<void>): () => void;
  /** Removes the series of a removed stream. */
  forgetStream(name: string): void;
  /** The text of /metrics. */
  print(): Promise<string>;
  /** 99th percentile of the main thread's lag since the last scrape, seconds. */
  readonly loopLagS: number;
  /** Content-Type of that text. */
  readonly contentType: string;
}

/** Creates the registry and all handles of the table. Dispose it to stop measuring the event loop. */
export function createMetrics(): Metrics {
  const registry = new prometheus.Registry();
  const handles = Object.fromEntries(
    Object.entries<MetricRow>(metricTable).map(([key, row]) => [key, createMetric(row, registry)]),
  ) as unknown as MetricHandles;
  const readers = new Set<() => void | Promise<void>>();
  const lag = watchLoop();
  return {
    ...handles,
    beforeScrape(read) {
      readers.add(read);
      return () => readers.delete(read);
    },
    forgetStream(stream) {
      for (const [key, row] of Object.entries<MetricRow>(metricTable)) {
        if (row.labels.includes('stream')) forget(handles[key as keyof Table] as Counter, stream);
      }
    },
    async print() {
      readProcess(handles, lag);
      await Promise.all([...readers].map((read) => attempt(read, handles.scrapeErrors)));
      return registry.metrics();
    },
    get loopLagS() {
      return lag.at(99);
    },
    contentType: registry.contentType,
    [Symbol.dispose]() {
      lag[Symbol.dispose]();
    },
  };
}

/**
 * A value that cannot be read in time keeps its last state: the other metrics are needed most while the
 * database does not respond.
 */
async function attempt(read: () => void | Promise<void>, errors: Pick<Counter, 'inc'>): Promise<void> {
  try {
    await waitFor(Promise.resolve(read()), { signal: AbortSignal.timeout(READ_WITHIN_MS) });
  } catch {
    errors.inc();
  }
}

function createMetric(row: MetricRow, registry: Registry): Counter | Gauge | Histogram {
  const settings = { name: row.name, help: row.help, labelNames: [...row.labels], registers: [registry] };
  switch (row.type) {
    case 'counter':
      return new prometheus.Counter(settings);
    case 'gauge':
      return new prometheus.Gauge(settings);
    case 'histogram':
      return new prometheus.Histogram({ ...settings, buckets: [...(row.buckets ?? REQUEST_SECONDS)] });
  }
}

function forget(metric: Counter, stream: string): void {
  const hashes = (metric as unknown as { hashMap: Record<string, { labels: Record<string, string> }> }).hashMap;
  for (const { labels } of Object.values(hashes)) if (labels.stream === stream) metric.remove(labels as never);
}

/** Sets the memory gauges of a thread. */
export function showMemory(
  {
    heapBytes,
    externalBytes,
    arrayBufferBytes,
  }: Pick<MetricHandles, 'heapBytes' | 'externalBytes' | 'arrayBufferBytes'>,
  thread: string,
  { heapUsed, external, arrayBuffers }: ThreadMemory,
): void {
  heapBytes.set({ thread }, heapUsed);
  externalBytes.set({ thread }, external);
  arrayBufferBytes.set({ thread }, arrayBuffers);
}

function readProcess(handles: MetricHandles, lag: LoopLag): void {
  for (const [quantile, percentile] of [
    ['0.5', 50],
    ['0.99', 99],
    ['1', 100],
  ] as const) {
    handles.eventLoopLagSeconds.set({ thread: 'main', quantile }, lag.at(percentile));
  }
  lag.reset();
  const { user, system } = process.cpuUsage();
  handles.cpuSeconds.reset();
  handles.cpuSeconds.inc((user + system) / 1e6);
  const { rss, ...memory } = memoryUsage();
  handles.residentBytes.set(rss);
  showMemory(handles, 'main', memory);
  handles.memoryLimitBytes.set(memoryLimit());
  handles.startTime.set(performance.timeOrigin / 1000);
  handles.build.set({ version, node: process.version }, 1);
  const counts = Object.fromEntries(Object.values(HANDLE_KINDS).map((kind) => [kind, 0]));
  for (const resource of process.getActiveResourcesInfo()) {
    const kind = HANDLE_KINDS[resource];
    if (kind) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  for (const [kind, count] of Object.entries(counts)) handles.handles.set({ kind }, count);
}
