/**
 * Opens uploads to the library, completes those that the process before had received, and deletes those that
 * expire.
 * In: the context, store, events, recordings, disk, assets. Out: Uploads.
 */
import { hostname } from 'node:os';
import { openLocalUploadStore } from '../archive/local-upload-store.ts';
import { openStagingStore, type StagingStore } from '../archive/staging/staging-store.ts';
import { lockHolderOf } from '../cluster/placement/placement.ts';
import type { AppContext, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import { OncePer } from '../lib/once-per.ts';
import { type OpenedUploads, openUploads as openParts } from '../library/uploads/open-uploads.ts';
import { openLeaseTable } from '../store/lease-table.ts';

/** Expired uploads are searched this often. */
const SWEEP_EVERY_MS = 60_000;

/** Failed requests to a bucket are logged at most this often, ms. */
const LOG_EVERY_MS = 60_000;

/** The uploads, and their store in buckets. */
export interface AppUploads extends OpenedUploads {
  /** Undefined: the settings have no object store. */
  readonly staging: StagingStore | undefined;
}

/** Opens them. @throws OxbowError `bad-setting` */
export async function openUploads(
  app: AppContext,
  {
    store,
    bus,
    recordings,
    disk,
    library,
    placement,
  }: Pick<Parts, 'store' | 'bus' | 'recordings' | 'disk' | 'library' | 'placement'>,
): Promise<AppUploads> {
  const { config, settings, dataFolder, clock, opened, metrics, failed, shutdown } = app;
  const { syncQueue } = recordings;
  const { hashThreads } = config.library;
  const files = opened.use(openLocalUploadStore({ folder: dataFolder, syncQueue, hashThreads }));
  const report = failed('an upload');
  const staging = openStaging(app, { store, recordings });
  const stagingTarget = () => stagingTargetOf(app, recordings, placement.node !== '');
  if (config.library.staging === 'bucket' && stagingTarget() === undefined) {
    throw new OxbowError(
      'bad-setting',
      '`library.staging` is `bucket`, and `storage.target` names no object store of the type `s3` or `gcs`.',
    );
  }
  const parts = opened.use(
    openParts({
      db: store.db,
      clock,
      store: files,
      staging,
      stagingTarget,
      leases: openLeaseTable(store.db, clock),
      intake: library.uploaded,
      events: bus,
      settings,
      room() {
        const { free, least } = disk.now();
        return free - least;
      },
      counters: {
        bytes: (count) => metrics.uploadBytes.inc(count),
        receiving: (change) => metrics.uploadsReceiving.inc(change),
        ended: (result) => metrics.uploads.inc({ result }),
      },
      failed: report,
      holder: placement.node === '' ? `${hostname()} ${process.pid}` : lockHolderOf(placement.node),
      placement,
      signal: shutdown.signal,
    }),
  );
  await parts.sweep.freeLocks();
  opened.defer(library.trash.removed.subscribe(({ id }) => void parts.uploads.assetRemoved(id).catch(report)));
  return { ...parts, staging, [Symbol.dispose]: () => parts[Symbol.dispose]() };
}

function openStaging(
  { settings, clock, opened, log }: AppContext,
  { store, recordings: { objects } }: Pick<Parts, 'store' | 'recordings'>,
): StagingStore | undefined {
  if (!objects) return undefined;
  const { index, deletions, targets } = objects;
  const failures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
  return opened.use(
    openStagingStore({
      db: store.db,
      deletions,
      objects: index,
      clientOf: (target) => targets.client(target),
      prefixOf: (target) => targets.find(target)?.prefix ?? '',
      fence: () => store.fence,
      clock,
      maxMemory: () => settings.now.library.stagingMemory,
      failed: (target, error) =>
        failures.call((leftOut) => log.warn({ target, err: error, leftOut }, 'an object store did not take an upload')),
    }),
  );
}

/** The object store of new uploads; undefined: the data folder. */
function stagingTargetOf(
  { config, settings, process: part }: AppContext,
  { objects }: Pick<Parts['recordings'], 'objects'>,
  isNode: boolean,
): string | undefined {
  const { target } = settings.now.storage;
  const { staging } = config.library;
  // The processes of one server share its disk.
  const isWanted = staging === 'bucket' || (staging === 'auto' && isNode && !part);
  const type = objects?.targets.find(target)?.type;
  return isWanted && (type === 's3' || type === 'gcs') ? target : undefined;
}

/** Works until the shutdown. */
export function startUploads({ opened, shutdown, failed }: AppContext, { sweep, staging }: AppUploads): void {
  const { signal } = shutdown;
  const report = failed('the sweep of uploads');
  const run = async () => {
    await sweep.recover({ signal }).catch(report);
    while (!signal.aborted) {
      await sweep.run({ signal }).catch(report);
      await staging?.sweep().catch(report);
      await sleep(SWEEP_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}
