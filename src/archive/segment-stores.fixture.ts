/**
 * The engines of stored media, for tests that run on each.
 * In: a folder. Out: stores. Used by tests only.
 */
import { openLocalSegmentStore } from './local-segment-store.ts';
import { MemorySegmentStore } from './memory-segment-store.fixture.ts';
import type { SegmentLocation, SegmentStore } from './segment-store.ts';

/** A way to store media. */
export interface Engine {
  readonly name: 'files' | 'memory';
  /** @param folder where files are, if there are any */
  open(folder: string): SegmentStore;
}

export const engines: readonly Engine[] = [
  { name: 'files', open: (folder) => openLocalSegmentStore({ folder }) },
  { name: 'memory', open: () => new MemorySegmentStore() },
];

/** Has the writers of new objects wait for `before`, which may reject, in each sync. Gives the store back. */
export function holdSyncs<S extends SegmentStore>(store: S, before: () => Promise<void>): S {
  const create = store.create.bind(store);
  store.create = async (...args) => {
    const writer = await create(...args);
    const sync = writer.sync.bind(writer);
    writer.sync = async () => {
      await before();
      await sync();
    };
    return writer;
  };
  return store;
}

/** All bytes of an object. */
export async function bytesOf(store: SegmentStore, location: SegmentLocation): Promise<Uint8Array> {
  return store.read(location, { offset: 0, length: await store.size(location) });
}
