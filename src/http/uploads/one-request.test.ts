import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { storeFile } from './one-request.ts';

const media = Buffer.from('some bytes of a film');
const sha256 = createHash('sha256').update(media).digest('hex');

/** Sends a form with a file between fields; returns the calls of the library. */
async function send(before: Readonly<Record<string, string>>, behind: Readonly<Record<string, string>>, files = 1) {
  const field = ([name, value]: readonly [string, string]) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = `--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp4"\r\n\r\n${media}\r\n`;
  const text = [...Object.entries(before).map(field), ...Array(files).fill(file), ...Object.entries(behind).map(field)];
  const asked: unknown[] = [];
  const upload = { id: 'u1', assetId: 'a1', state: 'complete' };
  const uploadCreation = {
    repeated: async () => undefined,
    create: async (_who: unknown, wanted: { title?: string; filename: string }) => {
      asked.push(['create', wanted.filename, wanted.title]);
      return upload;
    },
  };
  const uploads = {
    lock: async () => ({ [Symbol.asyncDispose]: async () => {} }),
    append: async (_id: string, _lock: unknown, _at: number, body: Readable) => {
      for await (const _ of body);
      return upload;
    },
    get: async () => upload,
  };
  const assets = {
    get: async () => ({ view: { sha256 } }),
    update: async (id: string, texts: object) => void asked.push(['update', id, texts]),
    remove: async (id: string) => void asked.push(['remove', id]),
  };
  const work = storeFile({ uploads, uploadCreation, assets } as never, {} as never, {
    query: {},
    stream: Readable.from([Buffer.from(`${text.join('')}--b--\r\n`)]),
    contentType: 'multipart/form-data; boundary=b',
    contentLength: undefined,
    key: undefined,
    signal: AbortSignal.timeout(10_000),
  });
  return { asked, work };
}

suite('a form with a file', () => {
  test('may have its fields before and behind the file', async () => {
    const { asked, work } = await send(
      { title: 'Before' },
      { description: 'Behind', tags: 'a,b', visibility: 'public' },
    );
    assert.equal((await work).id, 'u1');
    assert.deepEqual(asked, [
      ['create', 'x.mp4', 'Before'],
      ['update', 'a1', { description: 'Behind', tags: ['a', 'b'], visibility: 'public' }],
    ]);
  });

  test('changes nothing more without fields behind it; a name behind it is its title', async () => {
    const plain = await send({}, { unknown: 'field' });
    await plain.work;
    assert.deepEqual(plain.asked, [['create', 'x.mp4', undefined]]);
    const named = await send({}, { filename: 'My_film.mkv' });
    await named.work;
    assert.deepEqual(named.asked.at(-1), ['update', 'a1', { title: 'My film' }]);
  });

  test('is compared with a hash behind it, and deleted if it differs', async () => {
    const right = await send({}, { sha256: sha256.toUpperCase() });
    await right.work;
    assert.equal(right.asked.length, 1);
    const wrong = await send({}, { sha256: 'f'.repeat(64), title: 'x' });
    await assert.rejects(wrong.work, { code: 'checksum-mismatch' });
    assert.deepEqual(wrong.asked.at(-1), ['remove', 'a1']);
  });

  test('with two files, or none, is refused', async () => {
    await assert.rejects((await send({}, {}, 2)).work, { code: 'bad-request', message: /more than one file/ });
    await assert.rejects((await send({ title: 'x' }, {}, 0)).work, { code: 'bad-request', message: /no file/ });
  });
});
