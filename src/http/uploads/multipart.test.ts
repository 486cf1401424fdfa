import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { isForm, readField, readForm } from './multipart.ts';

const TYPE = 'multipart/form-data; boundary="b 1"';

/** The parts of a form that arrives in pieces of `size` bytes. */
async function partsOf(
  text: string,
  size: number,
  type = TYPE,
): Promise<(readonly [string, string | undefined, string])[]> {
  const bytes = Buffer.from(text, 'latin1');
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  );
  const parts: (readonly [string, string | undefined, string])[] = [];
  for await (const part of readForm(Readable.from(pieces, { objectMode: false }), type)) {
    parts.push([part.name, part.filename, await readField(part)]);
  }
  return parts;
}

const form = [
  'what comes before means nothing\r\n--b 1\r\nContent-Disposition: form-data; name="upload_id"\r\n\r\nabc\r\n',
  '--b 1\r\ncontent-disposition: form-data; name="chunk"; filename="a \\"b\\" %22c%22.mp4"\r\nContent-Type: video/mp4\r\n\r\n',
  'one\r\n--b two\r\n--b\r\n--b 1\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--b 1--\r\nnor what comes after',
].join('');

test('a form is the same, however its bytes arrive (RFC 7578)', async () => {
  for (const size of [1, 2, 3, 7, 50, 1000]) {
    assert.deepEqual(await partsOf(form, size), [
      ['upload_id', undefined, 'abc'],
      ['chunk', 'a "b" "c".mp4', 'one\r\n--b two\r\n--b'],
      ['empty', undefined, ''],
    ]);
  }
});

test('a file is passed on without a copy, so that a form costs no more memory than the file as a body', async () => {
  const head = Buffer.from('--b 1\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n');
  // Only what follows a piece that ends like the beginning of a boundary is joined with that beginning.
  const ends = ['', 'x', '\n', '\r', '\r\n', '\r\n--b', '\r\n--c', 'y', '--', ''];
  const pieces = ends.map((end, n) => Buffer.concat([Buffer.alloc(60_000, n), Buffer.from(end)]));
  const body = Readable.from([head, ...pieces, Buffer.from('\r\n--b 1--\r\n')], { objectMode: true });
  const memories = new Set<ArrayBufferLike>(pieces.map(({ buffer }) => buffer));
  let copied = 0;
  const read: Buffer[] = [];
  for await (const part of readForm(body, TYPE)) {
    for await (const piece of part.body as AsyncIterable<Buffer>) {
      if (!memories.has(piece.buffer)) copied += piece.length;
      read.push(piece);
    }
  }
  assert.deepEqual(Buffer.concat(read), Buffer.concat(pieces));
  assert.ok(copied < 3 * 60_010, `${copied} bytes were copied`);
});

test('a part that is not read is skipped', async () => {
  const names: string[] = [];
  for await (const { name } of readForm(Readable.from([Buffer.from(form, 'latin1')]), TYPE)) names.push(name);
  assert.deepEqual(names, ['upload_id', 'chunk', 'empty']);
});

test('what is no form, ends early or is too long is refused', async () => {
  await assert.rejects(partsOf(form, 100, 'multipart/form-data'), { code: 'bad-request' });
  await assert.rejects(partsOf('no boundary', 100), { code: 'upload-incomplete' });
  await assert.rejects(partsOf(`${'x'.repeat(10_000)}${form}`, 5000), { code: 'bad-request' });
  await assert.rejects(partsOf(form.slice(0, -40), 100), { code: 'upload-incomplete' });
  await assert.rejects(partsOf(form.replace('abc', 'abc'.repeat(10_000)), 100), { code: 'bad-request' });
  await assert.rejects(partsOf(form.replace('name="upload_id"', ''), 100), { code: 'bad-request' });
  await assert.rejects(partsOf(form.replace('name="upload_id"', `name="${'x'.repeat(9000)}"`), 100), {
    code: 'bad-request',
  });
  assert.deepEqual([isForm('Multipart/Form-Data; x'), isForm('text/plain'), isForm(undefined)], [true, false, false]);
});
