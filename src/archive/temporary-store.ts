/**
 * A store of media in a temporary folder: a worker writes chunk files there before it sends them.
 * In: nothing. Out: a SegmentStore whose files are deleted with it.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemFiles } from '../lib/files/files.ts';
import { openLocalSegmentStore } from './local-segment-store.ts';
import type { SegmentStore } from './segment-store.ts';

/** A store and its folder. Disposing deletes both. */
export interface TemporaryStore extends AsyncDisposable {
  readonly store: SegmentStore;
}

/** Creates a store in the temporary folder of the system. */
export async function openTemporaryStore(): Promise<TemporaryStore> {
  const folder = await systemFiles.mkdtemp(join(tmpdir(), 'oxbow-work-'));
  const store = openLocalSegmentStore({ folder, maxOpen: 4 });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await systemFiles.rm(folder, { recursive: true, force: true });
    },
  };
}
