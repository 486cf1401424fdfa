/**
 * Opens the library: the records of assets, their gauges, and the trash.
 * In: the context, store, events, recordings. Out: Library.
 */
import type { AssetsApi } from '../api/library/assets-api.ts';
import { originalLocation } from '../archive/asset-locations.ts';
import type { AppContext, Library, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { exportAssetsOf } from '../library/asset-export.ts';
import { AssetMediaCache } from '../library/asset-media.ts';
import { createAssetsApi } from '../library/assets-api.ts';
import { openAssets } from '../library/open-assets.ts';
import { Subtitles } from '../library/subtitles/subtitles.ts';
import { RecordedAssets } from '../streams/library/recorded-assets.ts';
import { readStreamName } from '../streams/stream-table.ts';

/** The trash is looked through at the start and then this often. */
const TRASH_EVERY_MS = 30_000;

/** Opens the records and the index of their media. */
export async function openLibrary(
  { settings, clock, opened, metrics }: AppContext,
  { store, bus, recordings, placement }: Pick<Parts, 'store' | 'bus' | 'recordings' | 'placement'>,
): Promise<Library> {
  const { segments, files, release, deleteAtNodes } = recordings;
  const parts = await openAssets({
    db: store.db,
    read: store.read,
    clock,
    events: bus,
    settings,
    segments,
    placement,
    release,
    deleteAtNodes,
  });
  const { assets, uploaded } = parts;
  if (placement.node !== '' && placement.takes('asset')) {
    await assets.claimUnplaced((id) =>
      files.size(originalLocation(id)).then(
        () => true,
        () => false, // another node has it, or none
      ),
    );
  }
  opened.defer(
    placement.moved.subscribe(({ kind, key, owner }) => {
      if (kind === 'asset' && owner === 'own') assets.touch(key);
    }),
  );
  opened.defer(
    metrics.beforeScrape(async () => {
      for (const [state, count] of Object.entries(await assets.counts())) metrics.assets.set({ state }, count);
      metrics.assetBytes.set(uploaded.bytes);
    }),
  );
  const subtitles = new Subtitles({ db: store.db, segments });
  return { ...parts, subtitles, media: opened.use(new AssetMediaCache(store.db, assets, subtitles)) };
}

/** Creates the API over the library, and removes the pins of assets that are gone. */
export async function openAssetsApi(
  { settings, clock, opened, failed }: AppContext,
  {
    store,
    recordings,
    catalog,
    library,
    accounts,
    placement,
    countries,
  }: Pick<Parts, 'store' | 'recordings' | 'catalog' | 'library' | 'accounts' | 'placement' | 'countries'>,
): Promise<AssetsApi> {
  const { assets, processed, trash, media, subtitles } = library;
  const recorded = new RecordedAssets({ catalog, pins: recordings.pins, assets, trash });
  const owns = async (streamId: string) => {
    if (placement.node === '') return true;
    const name = await readStreamName(store.db, streamId);
    return name !== undefined && placement.find('stream', name) === 'own';
  };
  opened.defer(await recorded.follow(failed('the pin of an asset'), owns));
  accounts.access.exporters.add('assets', (id) => exportAssetsOf(store.db, `user:${id}`));
  return createAssetsApi({
    assets,
    processed,
    trash,
    media,
    subtitles,
    db: store.db,
    clock,
    settings,
    countries,
    sign: (name, expiresMs) => accounts.access.watch.sign(name, expiresMs),
    createRecorded: (asset, owner) => recorded.create(asset, owner),
  });
}

/** Deletes assets that were in the trash long enough, until the shutdown. */
export function startTrash(
  { opened, shutdown, failed }: AppContext,
  { library: { trash, uploaded }, recordings, placement }: Pick<Parts, 'library' | 'recordings' | 'placement'>,
): void {
  const { signal } = shutdown;
  const report = failed('the trash of the library');
  const run = async () => {
    if (placement.node !== '') await trash.deleteLeft(recordings.files).catch(report);
    while (!signal.aborted) {
      await trash.empty().catch(report);
      await trash.deleteFiles().catch(report);
      if (placement.node !== '') await uploaded.count().catch(report);
      await sleep(TRASH_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}
