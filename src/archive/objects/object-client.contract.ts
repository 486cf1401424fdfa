/**
 * The contract of ObjectClient, for every engine.
 * In: a way to start a server with an empty bucket. Out: tests; the test file of the engines runs this suite.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import {
  hashOf,
  type ObjectClient,
  ObjectError,
  type ObjectSource,
  type PartialUpload,
  partBytesOf,
  partsOf,
  tagOfParts,
} from './object-client.ts';
import { type ObjectServer, openBadNetwork } from './object-servers.fixture.ts';

const MIB = 1024 * 1024;
const sourceOf = (bytes: Uint8Array): ObjectSource => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Every engine runs this suite.
 *
 * @param options.hasNetwork whether it is a server, and not a folder
 * @param options.tagsParts whether the server computes the entity tag of an object in parts as S3 does, so
 *   that it need not be read back
 * @param options.presigns whether it has addresses for others
 * @param options.sendsParts whether the parts of one object can be sent apart from each other
 */
export function objectClientContract(
  name: string,
  start: () => Promise<ObjectServer>,
  {
    skip = false,
    tagsParts = true,
    hasNetwork = true,
    presigns = hasNetwork,
    sendsParts = true,
  }: {
    readonly skip?: string | false;
    readonly tagsParts?: boolean;
    readonly hasNetwork?: boolean;
    readonly presigns?: boolean;
    readonly sendsParts?: boolean;
  } = {},
): void {
  suite(`objects in ${name}`, { skip }, () => {
    let server: ObjectServer;
    let client: ObjectClient;
    before(async () => {
      server = await start();
      client = await server.client();
    });
    after(async () => {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    test('an object has the bytes that were put, by ranges, fewer at its end and none after it', async () => {
      const bytes = randomBytes(1000);
      const sums = await client.put('a/12/r/x.mp4', sourceOf(bytes));
      assert.equal(sums.hash === 'none', !hasNetwork);
      assert.equal(sums.tag, hashOf(sums.hash, bytes));
      assert.deepEqual(await client.head('a/12/r/x.mp4'), { size: 1000, etag: sums.isChecked ? '' : sums.tag });
      const read = async (offset: number, length: number) =>
        Buffer.from((await client.read('a/12/r/x.mp4', { offset, length }))!);
      assert.deepEqual(await read(10, 20), bytes.subarray(10, 30));
      assert.deepEqual(await read(990, 100), bytes.subarray(990));
      assert.equal((await read(1000, 10)).length, 0);
    });

    test('a missing object is undefined, and deleting it does nothing', async () => {
      assert.equal(await client.read('none', { offset: 0, length: 1 }), undefined);
      assert.equal(await client.head('none'), undefined);
      await client.delete('none');
    });

    test('an object that is put again has the new bytes, and a deleted one is gone', async () => {
      await client.put('again', sourceOf(randomBytes(10)));
      const bytes = randomBytes(20);
      await client.put('again', sourceOf(bytes));
      assert.deepEqual(Buffer.from((await client.read('again', { offset: 0, length: 100 }))!), bytes);
      await client.delete('again');
      assert.equal(await client.head('again'), undefined);
    });

    test('a list has the keys with its prefix alone, in order, with their sizes', async () => {
      for (const key of ['l/2/b', 'l/10/a', 'l/2/a', 'm/1']) await client.put(key, sourceOf(randomBytes(key.length)));
      const found = await Array.fromAsync(client.list('l/'));
      assert.deepEqual(found, [
        { key: 'l/10/a', size: 6 },
        { key: 'l/2/a', size: 5 },
        { key: 'l/2/b', size: 5 },
      ]);
    });

    test('a large object is put in parts, and an interrupted upload sends only what the server lacks', async () => {
      const bytes = randomBytes(17 * MIB);
      assert.equal(partsOf(bytes.length, partBytesOf(bytes.length)), 3);
      await using network = hasNetwork ? await openBadNetwork(server.port) : undefined;
      await using far = await server.client(network?.port);
      let upload: PartialUpload | undefined;
      const stop = new AbortController();
      const saved = async (next: PartialUpload) => {
        upload = { ...next, parts: [...next.parts] };
        if (!hasNetwork && next.parts.length === 2) stop.abort(new ObjectError('the disk is gone'));
      };
      network?.cutAfter(16.5 * MIB); // in the third part
      const { signal } = stop;
      await assert.rejects(far.put('large', sourceOf(bytes), { saved, signal }), { name: 'ObjectError' });
      assert.equal(await client.head('large'), undefined, 'it is not there before it is complete');
      assert.equal(upload!.parts.length, 2);
      network?.flow();
      let sent = 0;
      const sums = await far.put('large', sourceOf(bytes), { resume: upload, sent: (count) => (sent += count) });
      assert.equal(sent, MIB);
      const parts = [0, 8, 16].map((at) => hashOf(sums.hash, bytes.subarray(at * MIB, (at + 8) * MIB)));
      assert.equal(sums.tag, tagOfParts(parts, sums.hash));
      const head = await client.head('large');
      assert.equal(head!.size, bytes.length);
      if (tagsParts) assert.equal(head!.etag, sums.tag);
      const middle = (await client.read('large', { offset: 8 * MIB - 5, length: 10 }))!;
      assert.deepEqual(Buffer.from(middle), bytes.subarray(8 * MIB - 5, 8 * MIB + 5));
    });

    test('an upload of other bytes is not continued with the parts of the first', async () => {
      const [first, second] = [randomBytes(9 * MIB), randomBytes(9 * MIB)];
      let upload: PartialUpload | undefined;
      const stop = new AbortController();
      const saved = async (next: PartialUpload) => {
        upload = { ...next, parts: [...next.parts] };
        if (next.parts.length === 1) stop.abort(new Error('the server stops'));
      };
      await assert.rejects(client.put('other', sourceOf(first), { saved, signal: stop.signal }), /the server stops/);
      await client.put('other', sourceOf(second), { resume: upload });
      const start = (await client.read('other', { offset: 0, length: 100 }))!;
      assert.deepEqual(Buffer.from(start), second.subarray(0, 100));
      await client.abandon('other', upload!);
    });

    const partsTest = sendsParts ? test : () => undefined;
    partsTest(
      'parts that are sent apart are joined by their numbers, which have holes; others are dropped',
      async () => {
        const parts = client.parts!;
        const [first, left, last] = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(100)];
        const uploadId = await parts.begin('apart');
        const send = async (number: number, bytes: Buffer) => {
          const etag = await parts.send('apart', { uploadId, number, md5: hashOf('md5', bytes) }, bytes);
          return { number, etag };
        };
        const sent = [await send(2, first), await send(9, last)];
        await send(4, left);
        assert.equal(await client.head('apart'), undefined, 'it is not there before it is complete');
        assert.equal(await parts.complete('apart', uploadId, sent), 'done');
        const bytes = await client.read('apart', { offset: 0, length: 6 * MIB });
        assert.equal(sha256(bytes!), sha256(Buffer.concat([first, last])));
      },
    );

    if (!hasNetwork) return;

    const presignTest = presigns ? test : () => undefined;
    presignTest('a presigned address gives the object to anyone, with its type and file name', async () => {
      const bytes = randomBytes(100);
      await client.put('signed', sourceOf(bytes));
      const disposition = 'attachment; filename="clip.mp4"';
      const url = await client.presign('signed', { expiresS: 60, contentType: 'video/mp4', disposition });
      const response = await fetch(url, { headers: { range: 'bytes=10-19' } });
      assert.deepEqual([response.status, response.headers.get('content-type')], [206, 'video/mp4']);
      assert.equal(response.headers.get('content-disposition'), disposition);
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes.subarray(10, 20));
    });

    presignTest('addresses that are signed for one time are equal, and end when they say', async () => {
      await client.put('slot', sourceOf(randomBytes(100)));
      const signedAtMs = Math.floor(Date.now() / 300_000) * 300_000;
      const options = { expiresS: 600, signedAtMs, contentType: 'video/mp4', cacheControl: 'public, max-age=300' };
      const url = await client.presign('slot', options);
      assert.equal(await client.presign('slot', options), url);
      const response = await fetch(url, { headers: { range: 'bytes=10-19' } });
      assert.deepEqual([response.status, response.headers.get('cache-control')], [206, options.cacheControl]);
      await response.body?.cancel();
      const over = await client.presign('slot', { ...options, signedAtMs: signedAtMs - 600_000 });
      const refused = await fetch(over);
      assert.equal(refused.status, 403);
      await refused.body?.cancel();
    });

    test('an aborted request rejects with the reason of the signal, though the server does not answer', async () => {
      await using network = await openBadNetwork(server.port);
      await using far = await server.client(network.port);
      network.stall();
      const stop = new AbortController();
      const reading = far.read('signed', { offset: 0, length: 1 }, { signal: stop.signal });
      stop.abort(new Error('the viewer left'));
      await assert.rejects(reading, /the viewer left/);
    });

    test('an upload that is cut leaves no object', async () => {
      await using network = await openBadNetwork(server.port);
      await using far = await server.client(network.port);
      network.cutAfter(1 * MIB);
      await assert.rejects(far.put('cut/x', sourceOf(randomBytes(4 * MIB))), ObjectError);
      assert.equal(await client.head('cut/x'), undefined);
      assert.deepEqual(await Array.fromAsync(client.list('cut/')), []);
    });

    test('a server that cannot be reached is an ObjectError', async () => {
      await using network = await openBadNetwork(server.port);
      await using far = await server.client(network.port);
      await far.check();
      network.cut();
      const requests = [far.check(), far.head('signed'), far.delete('signed'), far.put('x', sourceOf(randomBytes(9)))];
      await Promise.all(requests.map((request) => assert.rejects(request, { name: 'ObjectError' })));
    });
  });
}
