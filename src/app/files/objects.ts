/**
 * Opens the object stores: the segment store over files and buckets, and what copies or moves files there.
 * In: the context, store, files. Out: Objects; log lines, events, metrics, a health check.
 */
import path from 'node:path';
import type { ObjectStoreView } from '../../api/admin-shapes.ts';
import { isLoggedKey } from '../../archive/objects/logged/logged-file.ts';
import type { ClientGuard } from '../../archive/objects/object-targets.ts';
import { OBJECT_CACHE, openTieredStore } from '../../archive/objects/open-tiered.ts';
import { listRecordings } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../../archive/segment-store.ts';
import { nodeName } from '../../config/sections/cluster-section.ts';
import { LOCAL_STORAGE } from '../../config/sections/storage-section.ts';
import type { AppContext, DiskWatch, Objects, Parts } from '../../features/core.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import { many } from '../../lib/text/many.ts';
import type { Net } from '../../net/net.ts';
import { LoggedCopies } from '../../recording/mirror/logged-copies.ts';
import { Candidates } from '../../recording/offload/candidates.ts';
import { Offload } from '../../recording/offload/offload.ts';
import type { Store } from '../../store/db.ts';
import { unlessShardLost } from '../../store/engine.ts';
import { readStorage } from '../../streams/stream-table.ts';
import { openDirect } from './direct.ts';
import { describeMirror, nameServer, openMirror, restoreLost, runOf, startMirror } from './mirror.ts';

/** An address for a download is valid for this long, seconds. */
const PRESIGNED_S = 300;
/** Recordings of streams that other nodes have now are looked for this often, ms. */
const FOREIGN_EVERY_MS = 60_000;
/** Failed reads of a target are logged at most this often, ms. */
const LOG_EVERY_MS = 60_000;

/** What the object stores need of other parts. */
interface ObjectParts {
  readonly store: Store;
  readonly disk: DiskWatch;
  readonly net: Net;
  /** Checked before each change of an object. */
  readonly guard: ClientGuard | undefined;
}

/**
 * Opens the store over files and buckets. Without a target in the settings, and without an object in the
 * index, it is that of the files.
 *
 * @param local the files; closed with the result
 */
export async function openObjects(
  app: AppContext,
  { store, disk, net, guard }: ObjectParts,
  local: SegmentStore,
): Promise<{ readonly segments: SegmentStore; readonly objects: Objects | undefined }> {
  const { config, settings, dataFolder, ownFolder, process: part, opened, clock, log, metrics, services } = app;
  const failures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
  const tiered = await openTieredStore({
    local,
    metadata: store,
    fence: () => store.fence,
    nowMs: () => clock.nowMs(),
    targets: config.storage.targets,
    dataFolder,
    cache: {
      folder: path.join(ownFolder, OBJECT_CACHE),
      // The setting is for the server: each of several processes has a part of it.
      maxBytes: () => Math.floor(settings.now.storage.cache / (part?.link.start.names.length ?? 1)),
      hasRoom: () => disk.now().hasRoom,
    },
    guard,
    openBreaker: (target, breaker) => services.open({ service: `storage:${target}`, ...breaker }),
    fetched: (target, bytes) => metrics.storageReadBytes.inc({ target }, bytes),
    failed(target, error) {
      metrics.storageReadFailures.inc({ target });
      failures.call((leftOut) => log.warn({ target, err: error, leftOut }, 'an object store cannot be read'));
    },
  });
  if (!tiered) return { segments: opened.use(local), objects: undefined };
  opened.use(tiered);
  await restoreLost(app, tiered, store, local);
  const { index, uploads, deletions, targets, blocks, rewritten } = tiered;
  const server = await nameServer(app);
  const mirror = openMirror(app, tiered, local, server);
  const isShared = part !== undefined || nodeName(config) !== undefined;
  const prefixOf = (target: string) => targets.find(target)?.prefix ?? '';
  return {
    segments: tiered.store,
    objects: {
      index,
      uploads,
      deletions,
      targets,
      store: tiered.store,
      cacheBytes: () => blocks.bytes,
      server,
      mirror,
      logged: new LoggedCopies({ mirror, index, deletions, rewritten, prefixOf, isShared }),
      direct: openDirect(app, tiered, net),
      async presign(location, { contentType, disposition }) {
        const object = await index.find(location);
        if (!object || isLoggedKey(object.key) || !targets.find(object.target)?.presign) return undefined;
        const client = await targets.client(object.target);
        return client.presign(object.key, { expiresS: PRESIGNED_S, contentType, disposition });
      },
    },
  };
}

