/**
 * Opens uploads to the library, completes those that the process before had received, and deletes those that
 * expire.
 * In: the context, store, events, recordings, disk, assets. Out: Uploads.
 */
import { hostname } from 'node:os';
import { openLocalUploadStore } from '../archive/local-upload-store.ts';
import type { AppContext, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { type OpenedUploads, openUploads as openParts } from '../library/uploads/open-uploads.ts';
import { openLeaseTable } from '../store/lease-table.ts';

/** Expired uploads are searched this often. */
const SWEEP_EVERY_MS = 60_000;

/** Opens them. */
export async function openUploads(
  { config, settings, dataFolder, clock, opened, metrics, failed, shutdown }: AppContext,
  {
    store,
    bus,
    recordings,
    disk,
    library,
    placement,
  }: Pick<Parts, 'store' | 'bus' | 'recordings' | 'disk' | 'library' | 'placement'>,
): Promise<OpenedUploads> {
  const { syncQueue } = recordings;
  const { hashThreads } = config.library;
  const files = opened.use(openLocalUploadStore({ folder: dataFolder, syncQueue, hashThreads }));
  const report = failed('an upload');
  const parts = opened.use(
    openParts({
      db: store.db,
      clock,
      store: files,
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
      holder: placement.node === '' ? `${hostname()} ${process.pid}` : `node/${placement.node}`,
      placement,
      signal: shutdown.signal,
    }),
  );
  await parts.sweep.freeLocks();
  opened.defer(library.trash.removed.subscribe(({ id }) => void parts.uploads.assetRemoved(id).catch(report)));
  return parts;
}

/** Works until the shutdown. */
export function startUploads({ opened, shutdown, failed }: AppContext, { sweep }: OpenedUploads): void {
  const { signal } = shutdown;
  const report = failed('the sweep of uploads');
  const run = async () => {
    await sweep.recover({ signal }).catch(report);
    while (!signal.aborted) {
      await sweep.run({ signal }).catch(report);
      await sleep(SWEEP_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}
