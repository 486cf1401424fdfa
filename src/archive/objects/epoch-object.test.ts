import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { epochKey, guardClient, readEpochObject, writeEpochObject } from './epoch-object.ts';
import { openFolderClient } from './folder-client.ts';
import { startS3 } from './object-servers.fixture.ts';

const source = (text: string) => {
  const bytes = Buffer.from(text);
  return { size: bytes.length, read: async (at: number, length: number) => bytes.subarray(at, at + length) };
};

suite('the epoch of a bucket', () => {
  test('is read as it was written, and other objects are refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-epoch-'));
    await using opened = new AsyncDisposableStack();
    opened.defer(() => rm(folder, { recursive: true }));
    const client = opened.use(await openFolderClient(folder));
    const key = epochKey({ prefix: 'oxbow' });
    assert.deepEqual([key, epochKey({ prefix: '' })], ['oxbow/epoch', 'epoch']);
    assert.equal(await readEpochObject(client, key), undefined);
    for (const epoch of [1, 2]) {
      await writeEpochObject(client, key, epoch);
      assert.equal(await readEpochObject(client, key), epoch);
    }
    await client.put(key, source('{"epoch":-1}\n'));
    await assert.rejects(readEpochObject(client, key), { name: 'ObjectError' });
  });

  test('is looked at before each part of an object that is sent in parts', async () => {
    await using bucket = await startS3();
    await using client = await bucket.client();
    let refusal: Error | undefined;
    const { parts } = guardClient(client, async () => {
      if (refusal) throw refusal;
    });
    const bytes = Buffer.from('1');
    const md5 = createHash('md5').update(bytes).digest('hex');
    const uploadId = await parts!.begin('p');
    const etag = await parts!.send('p', { uploadId, number: 1, md5 }, bytes);
    refusal = new Error('superseded');
    await assert.rejects(parts!.begin('p'), /superseded/);
    await assert.rejects(parts!.send('p', { uploadId, number: 2, md5 }, bytes), /superseded/);
    const complete = () => parts!.complete('p', uploadId, [{ number: 1, etag }]);
    await assert.rejects(complete(), /superseded/);
    refusal = undefined;
    assert.equal(await complete(), 'done');
  });

  test('is looked at before each change, and reads pass', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-epoch-'));
    await using opened = new AsyncDisposableStack();
    opened.defer(() => rm(folder, { recursive: true }));
    let refusal: Error | undefined;
    const client = opened.use(
      guardClient(await openFolderClient(folder), async () => {
        if (refusal) throw refusal;
      }),
    );
    await client.put('a', source('1'));
    refusal = new Error('superseded');
    await assert.rejects(client.put('a', source('22')), /superseded/);
    await assert.rejects(client.delete('a'), /superseded/);
    const upload = { uploadId: '', partBytes: 1, parts: [] };
    await assert.rejects(client.abandon('a', upload), /superseded/);
    assert.equal((await client.head('a'))?.size, 1);
    assert.equal(Buffer.from((await client.read('a', { offset: 0, length: 9 }))!).toString(), '1');
    assert.deepEqual(await Array.fromAsync(client.list('')), [{ key: 'a', size: 1 }]);
  });
});
