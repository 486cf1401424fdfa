import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { originalLocation } from '../../archive/asset-locations.ts';
import type { ObjectClient, ObjectParts } from '../../archive/objects/object-client.ts';
import {
  type BadNetwork,
  openBadNetwork,
  type S3Server,
  startS3,
} from '../../archive/objects/object-servers.fixture.ts';
import { BUCKET, openTestStaging, PART } from '../../archive/staging/staging.fixture.ts';
import type { OxbowError } from '../../lib/errors.ts';
import { readChecksum } from './checksum.ts';
import type { OpenedUploads } from './open-uploads.ts';
import type { Upload } from './upload.ts';
import { openTestUploads } from './uploads.fixture.ts';
import type { Uploads, UploadsOptions } from './uploads.ts';

const me = { owner: 'token:a', isAdmin: false };
/** Bytes. */
const EIGHTH = PART / 8;
const file = randomBytes(18 * EIGHTH + 12_345);
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const sha256 = hash(file);
const { signal } = new AbortController();

/** A body that ends, or that is cut off. */
function bodyOf(bytes: Uint8Array, isCut = false): Readable {
  const body = new PassThrough({ highWaterMark: 2 * file.length });
  body.write(bytes);
  if (isCut) body.once('resume', () => setImmediate(() => body.destroy()));
  else body.end();
  return body;
}

async function append(uploads: Uploads, id: string, offset: number, body: Readable, how = {}): Promise<Upload> {
  await using lock = await uploads.lock(id, { signal });
  return await uploads.append(id, lock, offset, body, how);
}

const refusal = (code: string, resumeOffset?: number) => (error: OxbowError) => {
  assert.deepEqual([error.code, error.extra.resumeOffset], [code, resumeOffset], error.stack);
  return true;
};