/** Copies or moves files until the shutdown. */
export function startOffload(
  app: AppContext,
  {
    store,
    bus,
    recordings,
    catalog,
    health,
    placement,
    hooks,
  }: Pick<Parts, 'store' | 'bus' | 'recordings' | 'catalog' | 'health' | 'placement' | 'hooks'>,
): void {
  const { objects, table, release, segments, files } = recordings;
  if (!objects) return;
  const { settings, opened, shutdown, clock, log, metrics, failed } = app;
  const targetOf = (streamId: string, storage = catalog.definitionOf(streamId)?.storage): string | undefined => {
    const target = storage ?? settings.now.storage.target;
    return target === LOCAL_STORAGE || target === '' ? undefined : target;
  };
  const isNode = placement.node !== '';
  // The processes of a server have one folder.
  const isShared = isNode && !app.process;
  // What this node recorded of streams that others have now is still in its folder.
  const elsewhere = new Map<string, string | undefined>();
  const hasFile = (location: SegmentLocation) =>
    files.size(location).then(
      () => true,
      () => false,
    );
  const ownFiles = { isHere: hasFile, owns: (id: string) => placement.find('asset', id) === 'own' };
  const offload = new Offload({
    store: objects.store,
    objects: objects.index,
    uploads: objects.uploads,
    deletions: objects.deletions,
    server: objects.server,
    run: runOf(app),
    targets: objects.targets,
    logged: objects.logged,
    candidates: new Candidates(store, objects.index, isNode ? ownFiles : undefined),
    isGone: isShared ? (location) => isGone(segments, location) : undefined,
    settings,
    policies: () => [
      ...catalog.recordings.retentionRules.map(({ streamId }) => ({ streamId, target: targetOf(streamId) })),
      ...Array.from(elsewhere, ([streamId, target]) => ({ streamId, target })),
    ],
    // What cannot be read now is looked at in a later pass.
    qualitiesOf: async (streamId) => (await unlessShardLost(() => table.qualitiesOf(streamId))) ?? [],
    clock,
    async check(location) {
      for (const check of hooks.beforeUpload) await check(location).catch(failed('checking a file before its upload'));
    },
    release: (location: SegmentLocation) => release(location),
    report: {
      sent: (target, bytes) => metrics.storageSentBytes.inc({ target }, bytes),
      ended(target, result) {
        metrics.storageUploads.inc({ target, result });
        if (result === 'stored') objects.mirror.stored();
      },
      changed(target, problem) {
        metrics.storageUp.set({ target }, problem === undefined ? 1 : 0);
        if (problem === undefined) log.info({ target }, 'the object store works again');
        else log.error({ target, problem }, 'the object store fails: files stay in the data folder until it works');
        if (problem === undefined) bus.publish('storage.ok', { target });
        else bus.publish('storage.failing', { target, detail: problem });
      },
      failed: failed('copying files to an object store'),
    },
  });
  startMirror(app, objects, { recordings, catalog, health }, targetOf);
  for (const target of objects.targets.names) metrics.storageUp.set({ target }, 1);
  opened.defer(
    metrics.beforeScrape(async () => {
      for (const { name, objects: count, bytes, waiting, waitingBytes } of await describeObjects(objects, offload)) {
        metrics.storageWaitingFiles.set({ target: name }, waiting);
        metrics.storageWaitingBytes.set({ target: name }, waitingBytes);
        metrics.storageObjects.set({ target: name }, count);
        metrics.storageObjectBytes.set({ target: name }, bytes);
      }
      metrics.storageDeletionsWaiting.set(await objects.deletions.count());
      metrics.storageCacheBytes.set(objects.cacheBytes());
    }),
  );
  opened.defer(
    health.register('object stores', () => checkObjects(offload, objects), { ready: false, degrades: true }),
  );
  opened.defer(table.sealed.subscribe((id) => offload.sealed(id)));
  opened.defer(table.written.subscribe((path) => offload.written(path)));
  opened.defer(table.rewritten.subscribe((id) => offload.rewritten(id)));
  objects.describe = () => describeObjects(objects, offload);
  const followOthers = async () => {
    while (isShared && !shutdown.signal.aborted) {
      try {
        const ids = await listRecordings(files, shutdown);
        const foreign = ids.filter((id) => catalog.definitionOf(id) === undefined);
        const stored = await readStorage(store.db, foreign);
        elsewhere.clear();
        for (const [id, storage] of stored) elsewhere.set(id, targetOf(id, storage));
      } catch (error) {
        if (!shutdown.signal.aborted) failed('looking for recordings of other nodes')(error);
      }
      await sleep(FOREIGN_EVERY_MS, shutdown).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(Promise.all([followOthers(), offload.run(shutdown)])));
}

/** Whether no node has a file. */
async function isGone(segments: SegmentStore, location: SegmentLocation): Promise<boolean> {
  try {
    await segments.size(location);
    return false;
  } catch (error) {
    return isMissing(error); // or another node, which may have it, does not answer
  }
}

/** The health check. @throws OxbowError `storage-failed` while a target fails */
function checkObjects(offload: Offload, { targets }: Objects): string {
  const failing = offload.failing.map(({ target, problem }) => `${target} ${problem}`);
  if (failing.length > 0) throw new OxbowError('storage-failed', `${failing.join('; ')}.`);
  return many(targets.names.length, 'object store');
}

/** The JSON of the object stores: those of the settings, and those that only the index knows. */
async function describeObjects(
  { index, targets, mirror }: Objects,
  offload: Offload,
): Promise<readonly ObjectStoreView[]> {
  const [totals, waiting] = await Promise.all([index.totals(), offload.waiting()]);
  const names = new Set([...targets.names, ...totals.keys()]);
  return Array.from(names, (name) => ({
    name,
    objects: totals.get(name)?.count ?? 0,
    bytes: totals.get(name)?.bytes ?? 0,
    waiting: waiting.get(name)?.files ?? 0,
    waitingBytes: waiting.get(name)?.bytes ?? 0,
    mirror: describeMirror({ mirror }, name),
    problem:
      targets.find(name) === undefined
        ? 'it is not in storage.targets'
        : (offload.failing.find(({ target }) => target === name)?.problem ?? null),
  }));
}
