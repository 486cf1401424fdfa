import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createSyncQueue } from './sync-queue.ts';

/** A file whose syncs end when the test says so. */
function slowFile() {
  const syncs: PromiseWithResolvers<void>[] = [];
  return {
    syncs,
    datasync() {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
  };
}

suite('a sync queue', () => {
  test('has at most two syncs under way, and starts the third when one ends', async () => {
    const queue = createSyncQueue();
    const files = [slowFile(), slowFile(), slowFile()];
    const done = files.map((file) => queue.sync(file));
    assert.deepEqual(
      files.map(({ syncs }) => syncs.length),
      [1, 1, 0],
    );
    files[1]!.syncs[0]!.resolve();
    await done[1];
    assert.equal(files[2]!.syncs.length, 1);
    files[0]!.syncs[0]!.resolve();
    files[2]!.syncs[0]!.resolve();
    await Promise.all(done);
  });

  test('calls that wait for the same file share one sync, but not the one under way', async () => {
    const queue = createSyncQueue();
    const file = slowFile();
    const first = queue.sync(file);
    const others = [queue.sync(file), queue.sync(file), queue.sync(file)];
    assert.equal(file.syncs.length, 1);
    file.syncs[0]!.resolve();
    await first;
    assert.equal(file.syncs.length, 2);
    file.syncs[1]!.resolve();
    await Promise.all(others);
    assert.equal(file.syncs.length, 2);
  });

  test('a failed sync rejects its callers and does not block others', async () => {
    const queue = createSyncQueue(1);
    const [bad, good] = [slowFile(), slowFile()];
    const failed = queue.sync(bad);
    const done = queue.sync(good);
    bad.syncs[0]!.reject(new Error('EIO'));
    await assert.rejects(failed, { message: 'EIO' });
    good.syncs[0]!.resolve();
    await done;
  });
});
