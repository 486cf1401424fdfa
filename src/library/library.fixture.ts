/**
 * A library on a temporary database and a store in memory, for tests.
 * In: settings. Out: Assets with its clock, events and stored files.
 */
import { MemorySegmentStore } from '../archive/memory-segment-store.fixture.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import { type OpenDatabase, openTemporaryStore } from '../store/store.fixture.ts';
import type { NewAsset } from './asset.ts';
import type { AssetQuery } from './asset-list.ts';
import type { Assets } from './assets.ts';
import { type AssetsOptions, openAssets } from './open-assets.ts';

/** Settings that a test may change at any time. */
export interface LibrarySettings {
  quota?: number | undefined;
  quotaPerOwner?: number | undefined;
  trash?: number;
}

export async function openTestLibrary(library: LibrarySettings = {}, openDatabase: OpenDatabase = openTemporaryStore) {
  const store = await openDatabase();
  const segments = new MemorySegmentStore();
  const clock = { ms: Date.UTC(2026, 0, 2), nowMs: () => clock.ms, monotonicMs: () => clock.ms };
  const events: [type: string, data: Readonly<Record<string, unknown>>][] = [];
  const publish: EventBus['publish'] = (type, data) => void events.push([type, data as Record<string, unknown>]);
  const settings = {
    get now() {
      return { library: { quota: undefined, quotaPerOwner: undefined, trash: 30 * 86_400_000, ...library } };
    },
  };
  const open = (node: Pick<AssetsOptions, 'placement' | 'deleteAtNodes'> = {}) =>
    openAssets({ db: store.db, clock, events: { publish }, settings, segments, ...node });
  return {
    ...(await open()),
    /** Opens the same library again, as after a restart, or as a node. */
    reopen: open,
    db: store.db,
    segments,
    clock,
    events,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** An asset to begin. */
export const film = (more: Partial<NewAsset> = {}): NewAsset => ({
  owner: 'admin',
  filename: 'film.mp4',
  length: 1000,
  ...more,
});

/** Titles of a list, in its order. */
export const titlesOf = async (assets: Assets, query: Partial<AssetQuery>) =>
  (await assets.list({ limit: 100, ...query })).items.map(({ title }) => title);
