/**
 * The process and its machine in the API.
 * In: clock, disk, catalog. Out: the shape of GET /api/v1/system.
 */
import { availableParallelism } from 'node:os';
import { printRfc3339 } from '../api/instant.ts';
import type { SystemView } from '../api/shapes.ts';
import { childCounts } from '../ffmpeg/child-process.ts';
import type { Clock } from '../lib/clock.ts';
import { networkState } from '../lib/confine/confine.ts';
import { memoryUsage } from '../lib/memory/memory-usage.ts';
import { version } from '../lib/version.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Catalog } from './catalog.ts';
import type { Disk } from './disk.ts';
import { readStreams, sharedBytes } from './gauges.ts';

/**
 * Describes the running process.
 *
 * @param startedMs ms since 1970
 */
export async function describeSystem(
  clock: Clock,
  startedMs: number,
  disk: Disk,
  catalog: Catalog,
  metrics: Metrics,
): Promise<Omit<SystemView, 'waitingForRestart'>> {
  const { rss, heapUsed, external, arrayBuffers } = memoryUsage();
  const { user, system } = process.cpuUsage();
  readStreams(catalog, metrics);
  const { state: network, text: detail } = await networkState();
  return {
    version,
    node: process.version,
    startedAt: printRfc3339(startedMs),
    now: printRfc3339(clock.nowMs()),
    cpu: { seconds: (user + system) / 1e6, cores: availableParallelism() },
    memory: { rss, heapUsed, external, arrayBuffers, shared: sharedBytes(catalog) },
    disk: { free: disk.free, total: disk.total, recordings: await catalog.recordings.bytes() },
    streams: catalog.all.length,
    children: { running: childCounts().running, network, detail },
  };
}
