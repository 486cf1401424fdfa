/**
 * Opens the recordings: the segment store, its reader, and the tables of the index; later, retention.
 * In: the context, store. Out: Recordings; deletions by retention.
 */

import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import { openRangeReader } from '../archive/range-reader.ts';
import type { SegmentPrefix } from '../archive/segment-store.ts';
import { createSyncQueue, timeSyncs } from '../archive/sync-queue.ts';
import { Emitter } from '../lib/events.ts';
import { ChunkTable } from '../recording/chunk-table.ts';
import { MarkerTable } from '../recording/marker-table.ts';
import { PinTable } from '../recording/pin-table.ts';
import { runRetention } from '../recording/retention.ts';
import { StatsTable } from '../recording/stats-table.ts';
import type { Chats } from '../rooms/chat/chats.ts';
import type { Store } from '../store/db.ts';
import type { Catalog } from '../streams/catalog.ts';
import { openHorizons } from '../streams/open-horizons.ts';
import { openMsnMarks } from '../streams/open-msn-marks.ts';
import { PictureTable } from '../streams/picture/picture-table.ts';
import { adoptRecordings } from '../streams/stream-table.ts';
import type { AppContext, Recordings } from './parts.ts';

/** Opens the index and its tables. */
export async function openRecordings(app: AppContext, store: Store): Promise<Recordings> {
  const { dataFolder, opened, clock, log, metrics } = app;
  const syncQueue = timeSyncs(createSyncQueue(), (seconds) => metrics.syncSeconds.observe(seconds));
  const segments = opened.use(openLocalSegmentStore({ folder: dataFolder, syncQueue }));
  const adopted = await adoptRecordings(store.db, segments, { onlyIfEmpty: true });
  if (adopted > 0)
    log.warn({ streams: adopted }, 'the database was empty; its streams were restored from the recordings');
  const reader = opened.use(openRangeReader(segments));
  const deleted = new Emitter<SegmentPrefix>();
  const table = new ChunkTable(store.db, () => store.fence);
  return {
    segments,
    syncQueue,
    reader,
    table,
    msnMarks: opened.use(await openMsnMarks({ dataFolder, store, table, clock, log })),
    horizons: await openHorizons({ store, table, clock, log }),
    pins: await PinTable.open(store.db),
    markers: new MarkerTable(store.db),
    pictures: await PictureTable.open(store.db),
    stats: new StatsTable(store.db),
    deleted,
    release(prefix) {
      reader.forget(prefix);
      deleted.emit(prefix);
    },
  };
}

/** Runs retention until the shutdown. */
export function startRetention(
  app: AppContext,
  { segments, table, stats, horizons, pins, release }: Recordings,
  catalog: Catalog,
  chats: Chats,
): void {
  const { settings, opened, shutdown, clock, log, metrics, failed } = app;
  const done = runRetention(
    {
      segments,
      settings,
      table,
      clock,
      horizons,
      streams: () => catalog.retentionRules,
      pinned: (streamId) => pins.ranges(streamId),
      openBytes: () => catalog.openBytes,
      open: (streamId) => catalog.oldestOpen(streamId),
      onDeletedBefore: (streamId, us) => catalog.setDeletedBefore(streamId, us),
      async onHorizon(streamId, us) {
        const pinned = pins.ranges(streamId);
        await stats.removeBefore(streamId, us, pinned);
        await chats.removeBefore(streamId, Math.max(us, await table.deletedBefore(streamId)), pinned);
      },
      release,
      deleted(files, bytes) {
        metrics.retentionDeletions.inc(files);
        log.info({ files, bytes }, 'retention deleted old recordings (record.keep, record.maxDisk)');
      },
      failed: failed('retention'),
    },
    { signal: shutdown.signal },
  );
  opened.use(shutdown.owns(done));
}
