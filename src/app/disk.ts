/**
 * Watches the free space of the data folder and forecasts when the disk is full.
 * In: the context. Out: DiskWatch; log lines, events.
 */
import type { StorageView } from '../api/admin-shapes.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import { isSpeaker } from '../cluster/processes/process-link.ts';
import type { AppContext, DiskWatch } from '../features/core.ts';
import { DiskForecast } from '../observe/disk-forecast.ts';
import { describeDisk, watchDisk } from '../streams/disk.ts';
import type { StoredView } from './cluster/one-server.ts';

/** Measures once, then watches until the shutdown. */
export async function openDisk(app: AppContext, bus: EventBus): Promise<DiskWatch> {
  const { settings, dataFolder, process: part, opened, shutdown, clock, log, failed } = app;
  const forecast = new DiskForecast();
  const { now, done } = await watchDisk(dataFolder, settings, {
    signal: shutdown.signal,
    failed: failed('measuring the disk'),
    onMeasured: ({ free }) => forecast.add(clock.monotonicMs(), free),
    onChanged(disk) {
      if (!isSpeaker(part)) return;
      const { free, total, least, hasRoom } = disk;
      if (hasRoom) log.info({ free, total }, 'the disk has room again: recording continues');
      else log.error({ free, total, least }, describeDisk(disk));
      bus.publish(hasRoom ? 'disk.ok' : 'disk.low', { free, total });
    },
  });
  opened.use(shutdown.owns(done));
  return { now, forecast };
}

/**
 * The JSON of the disk.
 *
 * @param maxDisk `record.maxDisk`, bytes
 */
export async function describeStorage(
  { now, forecast }: DiskWatch,
  { bytes: recordings, growing, folders, objectStores }: StoredView,
  maxDisk: number | undefined,
): Promise<StorageView> {
  const { free, total, hasRoom } = now();
  const { growth, basisSeconds } = forecast;
  const left = maxDisk === undefined ? Number.POSITIVE_INFINITY : Math.max(0, maxDisk - recordings);
  const { fullInSeconds, addsBytes } = forecast.outlook(growing, left, 'recordings');
  const fills = Number.isFinite(fullInSeconds);
  return {
    free,
    total,
    hasRoom,
    recordings,
    growth,
    basisSeconds: Math.round(basisSeconds),
    fullInSeconds: fills ? fullInSeconds : null,
    folders: [...folders],
    objectStores: [...objectStores],
    levelsAt: fills || growing.length === 0 ? null : Math.round(recordings + addsBytes),
  };
}
