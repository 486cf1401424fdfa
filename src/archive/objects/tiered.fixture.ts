/**
 * A tiered store over a bucket, in temporary folders.
 * In: a client. Out: the store with its parts. Used by tests only.
 */
import { join } from 'node:path';
import type { Store } from '../../store/db.ts';
import type { Fence } from '../../store/lease-table.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { LocalSegmentStore } from '../local-segment-store.ts';
import { temporaryFolder } from '../media.fixture.ts';
import type { SegmentLocation } from '../segment-store.ts';
import { BlockFiles } from './block-files.ts';
import type { ObjectClient } from './object-client.ts';
import { ObjectDeletions } from './object-deletions.ts';
import { ObjectReader, type ObjectReaderOptions } from './object-reader.ts';
import { ObjectRows } from './object-rows.ts';
import { ObjectUploads } from './object-uploads.ts';
import { StoredObjects } from './stored-objects.ts';
import { TieredSegmentStore } from './tiered-segment-store.ts';
import { type UploadOptions, uploadObject } from './upload-object.ts';

/** A store under test. */
export interface TieredUnderTest extends AsyncDisposable {
  readonly folder: string;
  readonly store: TieredSegmentStore;
  readonly local: LocalSegmentStore;
  readonly objects: StoredObjects;
  readonly uploads: ObjectUploads;
  readonly deletions: ObjectDeletions;
  readonly database: Store;
  readonly blocks: BlockFiles;
  /** The clock of the index, µs since 1970. */
  nowUs: number;
  /** The fence of the process; a test changes it. */
  fence: Fence;
  /** Bytes that buckets sent. */
  readonly fetched: number;
  upload(location: SegmentLocation, options?: Partial<UploadOptions>): Promise<'stored' | 'gone'>;
  /** Uploads a file and deletes it. */
  move(location: SegmentLocation): Promise<void>;
  /** Another store over the same folder, as a process has after a crash. */
  again(): TieredSegmentStore;
}

/** Opens a store whose target `bucket` is a client, which stays open. */
export async function openTiered(
  client: ObjectClient,
  options: Pick<ObjectReaderOptions, 'openBreaker'> = {},
): Promise<TieredUnderTest> {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await temporaryFolder()).path;
  const database = opened.use(await openTemporaryStore());
  const blocks = await BlockFiles.open({ folder: join(folder, 'cache'), maxBytes: () => 2 ** 26, hasRoom: () => true });
  const state = { nowUs: 1_700_000_000_000_000, fence: database.fence, fetched: 0 };
  const fence = () => state.fence;
  const nowUs = () => state.nowUs;
  const rows = ObjectRows.in(database.db, fence);
  const deletions = new ObjectDeletions(rows, nowUs);
  const uploads = new ObjectUploads(rows, nowUs, deletions);
  const objects = new StoredObjects(rows, nowUs, deletions);
  const open = () => {
    const local = new LocalSegmentStore({ folder });
    const clientOf = async () => client;
    const fetched = (_: string, bytes: number) => (state.fetched += bytes);
    const reader = new ObjectReader({ clientOf, blocks, fetched, ...options });
    return { local, store: opened.use(new TieredSegmentStore({ local, objects, reader })) };
  };
  const { local, store } = open();
  const upload = (location: SegmentLocation, change: Partial<UploadOptions> = {}) => {
    const { signal } = new AbortController();
    return uploadObject(location, {
      local,
      uploads,
      objects,
      client,
      target: 'bucket',
      prefix: 'o',
      signal,
      ...change,
    });
  };
  return {
    folder,
    store,
    local,
    objects,
    uploads,
    deletions,
    database,
    blocks,
    get nowUs() {
      return state.nowUs;
    },
    set nowUs(us) {
      state.nowUs = us;
    },
    get fence() {
      return state.fence;
    },
    set fence(fence) {
      state.fence = fence;
    },
    get fetched() {
      return state.fetched;
    },
    upload,
    async move(location) {
      await upload(location);
      await store.dropFile(location, (gone) => store.release(gone));
    },
    again: () => open().store,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
