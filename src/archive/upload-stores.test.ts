import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalSegmentStore } from './local-segment-store.ts';
import { openLocalUploadStore } from './local-upload-store.ts';
import { uploadStoreContract } from './upload-store.contract.ts';

uploadStoreContract('a disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-upload-store-'));
  const [uploads, segments] = [openLocalUploadStore({ folder }), openLocalSegmentStore({ folder })];
  return {
    uploads,
    segments,
    async [Symbol.asyncDispose]() {
      await uploads[Symbol.asyncDispose]();
      await segments[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
