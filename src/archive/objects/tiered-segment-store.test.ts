import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Breaker } from '../../lib/breaker/breaker.ts';
import type { BreakerState } from '../../lib/breaker/circuit-breaker.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { openLeaseTable } from '../../store/lease-table.ts';
import { segmentStoreContract } from '../segment-store.contract.ts';
import { segmentLocation, segmentPrefix } from '../segment-store.ts';
import { bytesOf } from '../segment-stores.fixture.ts';
import type { ObjectClient } from './object-client.ts';
import { type ObjectServer, openBadNetwork, startS3 } from './object-servers.fixture.ts';
import { openTiered } from './tiered.fixture.ts';

let server: ObjectServer;
let client: ObjectClient;
before(async () => {
  server = await startS3();
  client = await server.client();
});
after(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const A = segmentLocation('recordings/s/2026/11/21/15/a.mp4');
const keysOf = async () => (await Array.fromAsync(client.list(''))).map(({ key }) => key);

segmentStoreContract('files, with nothing in the bucket', async () => {
  const tiered = await openTiered(client);
  return {
    store: tiered.store,
    crash: async () => tiered.again(),
    [Symbol.asyncDispose]: () => tiered[Symbol.asyncDispose](),
  };
});

segmentStoreContract('a bucket, where every object is moved as soon as it is complete', async () => {
  const tiered = await openTiered(client);
  const { store } = tiered;
  const put = store.put.bind(store);
  store.put = async (location, content, options) => {
    await put(location, content, options);
    await tiered.move(location);
  };
  return { store, crash: async () => tiered.again(), [Symbol.asyncDispose]: () => tiered[Symbol.asyncDispose]() };
});

suite('a store of files and objects', () => {
  test('an object that was moved has the same bytes, size and place in lists, and its file is gone', async () => {
    await using tiered = await openTiered(client);
    const { store, local } = tiered;
    const bytes = randomBytes(3_000_000);
    await store.put(A, bytes);
    await tiered.move(A);
    await assert.rejects(local.size(A), { code: 'gone' });
    assert.equal(await store.size(A), bytes.length);
    assert.deepEqual(Buffer.from(await bytesOf(store, A)), bytes);
    const part = await store.read(A, { offset: 1_048_570, length: 20 });
    assert.deepEqual(Buffer.from(part), bytes.subarray(1_048_570, 1_048_590));
    assert.deepEqual(await Array.fromAsync(store.list(segmentPrefix('recordings/s'))), [A]);
    assert.deepEqual(await store.folders(segmentPrefix('recordings')), ['s']);
    assert.ok((await keysOf()).includes(`o/${tiered.fence.token}/${A}`), 'the key has the fencing token');
  });

  test('lists join files and objects in their order, each location once', async () => {
    await using tiered = await openTiered(client);
    const names = ['r/a/10/y', 'r/a/2.json', 'r/a/2/1/z', 'r/a/2/x', 'r/b/1'].map(segmentLocation);
    for (const location of names) await tiered.store.put(location, Buffer.from('x'));
    await tiered.move(names[0]!);
    await tiered.upload(names[2]!);
    await tiered.move(names[3]!);
    assert.deepEqual(await Array.fromAsync(tiered.store.list(segmentPrefix('r'))), names);
    assert.deepEqual(
      await Array.fromAsync(tiered.store.list(segmentPrefix('r/a'), { from: 'r/a/2', to: 'r/a/2/x' })),
      names.slice(1, 3),
    );
    assert.deepEqual(await tiered.store.folders(segmentPrefix('r/a')), ['10', '2']);
  });

  test('blocks are read from the bucket once, and readers at the same time share the request', async () => {
    await using tiered = await openTiered(client);
    const bytes = randomBytes(100_000);
    await tiered.store.put(A, bytes);
    await tiered.move(A);
    const read = () => tiered.store.read(A, { offset: 0, length: 1000 });
    await Promise.all([read(), read(), read()]);
    await read();
    assert.equal(tiered.fetched, bytes.length);
  });

  test('an object that was copied is read when its file cannot be', async () => {
    await using tiered = await openTiered(client);
    const bytes = randomBytes(100_000);
    await tiered.store.put(A, bytes);
    await tiered.upload(A);
    assert.deepEqual(Buffer.from(await bytesOf(tiered.store, A)), bytes);
    assert.equal(tiered.fetched, 0);
    await tiered.local.delete(A);
    assert.deepEqual(Buffer.from(await bytesOf(tiered.store, A)), bytes);
  });

  test('a file that has lost its end is read from its copy, one that is still written is not', async () => {
    await using tiered = await openTiered(client);
    const bytes = randomBytes(100_000);
    await tiered.store.put(A, bytes);
    await tiered.upload(A);
    await truncate(join(tiered.folder, A), 60_000);
    tiered.local.release(A);
    const read = async (offset: number, length: number) => Buffer.from(await tiered.store.read(A, { offset, length }));
    assert.deepEqual(await read(50_000, 20_000), bytes.subarray(50_000, 70_000));
    assert.deepEqual(await read(90_000, 20_000), bytes.subarray(90_000));
    const open = segmentLocation('recordings/s/open.mp4');
    await using writer = await tiered.store.create(open, [bytes], { sync: false });
    assert.equal((await tiered.store.read(writer.location, { offset: 90_000, length: 20_000 })).length, 10_000);
  });

  test('deleting a recording deletes its objects too, though the bucket is lost at that time', async () => {
    await using network = await openBadNetwork(server.port);
    await using far = await server.client(network.port);
    await using tiered = await openTiered(far);
    await tiered.store.put(A, randomBytes(100));
    await tiered.move(A);
    const key = `o/${tiered.fence.token}/${A}`;
    network.cut();
    await tiered.store.delete(segmentPrefix('recordings/s'));
    await assert.rejects(tiered.store.size(A), { code: 'gone' });
    assert.ok((await keysOf()).includes(key));
    assert.deepEqual(
      (await tiered.deletions.due(10)).map((due) => due.key),
      [key],
    );
  });

  test('bytes that a bad network changed are never visible, and the file stays', async () => {
    await using network = await openBadNetwork(server.port);
    await using far = await server.client(network.port);
    await using tiered = await openTiered(far);
    const bytes = randomBytes(5000);
    await tiered.store.put(A, bytes);
    network.damage(bytes.subarray(3000, 3016)); // s3rver does not compare the MD5 of the request
    await assert.rejects(tiered.upload(A), /other bytes/);
    assert.equal(await tiered.objects.find(A), undefined);
    await tiered.store.dropFile(A, () => {});
    assert.deepEqual(Buffer.from(await bytesOf(tiered.local, A)), bytes);
    assert.equal(await tiered.upload(A), 'stored');
  });

  test('what was deleted during its upload is not visible after it, and is deleted in the bucket', async () => {
    await using tiered = await openTiered(client);
    await tiered.store.put(A, randomBytes(100));
    const slow = withHead(client, async (key) => {
      await tiered.store.delete(A);
      return client.head(key);
    });
    assert.equal(await tiered.upload(A, { client: slow }), 'gone');
    assert.equal(await tiered.objects.find(A), undefined);
    assert.equal((await tiered.deletions.due(10)).length, 1);
  });

  test('a process that lost the data folder can finish an upload, but no one sees it, and the next owner deletes it', async () => {
    await using tiered = await openTiered(client);
    const { objects, deletions, database } = tiered;
    await tiered.store.put(A, randomBytes(100));
    const slow = withHead(client, async (key) => {
      // Now another process takes the folder.
      const { name, token } = database.fence;
      const leases = openLeaseTable(database.db, createSystemClock());
      const next = await leases.take(name, { holder: 'another', ttlMs: 60_000, replaces: token });
      assert.ok(next.isTaken && next.token > token);
      return client.head(key);
    });
    const old = tiered.fence;
    await assert.rejects(tiered.upload(A, { client: slow }), { code: 'data-in-use' });
    await assert.rejects(tiered.upload(A), { code: 'data-in-use' });
    assert.equal(await objects.find(A), undefined, 'it is not in the index');
    assert.ok((await keysOf()).includes(`o/${old.token}/${A}`), 'its bytes are in the bucket');
    tiered.fence = { ...old, token: old.token + 1 };
    assert.equal(await tiered.upload(A), 'stored');
    assert.equal((await objects.find(A))!.key, `o/${old.token + 1}/${A}`);
    const [due] = await deletions.due(10);
    assert.equal(due!.key, `o/${old.token}/${A}`);
    // The old process may still be sending: it is deleted at once and again a day later.
    await deletions.deleted(due!);
    assert.deepEqual(await deletions.due(10), []);
    tiered.nowUs += 25 * 3600e6;
    assert.equal((await deletions.due(10))[0]!.key, due!.key);
    await deletions.deleted((await deletions.due(10))[0]!);
    tiered.nowUs += 100 * 3600e6;
    assert.deepEqual(await deletions.due(10), []);
  });

  test('an upload in parts continues after the process was killed', async () => {
    await using network = await openBadNetwork(server.port);
    await using far = await server.client(network.port);
    await using tiered = await openTiered(far);
    const bytes = randomBytes(20_000_000);
    await tiered.store.put(A, bytes);
    network.cutAfter(17_500_000);
    await assert.rejects(tiered.upload(A), { name: 'ObjectError' });
    network.flow();
    tiered.fence = await nextOwner(tiered.database);
    let sent = 0;
    assert.equal(await tiered.upload(A, { sent: (count) => (sent += count) }), 'stored');
    assert.ok(sent < 5_000_000, `${sent} bytes were sent again`);
    await tiered.store.dropFile(A, () => {});
    assert.deepEqual(Buffer.from(await bytesOf(tiered.store, A)), bytes);
  });

  test('a bucket that does not answer is an error to retry, and is left alone for a while', async () => {
    await using network = await openBadNetwork(server.port);
    await using far = await server.client(network.port);
    const states: BreakerState[] = [];
    const closed = Promise.withResolvers<void>();
    const onChange = (state: BreakerState) => {
      states.push(state);
      if (state === 'closed') closed.resolve();
    };
    await using tiered = await openTiered(far, {
      openBreaker: async (service, settings) => new Breaker({ ...settings, service, minPauseMs: 10, onChange }),
    });
    await tiered.store.put(A, randomBytes(100));
    await tiered.move(A);
    network.cut();
    const failed = { name: 'OxbowError', code: 'storage-failed' };
    for (let i = 0; i < 5; i++) await assert.rejects(tiered.store.read(A, { offset: 0, length: 10 }), failed);
    assert.equal(await tiered.store.size(A), 100);
    assert.equal(states[0], 'open');
    network.flow();
    await closed.promise; // nothing reads: a separate trial finds that the bucket answers
    assert.equal((await tiered.store.read(A, { offset: 0, length: 10 })).length, 10);
  });

  test('a block that was damaged on the disk is read from the bucket again', async () => {
    await using tiered = await openTiered(client);
    const bytes = randomBytes(1000);
    await tiered.store.put(A, bytes);
    await tiered.move(A);
    for (let i = 0; i < 2; i++) await bytesOf(tiered.store, A); // the second waits until the block is kept
    const folder = join(tiered.folder, 'cache');
    const [block] = await readdir(folder);
    assert.equal((await stat(join(folder, block!))).size, 1000);
    await truncate(join(folder, block!), 10);
    assert.deepEqual(Buffer.from(await bytesOf(tiered.store, A)), bytes);
  });
});

/** A client with another `head`. */
function withHead(of: ObjectClient, head: ObjectClient['head']): ObjectClient {
  return new Proxy(of, {
    get(_, name) {
      const own = name === 'head' ? head : of[name as keyof ObjectClient];
      return typeof own === 'function' ? own.bind(of) : own;
    },
  });
}

/** Takes the data folder as the next process does. */
async function nextOwner(database: Awaited<ReturnType<typeof openTiered>>['database']) {
  const { name, token } = database.fence;
  const leases = openLeaseTable(database.db, createSystemClock());
  const next = await leases.take(name, { holder: 'another', ttlMs: 60_000, replaces: token });
  return { name, token: next.token };
}
