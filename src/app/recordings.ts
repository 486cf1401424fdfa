/**
 * Opens the recordings: the segment store, its reader, and the tables of the index; later, the API of clips,
 * and retention.
 * In: the context, store. Out: Recordings; ClipsApi; deletions by retention.
 */
import type { ClipsApi } from '../api/clips/clips-api.ts';
import { printRfc3339 } from '../api/instant.ts';
import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import { openRangeReader } from '../archive/range-reader.ts';
import type { SegmentPrefix } from '../archive/segment-store.ts';
import { createSyncQueue, timeSyncs } from '../archive/sync-queue.ts';
import type { AppContext, Parts, Recordings } from '../features/core.ts';
import { Emitter } from '../lib/events.ts';
import { currentTraceparent } from '../observe/traces/current-span.ts';
import { ChunkTable } from '../recording/chunk-table.ts';
import { openKept } from '../recording/clips/kept-windows.ts';
import { ErasureTable } from '../recording/erase/erasure-table.ts';
import { MarkerTable } from '../recording/marker-table.ts';
import { runRetention } from '../recording/retention.ts';
import { StatsTable } from '../recording/stats-table.ts';
import { Storyboards } from '../recording/storyboard/storyboards.ts';
import { ServedClips } from '../streams/clips/clips-api.ts';
import { loseClips } from '../streams/clips/lose-clips.ts';
import { openHorizons } from '../streams/open-horizons.ts';
import { openMsnMarks } from '../streams/open-msn-marks.ts';
import { PictureTable } from '../streams/picture/picture-table.ts';
import { adoptRecordings } from '../streams/stream-table.ts';
import { openNodeFiles } from './cluster/nodes.ts';
import { openFolders } from './files/folders.ts';
import { openObjects } from './files/objects.ts';

/**
 * After this time, rows of the index are on a replica, even if the database did not respond for a while; ms.
 */
const SETTLED_MS = 3_600_000;

/** Opens the index and its tables. */
export async function openRecordings(
  app: AppContext,
  { store, changes, bus, disk, nodes }: Pick<Parts, 'store' | 'changes' | 'bus' | 'disk' | 'nodes'>,
): Promise<Recordings> {
  const { dataFolder, opened, clock, log, metrics, telemetry } = app;
  const openQueue = () =>
    timeSyncs(createSyncQueue(), (seconds) => {
      metrics.syncSeconds.observe(seconds);
      const traceparent = currentTraceparent();
      if (traceparent !== undefined)
        telemetry.ended({ kind: 'record', name: 'fdatasync', tookMs: seconds * 1000, traceparent });
    });
  const syncQueue = openQueue();
  const main = openLocalSegmentStore({ folder: dataFolder, syncQueue });
  const folders = await openFolders(app, { store, bus }, main, openQueue);
  const files = folders?.store ?? main;
  const { segments: own, objects } = await openObjects(app, { store, disk }, files);
  const shared = nodes && openNodeFiles(app, nodes, own);
  const segments = shared ?? own;
  const adopted = await adoptRecordings(store, segments, { onlyIfEmpty: true });
  if (adopted > 0)
    log.warn({ streams: adopted }, 'the database was empty; its streams were restored from the recordings');
  const reader = opened.use(openRangeReader(segments));
  const deleted = new Emitter<SegmentPrefix>();
  const erasures = await ErasureTable.open(store.db, () => store.fence, changes);
  const table = new ChunkTable(store.db, () => store.fence, {
    read: store.read,
    beforeUs: () => (clock.nowMs() - SETTLED_MS) * 1000,
  });
  return {
    files,
    segments,
    deleteAtNodes: shared && ((prefix) => shared.deleteAtLiving(prefix)),
    folders,
    deleteElsewhere: shared && ((prefix) => shared.deleteElsewhere(prefix)),
    objects,
    syncQueue,
    reader,
    table,
    msnMarks: opened.use(await openMsnMarks({ dataFolder, store, table, clock, log })),
    horizons: await openHorizons({ store, table, clock, log }),
    ...(await openKept(store.db, changes)),
    erasures,
    markers: new MarkerTable(store.db),
    pictures: await PictureTable.open(store.db, changes),
    stats: new StatsTable(store.db),
    storyboards: new Storyboards(segments, (streamId, us) => erasures.overlaps(streamId, us, us + 1)),
    deleted,
    release(prefix) {
      reader.forget(prefix);
      deleted.emit(prefix);
    },
  };
}

/** Creates the API over the table of clips. */
export function openClips(
  { clock }: AppContext,
  { bus, recordings, catalog, accounts }: Pick<Parts, 'bus' | 'recordings' | 'catalog' | 'accounts'>,
): ClipsApi {
  const { clips } = recordings;
  const { users, watch, exporters } = accounts.access;
  exporters.add('clips', async (id) =>
    clips.newestFirst
      .filter(({ owner }) => owner === `user:${id}`)
      .map((clip) => ({
        id: clip.id,
        stream: catalog.definitionOf(clip.streamId)?.name ?? null,
        title: clip.title,
        from: printRfc3339(clip.fromUs / 1000),
        to: printRfc3339(clip.toUs / 1000),
        visibility: clip.visibility,
        createdAt: printRfc3339(clip.createdUs / 1000),
      })),
  );
  return new ServedClips({
    clips,
    catalog,
    clock,
    events: bus,
    sign: (name, expiresMs) => watch.sign(name, expiresMs),
    nameOf: (owner) => (owner.startsWith('user:') ? users.find(owner.slice(5))?.name : undefined),
  });
}

/** Runs retention until the shutdown. */
export function startRetention(
  app: AppContext,
  { bus, recordings, catalog, chats, hooks }: Pick<Parts, 'bus' | 'recordings' | 'catalog' | 'chats' | 'hooks'>,
): void {
  const { segments, storyboards, table, stats, horizons, pins, clips, kept, release } = recordings;
  const { settings, opened, shutdown, clock, log, metrics, failed } = app;
  const done = runRetention(
    {
      segments,
      storyboards,
      settings,
      table,
      clock,
      horizons,
      streams: () => catalog.recordings.retentionRules,
      pinned: (streamId) => kept.ranges(streamId),
      pinnedForGood: (streamId) => pins.ranges(streamId),
      async giveUp(streamId, window) {
        await loseClips({ clips, catalog, clock, events: bus, log }, streamId, window);
      },
      openBytes: () => catalog.recordings.openBytes,
      open: (streamId) => catalog.recordings.oldestOpen(streamId),
      onDeletedBefore: (streamId, us) => catalog.recordings.setDeletedBefore(streamId, us),
      async onHorizon(streamId, us) {
        const pinned = kept.ranges(streamId);
        await stats.removeBefore(streamId, us, pinned);
        for (const passed of hooks.horizons) await passed(streamId, us);
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
