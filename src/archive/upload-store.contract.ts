/**
 * The contract of UploadStore.
 * In: a way to open an empty one. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { originalLocation } from './asset-locations.ts';
import type { SegmentStore } from './segment-store.ts';
import type { UploadStore } from './upload-store.ts';

/** An engine, and the store that has its finished objects. */
export interface OpenUploadStore extends AsyncDisposable {
  readonly uploads: UploadStore;
  readonly segments: SegmentStore;
}

const location = originalLocation('a1');
const file = randomBytes(1_200_000);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function write(store: UploadStore, from: number, to: number): Promise<void> {
  await using open = await store.open(location);
  const half = Math.floor((from + to) / 2);
  await open.write([file.subarray(from, half), file.subarray(half, to)], from);
  await open.sync(true);
}

/** Every engine runs this suite. */
export function uploadStoreContract(name: string, open: () => Promise<OpenUploadStore>): void {
  suite(`uploads on ${name}`, () => {
    test('bytes come in any order and at once, and are an object when they are complete', async () => {
      await using store = await open();
      const { uploads, segments } = store;
      await Promise.all([
        write(uploads, 800_000, file.length),
        write(uploads, 0, 400_000),
        write(uploads, 400_000, 800_000),
      ]);
      await assert.rejects(segments.size(location), { code: 'gone' }, 'nothing of it is visible before');
      await uploads.finish(location, file.length);
      assert.deepEqual(Buffer.from(await segments.read(location, { offset: 0, length: file.length })), file);
      await uploads.finish(location, file.length); // after a crash it is repeated
      await uploads.discard(location);
      assert.equal(await segments.size(location), file.length, 'a finished one stays');
    });

    test('what was written beyond the end is cut off', async () => {
      await using store = await open();
      await write(store.uploads, 0, 1000);
      await store.uploads.finish(location, 900);
      assert.equal(await store.segments.size(location), 900);
    });

    test('the hash follows the bytes; one that begins again is the same, also after the end', async () => {
      await using store = await open();
      const { uploads } = store;
      using digest = uploads.digest(location);
      await write(uploads, 0, 700_000);
      digest.reach(700_000);
      digest.reach(5);
      await write(uploads, 700_000, file.length);
      digest.reach(file.length);
      assert.equal(await digest.result(file.length), sha256(file));
      await uploads.finish(location, file.length);
      using again = uploads.digest(location);
      again.reach(file.length);
      assert.equal(await again.result(file.length), sha256(file));
      using short = uploads.digest(location);
      await assert.rejects(short.result(file.length + 1), 'a file that is too short has no hash');
    });

    test('a discarded one leaves nothing; what never was cannot be finished', async () => {
      await using store = await open();
      await write(store.uploads, 0, 10);
      await store.uploads.discard(location);
      await store.uploads.discard(location);
      await assert.rejects(store.uploads.finish(location, 10), { code: 'gone' });
      using digest = store.uploads.digest(location);
      const result = digest.result(10);
      await assert.rejects(result);
    });
  });
}
