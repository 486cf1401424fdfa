/**
 * Opens the recordings: the segment store, its reader, and the tables of the index; later, retention.
 * In: the context, store. Out: Recordings; deletions by retention.
 */

import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import type { ClientGuard } from '../archive/objects/object-targets.ts';
import { openRangeReader } from '../archive/range-reader.ts';
import type { SegmentPrefix } from '../archive/segment-store.ts';
import { createSyncQueue, timeSyncs } from '../archive/sync-queue.ts';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { AppContext, Parts, Recordings } from '../features/core.ts';
import { Emitter } from '../lib/events.ts';
import { currentTraceparent } from '../observe/traces/current-span.ts';
import { ChunkQueries } from '../recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../recording/chunks/chunk-table.ts';
import { ErasureTable } from '../recording/erase/erasure-table.ts';
import type { Evidence } from '../recording/evidence/evidence.ts';
import { openEvidence } from '../recording/evidence/open-evidence.ts';
import { KeptWindows } from '../recording/kept/kept-windows.ts';
import { MarkerTable } from '../recording/marker-table.ts';
import { PinTable } from '../recording/pin-table.ts';
import { runRetention } from '../recording/retention.ts';
import { StatsTable } from '../recording/stats-table.ts';
import { Storyboards } from '../recording/storyboard/storyboards.ts';
import type { Store } from '../store/db.ts';
import { shareMsnMarks } from '../store/process-marks.ts';
import type { Catalog } from '../streams/catalog.ts';
import { PictureTable } from '../streams/picture/picture-table.ts';
import { openHorizons } from '../streams/record/open-horizons.ts';
import { openMsnMarks } from '../streams/record/open-msn-marks.ts';
import { adoptRecordings, readNames } from '../streams/stream-table.ts';
import { openNodeFiles } from './cluster/nodes.ts';
import { openFolders } from './files/folders.ts';
import { openObjects } from './files/objects.ts';

/**
 * After this time, rows of the index are on a replica, even if the database did not respond for a while; ms.
 */
const SETTLED_MS = 3_600_000;

/**
 * Opens the index and its tables.
 *
 * @param guard in front of the clients of object stores
 */
export async function openRecordings(
  app: AppContext,
  parts: Pick<Parts, 'store' | 'changes' | 'net' | 'bus' | 'disk' | 'nodes'>,
  guard: ClientGuard | undefined,
): Promise<Recordings> {
  const { store, changes, net, bus, disk, nodes } = parts;
  const { dataFolder, ownFolder, process: part, opened, clock, log, metrics, telemetry } = app;
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
  const { segments: ownSegments, objects } = await openObjects(app, { store, disk, net, guard }, files);
  const shared = nodes && openNodeFiles(app, nodes, ownSegments);
  const segments = shared ?? ownSegments;
  const adopted = await adoptRecordings(store, segments, { onlyIfEmpty: true });
  if (adopted > 0)
    log.warn({ streams: adopted }, 'the database was empty; its streams were restored from the recordings');
  if (!part || part.link.start.isFirst) await shareMsnMarks(store.db, dataFolder, part?.link.start.names);
  const reader = opened.use(openRangeReader(segments));
  const deleted = new Emitter<SegmentPrefix>();
  const pins = await PinTable.open(store.db, changes);
  const erasures = await ErasureTable.open(store, changes);
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows, () => (clock.nowMs() - SETTLED_MS) * 1000);
  return {
    files,
    segments,
    deleteAtNodes: shared && ((prefix) => shared.deleteAtLiving(prefix)),
    folders,
    deleteElsewhere: shared && ((prefix) => shared.deleteElsewhere(prefix)),
    objects,
    mirror: objects?.mirror,
    syncQueue,
    reader,
    table,
    chunks,
    msnMarks: opened.use(await openMsnMarks({ dataFolder: ownFolder, store, chunks, clock, log })),
    horizons: await openHorizons({ store, chunks, clock, log }),
    pins,
    kept: new KeptWindows(pins),
    erasures,
    markers: new MarkerTable(store.db),
    pictures: await PictureTable.open(store.db, changes),
    stats: new StatsTable(store.rows),
    evidence: await openChains(app, store, { chunks, reader }),
    storyboards: new Storyboards(segments, (streamId, us) => erasures.overlaps(streamId, us, us + 1)),
    deleted,
    release(prefix) {
      reader.forget(prefix);
      deleted.emit(prefix);
    },
  };
}

/** Opens the chains of evidence, and signs them until the shutdown. */
async function openChains(
  { config, settings, dataFolder, opened, shutdown, clock, failed, process: part }: AppContext,
  store: Store,
  stored: Pick<Recordings, 'chunks' | 'reader'>,
): Promise<Evidence | undefined> {
  if (!config.evidence.enabled) return undefined;
  const evidence = await openEvidence({
    ...stored,
    dataFolder,
    node: nodeName(config) ?? '',
    waitsFor: part && !part.link.start.isFirst ? shutdown : undefined,
    store,
    clock,
    settings,
    failed: failed('the chain of evidence'),
  });
  opened.defer(() => evidence.close());
  opened.use(shutdown.owns(evidence.run(shutdown)));
  return evidence;
}

/** Runs retention until the shutdown. */
export function startRetention(
  app: AppContext,
  { store, recordings, catalog, hooks }: Pick<Parts, 'store' | 'recordings' | 'catalog' | 'hooks'>,
): void {
  const { segments, storyboards, table, chunks, stats, horizons, pins, kept, release } = recordings;
  const { settings, opened, shutdown, clock, log, metrics, failed } = app;
  const done = runRetention(
    {
      segments,
      storyboards,
      settings,
      table,
      chunks,
      clock,
      horizons,
      streams: () => catalog.recordings.retentionRules,
      elsewhere: app.process && (() => readIdsElsewhere(store.db, catalog)),
      pinned: (streamId) => kept.ranges(streamId),
      pinnedForGood: (streamId) => pins.ranges(streamId),
      giveUp: (streamId, window) => kept.lose(streamId, window, 'disk'),
      openBytes: () => catalog.recordings.openBytes,
      open: (streamId) => catalog.recordings.oldestOpen(streamId),
      onDeletedBefore: (streamId, us) => catalog.recordings.setDeletedBefore(streamId, us),
      async onHorizon(streamId, us) {
        await stats.removeBefore(streamId, us, kept.ranges(streamId));
        for (const passed of hooks.horizons) await passed(streamId, us);
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

/** Ids of the streams that other processes have. */
async function readIdsElsewhere(db: Store['db'], { recordings }: Catalog): Promise<readonly string[]> {
  const own = new Set(recordings.retentionRules.map(({ streamId }) => streamId));
  return [...(await readNames(db)).keys()].filter((id) => !own.has(id));
}
