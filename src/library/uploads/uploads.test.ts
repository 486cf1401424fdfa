import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { suite, test } from 'node:test';
import type { OxbowError } from '../../lib/errors.ts';
import { readChecksum } from './checksum.ts';
import type { OpenedUploads } from './open-uploads.ts';
import type { Upload } from './upload.ts';
import { uploadRequest } from './upload-creation.ts';
import { openTestUploads } from './uploads.fixture.ts';
import type { Uploads } from './uploads.ts';

const me = { owner: 'token:a', isAdmin: false };
const file = randomBytes(1_500_000);
const sha256 = createHash('sha256').update(file).digest('hex');
const { signal } = new AbortController();

const create = ({ creation }: Pick<OpenedUploads, 'creation'>, more: object = {}) =>
  creation.create(me, { filename: 'a.mp4', length: file.length, ...more });

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
  assert.deepEqual([error.code, error.extra.resumeOffset], [code, resumeOffset]);
  return true;
};

suite('uploads', () => {
  test('cut at any byte, an upload continues there, in any process', async () => {
    await using rig = await openTestUploads();
    for (const at of [0, 3, 700_000, file.length - 1]) {
      const { id, assetId } = await create(rig, { sha256 });
      const cut = append(rig.uploads, id, 0, bodyOf(file.subarray(0, at), true));
      await assert.rejects(cut, refusal('upload-incomplete', at));
      const { uploads: other } = rig.open();
      assert.equal((await other.get(id, me)).received, at);
      await assert.rejects(append(other, id, at + 1, bodyOf(file)), refusal('upload-offset', at));
      const done = await append(other, id, at, bodyOf(file.subarray(at)));
      assert.equal(done.state, 'complete');
      assert.deepEqual(await rig.original(assetId), file);
      assert.equal(rig.reports.at(-1), `${assetId} complete ${file.length} ${sha256}`);
    }
  });

  test('a body with a wrong checksum does not count, cut or complete', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig);
    const checksum = readChecksum(`md5 ${createHash('md5').update(file).digest('base64')}`);
    const wrong = append(rig.uploads, id, 0, bodyOf(randomBytes(1000)), { checksum });
    await assert.rejects(wrong, refusal('checksum-mismatch', 0));
    const cut = append(rig.uploads, id, 0, bodyOf(file.subarray(0, 1000), true), { checksum });
    await assert.rejects(cut, refusal('upload-incomplete', 0));
    await append(rig.uploads, id, 0, bodyOf(file), { checksum });
    assert.deepEqual(await rig.original(assetId), file);
  });

  test('a file with another SHA-256 than announced is deleted, and its asset fails', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig, { sha256: createHash('sha256').digest('hex') });
    await assert.rejects(append(rig.uploads, id, 0, bodyOf(file)), refusal('checksum-mismatch', 0));
    assert.deepEqual(rig.reports, [`${assetId} failed checksum-mismatch`]);
    assert.deepEqual(await rig.filesOf(assetId), []);
    await assert.rejects(append(rig.uploads, id, 0, bodyOf(file)), { code: 'checksum-mismatch' });
  });

  test('a body longer than the file is refused where the file ends', async () => {
    await using rig = await openTestUploads();
    const { id } = await create(rig, { length: 1000 });
    await assert.rejects(append(rig.uploads, id, 0, bodyOf(file)), refusal('upload-too-large', 1000));
  });

  test('a picture is refused by its first bytes; bytes that may be media are not', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig);
    const picture = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), file]).subarray(0, file.length);
    await assert.rejects(append(rig.uploads, id, 0, bodyOf(picture)), refusal('unsupported-media', 0));
    assert.deepEqual([rig.reports, await rig.filesOf(assetId)], [[`${assetId} failed unsupported-media`], []]);
  });

  test('a full disk is a refusal with the byte to continue with, and what is on the disk counts', async () => {
    let isFull = true;
    await using rig = await openTestUploads((files) => ({
      store: {
        ...files,
        async open(location) {
          const target = await files.open(location);
          return {
            async write(pieces, position) {
              if (isFull && position >= 512 * 1024) {
                throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
              }
              await target.write(pieces, position);
            },
            sync: () => target.sync(false),
            [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
          };
        },
      },
    }));
    const { id, assetId } = await create(rig);
    const body = Readable.from(
      Array.from({ length: 3 }, (_, n) => file.subarray(n * 512 * 1024, (n + 1) * 512 * 1024)),
      { objectMode: false },
    );
    await assert.rejects(append(rig.uploads, id, 0, body), refusal('no-room', 512 * 1024));
    isFull = false;
    const { received } = await rig.uploads.get(id, me);
    await append(rig.uploads, id, received, bodyOf(file.subarray(received)));
    assert.deepEqual(await rig.original(assetId), file);
  });

  test('of two requests that continue the same upload the newer one continues', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig);
    const stuck = new PassThrough();
    stuck.write(file.subarray(0, 5000));
    const older = assert.rejects(append(rig.uploads, id, 0, stuck), refusal('upload-locked', 5000));
    await once(stuck, 'resume');
    await using lock = await rig.uploads.lock(id, { signal });
    await older;
    const { received } = await rig.uploads.get(id, me);
    await rig.uploads.append(id, lock, received, bodyOf(file.subarray(received)), {});
    assert.deepEqual(await rig.original(assetId), file);
  });

  test('a process that lost its lock claims no more bytes', async () => {
    await using rig = await openTestUploads();
    const { id } = await create(rig);
    await using lost = await rig.uploads.lock(id, { signal });
    const { uploads: other, sweep } = rig.open();
    await sweep.freeLocks();
    await using _ = await other.lock(id, { signal });
    await assert.rejects(rig.uploads.append(id, lost, 0, bodyOf(file.subarray(0, 100)), {}), { code: 'upload-locked' });
    assert.equal((await other.get(id, me)).received, 0);
  });

  test('what was received completely before a crash is completed after it', async () => {
    await using rig = await openTestUploads();
    const broken = rig.open({
      intake: {
        begin: async () => 'asset',
        grows: async () => undefined,
        complete: () => Promise.reject(new Error('crash')),
        fail: async () => undefined,
      },
    });
    const { id } = await create(broken, { sha256 });
    await assert.rejects(append(broken.uploads, id, 0, bodyOf(file)), { message: 'crash' });
    const next = rig.open();
    await next.sweep.recover({ signal });
    assert.deepEqual(rig.reports, [`asset complete ${file.length} ${sha256}`]);
    assert.equal((await next.uploads.get(id, me)).state, 'complete');
    assert.deepEqual([rig.failures, await rig.filesOf('asset')], [[], ['original']]);
  });

  test('an upload that could not be completed with its last byte is completed by the next question, or by the sweep', async () => {
    await using rig = await openTestUploads();
    let isDown = true;
    let assets = 0;
    const intake = {
      begin: async () => `asset${++assets}`,
      grows: async () => undefined,
      complete: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve()),
      fail: async () => undefined,
    };
    const again = rig.open({ intake });
    const { uploads, sweep } = again;
    for (const how of ['question', 'sweep'] as const) {
      isDown = true;
      const { id } = await create(again, { sha256 });
      await assert.rejects(append(uploads, id, 0, bodyOf(file)), { message: 'down' });
      const ask = async () => {
        await using lock = await uploads.lock(id, { signal });
        return uploads.completeStored(await uploads.get(id, me), lock);
      };
      await assert.rejects(ask(), { message: 'down' });
      isDown = false;
      await sweep.run({ signal });
      assert.equal((await uploads.get(id, me)).state, 'completing', 'a request may still do it');
      if (how === 'question') assert.equal((await ask()).state, 'complete');
      rig.clock.advance(61_000);
      await sweep.run({ signal });
      assert.equal((await uploads.get(id, me)).state, 'complete');
    }
    assert.deepEqual(rig.failures, []);
  });

  test('an upload without new bytes expires: its file goes, its asset fails, its client gets the reason', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig);
    rig.clock.advance(3_000_000);
    await assert.rejects(append(rig.uploads, id, 0, bodyOf(file.subarray(0, 10), true)), { code: 'upload-incomplete' });
    rig.clock.advance(3_000_000);
    await rig.sweep.run({ signal });
    assert.deepEqual(rig.reports, [], 'its time began again with its last byte');
    rig.clock.advance(600_000);
    await rig.sweep.run({ signal });
    assert.deepEqual([rig.reports, await rig.filesOf(assetId)], [[`${assetId} failed upload-expired`], []]);
    await assert.rejects(append(rig.uploads, id, 10, bodyOf(file)), { code: 'upload-expired' });
    rig.clock.advance(3_600_000);
    await rig.sweep.run({ signal });
    await assert.rejects(rig.uploads.get(id, me), { code: 'upload-unknown' });
  });

  test('a file of unknown length reserves what it needs, and ends with its body', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig, { length: undefined });
    const { state, length } = await append(rig.uploads, id, 0, bodyOf(file), { isWhole: true });
    assert.deepEqual([state, length], ['complete', file.length]);
    assert.match(rig.reports[0]!, /^asset1 grows \d+$/);
    assert.deepEqual(await rig.original(assetId), file);
  });

  test('too large, too many, no room: refused before the first byte', async () => {
    await using rig = await openTestUploads();
    const library = { maxUpload: 1000, uploadExpiry: 1000, parallelUploads: 1 };
    const small = rig.open({ settings: { now: { library } }, room: () => 500 });
    await assert.rejects(create(small), { code: 'upload-too-large' });
    await assert.rejects(create(small, { length: 600 }), { code: 'no-room' });
    await assert.rejects(create(small, { length: 0 }), { code: 'bad-request' });
    const { id } = await create(small, { length: 100 });
    const second = await create(small, { length: 100 });
    await assert.rejects(create(small, { length: 400 }), { code: 'no-room' }, 'the others need 200');
    const stuck = new PassThrough();
    stuck.write('x');
    const first = append(small.uploads, id, 0, stuck);
    await once(stuck, 'resume');
    await assert.rejects(append(small.uploads, second.id, 0, bodyOf(file)), { code: 'busy' });
    stuck.end();
    await first;
  });

  test('the same chunk at once and with another content: one content counts', async () => {
    await using rig = await openTestUploads();
    const made = await create(rig, { chunkBytes: 500_000, sha256 });
    const upload = { ...made, length: file.length, chunkBytes: 500_000 };
    const put = (number: number, from = number) =>
      rig.uploads.putChunk(upload, number, bodyOf(file.subarray((from - 1) * 500_000, from * 500_000)), {
        checksum: undefined,
        signal,
      });
    const results = await Promise.allSettled([put(2), put(2), put(2), put(3), put(1)]);
    const stored = results.filter(({ status }) => status === 'fulfilled');
    assert.ok(stored.length >= 3, 'the newest of each chunk is stored');
    for (const result of results) {
      if (result.status === 'rejected') assert.equal((result.reason as OxbowError).code, 'upload-locked');
    }
    assert.equal((await put(2)).wasStored, true);
    await assert.rejects(put(2, 3), refusal('chunk-differs', file.length));
    await assert.rejects(put(4, 1), { code: 'bad-request' });
    const complete = async () => (await rig.uploads.complete(made.id, { signal })).state;
    assert.deepEqual(await Promise.all([complete(), complete()]), ['complete', 'complete']);
    assert.equal(await complete(), 'complete', 'a request that is repeated has the same result');
    assert.deepEqual(rig.reports, [`${made.assetId} complete ${file.length} ${sha256}`]);
    assert.deepEqual(await rig.original(made.assetId), file);
  });

  test('a repeated request for an upload finds the first one, in any process, for its owner alone', async () => {
    await using rig = await openTestUploads();
    const request = uploadRequest('k1', { length: file.length });
    const [first, second] = await Promise.allSettled([create(rig, { request }), create(rig, { request })]);
    assert.equal((second as PromiseRejectedResult).reason.code, 'idempotency-key-in-use');
    const made = (first as PromiseFulfilledResult<Upload>).value;
    await append(rig.uploads, made.id, 0, bodyOf(file));
    const other = rig.open();
    const found = await other.creation.repeated(me, request);
    assert.deepEqual([found?.id, found?.state], [made.id, 'complete']);
    assert.equal(await other.creation.repeated({ owner: 'token:b', isAdmin: false }, request), undefined);
    const reused = other.creation.repeated(me, uploadRequest('k1', { length: 5 }));
    await assert.rejects(reused, { code: 'idempotency-key-reused' });
    assert.throws(() => uploadRequest('k'.repeat(256), {}), { code: 'bad-request' });
    rig.clock.advance(3_600_001);
    await other.sweep.run({ signal });
    assert.equal(await other.creation.repeated(me, request), undefined, 'it is known as long as its upload');
  });

  test('an upload is its owner’s; its end with the asset leaves nothing', async () => {
    await using rig = await openTestUploads();
    const { id, assetId } = await create(rig);
    await assert.rejects(rig.uploads.get(id, { owner: 'token:b', isAdmin: false }), { code: 'upload-unknown' });
    assert.equal((await rig.uploads.get(id, { owner: 'admin', isAdmin: true })).id, id);
    const stuck = new PassThrough();
    stuck.write('x');
    const running = assert.rejects(append(rig.uploads, id, 0, stuck), { code: 'upload-cancelled' });
    await once(stuck, 'resume');
    await rig.uploads.assetRemoved(assetId);
    await running;
    await assert.rejects(rig.uploads.get(id, me), { code: 'upload-unknown' });
  });
});