suite('uploads in a bucket', () => {
  const opened = new AsyncDisposableStack();
  let bucket: S3Server;
  let network: BadNetwork;
  let client: ObjectClient;

  before(async () => {
    bucket = opened.use(await startS3());
    network = opened.use(await openBadNetwork(bucket.port));
    client = opened.use(await bucket.client(network.port));
  });
  after(() => opened.disposeAsync());

  /** Uploads of a process, and of others that it shares the bucket and the database with. */
  async function openRig() {
    const rig = await openTestUploads();
    const staging = openTestStaging(rig.database, client);
    const process = (more: Partial<UploadsOptions> = {}, used = client) =>
      rig.open({
        staging: staging.open({ clientOf: async () => used }),
        stagingTarget: () => BUCKET,
        room: () => 0,
        ...more,
      });
    return { ...rig, staging, process };
  }

  const create = ({ creation }: Pick<OpenedUploads, 'creation'>, more: object = {}) =>
    creation.create(me, { filename: 'a.mp4', length: file.length, ...more });
  const keys = async () => (await Array.fromAsync(client.list('o/'))).map(({ key }) => key);

  test('cut at any byte, an upload continues there, in a process without a file of it', async () => {
    await using rig = await openRig();
    for (const at of [0, 5 * EIGHTH, 8 * EIGHTH, file.length - 1]) {
      const first = rig.process();
      const { id, assetId } = await create(first, { sha256 });
      const cut = append(first.uploads, id, 0, bodyOf(file.subarray(0, at), true));
      await assert.rejects(cut, refusal('upload-incomplete', at));
      const { uploads: other } = rig.process();
      assert.equal((await other.get(id, me)).received, at);
      await assert.rejects(append(other, id, at + 1, bodyOf(file)), refusal('upload-offset', at));
      const done = await append(other, id, at, bodyOf(file.subarray(at)));
      assert.equal(done.state, 'complete');
      assert.equal(hash(await rig.staging.read(originalLocation(assetId))), sha256);
      assert.equal(rig.reports.at(-1), `${assetId} complete ${file.length} ${sha256}`);
      assert.deepEqual(await rig.filesOf(assetId), [], 'nothing of it is on the disk');
    }
    assert.deepEqual(await rig.staging.rows(), [0, 0]);
    await rig.staging.delete();
    assert.equal((await keys()).length, 4, 'each upload leaves its object and nothing else');
  });

  test('small requests of a file of unknown length are one object', async () => {
    await using rig = await openRig();
    const { uploads, creation } = rig.process();
    const { id, assetId } = await create({ creation }, { length: undefined });
    const bytes = file.subarray(0, 9 * EIGHTH + 5);
    for (let at = 0; at < bytes.length; at += EIGHTH) {
      const isWhole = at + EIGHTH >= bytes.length;
      await append(uploads, id, at, bodyOf(bytes.subarray(at, at + EIGHTH)), { isWhole });
    }
    assert.equal((await uploads.get(id, me)).state, 'complete');
    assert.equal(hash(await rig.staging.read(originalLocation(assetId))), hash(bytes));
    assert.equal(rig.reports.at(-1), `${assetId} complete ${bytes.length} ${hash(bytes)}`);
  });

  test('a body with a wrong checksum does not count, nor does the hash of the file include it', async () => {
    await using rig = await openRig();
    const { uploads, creation } = rig.process();
    const { id, assetId } = await create({ creation }, { sha256 });
    await append(uploads, id, 0, bodyOf(file.subarray(0, EIGHTH)));
    const rest = file.subarray(EIGHTH);
    const checksum = readChecksum(`sha256 ${createHash('sha256').update(rest).digest('base64')}`);
    const wrong = append(uploads, id, EIGHTH, bodyOf(randomBytes(12 * EIGHTH)), { checksum });
    await assert.rejects(wrong, refusal('checksum-mismatch', EIGHTH));
    const done = await append(uploads, id, EIGHTH, bodyOf(rest), { checksum });
    assert.equal(done.state, 'complete');
    assert.equal(hash(await rig.staging.read(originalLocation(assetId))), sha256);
  });

  test('a file with another SHA-256 than announced is deleted in the bucket', async () => {
    await using rig = await openRig();
    const { uploads, creation } = rig.process();
    const before = (await keys()).length;
    const { id, assetId } = await create({ creation }, { sha256: hash(Buffer.alloc(0)) });
    await assert.rejects(append(uploads, id, 0, bodyOf(file)), refusal('checksum-mismatch', 0));
    assert.deepEqual(rig.reports, [`${assetId} failed checksum-mismatch`]);
    assert.deepEqual(await rig.staging.rows(), [0, 0]);
    await rig.staging.delete();
    assert.equal((await keys()).length, before);
  });

  test('chunks in any order, in two processes at once, are one object', async () => {
    await using rig = await openRig();
    const [one, two] = [rig.process(), rig.process()];
    const chunkBytes = 3 * EIGHTH;
    const upload = await create(one, { chunkBytes, sha256 });
    const known = { ...upload, length: file.length, chunkBytes };
    const count = Math.ceil(file.length / chunkBytes);
    const put = ({ uploads }: OpenedUploads, number: number, bytes?: Uint8Array) =>
      uploads.putChunk(known, number, bodyOf(bytes ?? file.subarray((number - 1) * chunkBytes, number * chunkBytes)), {
        checksum: undefined,
        signal,
      });
    const numbers = Array.from({ length: count }, (_, n) => count - n);
    await assert.rejects(put(one, 2, file.subarray(0, EIGHTH)), { code: 'upload-incomplete' });
    await Promise.all(numbers.map((number) => put(number % 2 === 0 ? one : two, number)));
    const stretches = await rig.database.db.selectFrom('staged_part').select(['start', 'number']).execute();
    assert.ok(stretches.length < count, 'they are joined as they come');
    assert.equal((await put(two, 1)).wasStored, true);
    await assert.rejects(put(two, 1, randomBytes(chunkBytes)), { code: 'chunk-differs' });
    const other = rig.process();
    const done = await other.uploads.complete(upload.id, { signal });
    assert.equal(done.state, 'complete');
    assert.equal(hash(await rig.staging.read(originalLocation(upload.assetId))), sha256);
    assert.equal(rig.reports.at(-1), `${upload.assetId} complete ${file.length} ${sha256}`);
  });

  test('a process that ends between a part and its row loses that part, and no other', async () => {
    await using rig = await openRig();
    const dead = rig.process();
    const { id, assetId } = await create(dead, { sha256 });
    await append(dead.uploads, id, 0, bodyOf(file.subarray(0, 9 * EIGHTH)));
    // The bucket has the part, and the process is gone before the database does.
    await using lock = await dead.uploads.lock(id, { signal });
    const next = rig.process();
    await next.sweep.freeLocks();
    {
      await using _ = await next.uploads.lock(id, { signal });
      const late = dead.uploads.append(id, lock, 9 * EIGHTH, bodyOf(randomBytes(file.length - 9 * EIGHTH)), {});
      await assert.rejects(late, refusal('upload-locked', 9 * EIGHTH));
    }
    assert.equal((await next.uploads.get(id, me)).received, 9 * EIGHTH);
    await append(next.uploads, id, 9 * EIGHTH, bodyOf(file.subarray(9 * EIGHTH)));
    assert.equal(hash(await rig.staging.read(originalLocation(assetId))), sha256);
  });

  test('a part that arrives late, from a process that was paused, replaces none', async () => {
    await using rig = await openRig();
    const held = Promise.withResolvers<void>();
    const isSending = Promise.withResolvers<void>();
    const slow = withParts(client, {
      async send(key, at, bytes) {
        isSending.resolve();
        await held.promise;
        return client.parts!.send(key, at, bytes);
      },
    });
    const paused = rig.process({}, slow);
    const { id, assetId } = await create(paused, { sha256 });
    const late = append(paused.uploads, id, 0, bodyOf(randomBytes(file.length)));
    late.catch(() => undefined);
    await isSending.promise;
    const next = rig.process();
    await next.sweep.freeLocks();
    await append(next.uploads, id, 0, bodyOf(file.subarray(0, 17 * EIGHTH)));
    held.resolve();
    await assert.rejects(late, { code: 'upload-locked' });
    await append(next.uploads, id, 17 * EIGHTH, bodyOf(file.subarray(17 * EIGHTH)));
    assert.equal(hash(await rig.staging.read(originalLocation(assetId))), sha256);
  });

  test('a bucket that fails is a refusal with Retry-After, and what it has counts', async () => {
    await using rig = await openRig();
    const { uploads, creation } = rig.process();
    const { id, assetId } = await create({ creation }, { sha256 });
    await append(uploads, id, 0, bodyOf(file.subarray(0, 17 * EIGHTH)));
    network.cut();
    const failed = append(uploads, id, 17 * EIGHTH, bodyOf(file.subarray(17 * EIGHTH)));
    await assert.rejects(failed, (error: OxbowError) => {
      assert.equal(error.extra.retryAfterSeconds, 5);
      return refusal('storage-failed', 17 * EIGHTH)(error);
    });
    assert.equal((await uploads.get(id, me)).received, 17 * EIGHTH);
    network.flow();
    const done = await append(rig.process().uploads, id, 17 * EIGHTH, bodyOf(file.subarray(17 * EIGHTH)));
    assert.equal(done.state, 'complete');
    assert.equal(hash(await rig.staging.read(originalLocation(assetId))), sha256);
  });

  test('a bucket that has given up the parts makes the upload begin again', async () => {
    await using rig = await openRig();
    // It does not know any upload in parts when it is to be completed.
    const forgetful = withParts(client, { complete: async () => 'lost' });
    const { uploads, creation } = rig.process({}, forgetful);
    const { id, assetId } = await create({ creation }, { sha256 });
    const lost = append(uploads, id, 0, bodyOf(file));
    await assert.rejects(lost, refusal('upload-offset', 0));
    assert.equal((await uploads.get(id, me)).received, 0);
    await append(rig.process().uploads, id, 0, bodyOf(file));
    assert.equal(hash(await rig.staging.read(originalLocation(assetId))), sha256);
  });

  test('an upload that is complete in the bucket and not in the database is completed after a crash', async () => {
    await using rig = await openRig();
    const dead = rig.process({
      intake: {
        begin: async () => 'crashed',
        grows: async () => undefined,
        complete: () => Promise.reject(new Error('crash')),
        fail: async () => undefined,
      },
    });
    const { id } = await create(dead, { sha256 });
    await assert.rejects(append(dead.uploads, id, 0, bodyOf(file)), { message: 'crash' });
    const next = rig.process();
    await next.sweep.recover({ signal });
    assert.deepEqual(rig.reports, [`crashed complete ${file.length} ${sha256}`]);
    assert.equal((await next.uploads.get(id, me)).state, 'complete');
  });

  test('an upload that expires, is cancelled, or has no row any more leaves nothing in the bucket', async () => {
    await using rig = await openRig();
    const staging = rig.staging.open();
    const { uploads, creation, sweep } = rig.process({ staging });
    const before = await keys();
    const ids = [];
    for (let i = 0; i < 3; i++) {
      const { id } = await create({ creation });
      await append(uploads, id, 0, bodyOf(file.subarray(0, 9 * EIGHTH)));
      ids.push(id);
    }
    assert.deepEqual(await rig.staging.rows(), [3, 6]);
    {
      await using lock = await uploads.lock(ids[0]!, { signal });
      await uploads.cancel(ids[0]!, lock);
    }
    await rig.database.db.deleteFrom('upload').where('id', '=', ids[1]!).execute();
    await staging.sweep();
    assert.deepEqual(await rig.staging.rows(), [1, 2], 'the third one is not complete');
    rig.clock.advance(3_600_001);
    await sweep.run({ signal });
    assert.deepEqual(await rig.staging.rows(), [0, 0]);
    await rig.staging.delete();
    assert.deepEqual([await keys(), rig.failures], [before, []]);
  });

  test('more uploads than there is memory for are refused, and their memory is free again', async () => {
    await using rig = await openRig();
    const staging = rig.staging.open({ maxMemory: () => 12 * EIGHTH });
    const { uploads, creation } = rig.process({ staging });
    const [one, two] = [await create({ creation }), await create({ creation })];
    const body = new PassThrough();
    body.write(file.subarray(0, 100));
    const first = append(uploads, one.id, 0, body);
    await new Promise((resolve) => body.once('resume', resolve));
    await assert.rejects(append(uploads, two.id, 0, bodyOf(file)), refusal('busy', 0));
    body.destroy();
    await assert.rejects(first, refusal('upload-incomplete', 100));
    assert.equal(staging.memoryBytes, 0);
    await append(uploads, two.id, 0, bodyOf(file));
    assert.equal(staging.memoryBytes, 0);
  });
});

/** A bucket whose parts are sent in another way. */
function withParts(client: ObjectClient, change: Partial<ObjectParts>): ObjectClient {
  const parts = { ...client.parts!, ...change };
  return new Proxy(client, {
    get(target, name: keyof ObjectClient) {
      const value: unknown = name === 'parts' ? parts : target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
