import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ZipWriter } from './zip-writer.ts';

const NOW_MS = Date.UTC(2026, 10, 30, 1, 2, 4);
const GIB = 2 ** 30;
const shaOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The bytes of an archive. */
async function zipped(fill: (zip: ZipWriter) => Promise<void>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const zip = new ZipWriter(async (bytes) => void pieces.push(Buffer.from(bytes)), { nowMs: NOW_MS });
  await fill(zip);
  const bytes = Buffer.concat(pieces);
  assert.equal(zip.length, bytes.length);
  return bytes;
}

/** What the directory says: name, CRC, lengths, and the stored bytes. */
function readDirectory(zip: Buffer) {
  const end = zip.length - 22;
  assert.equal(zip.readUInt32LE(end), 0x06054b50);
  const files = [];
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50);
    const [crc, size, offset] = [zip.readUInt32LE(at + 16), zip.readUInt32LE(at + 24), zip.readUInt32LE(at + 42)];
    const [nameLength, extraLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30)];
    const start = offset + 30 + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
    const [name, content] = [zip.toString('utf8', at + 46, at + 46 + nameLength), zip.subarray(start, start + size)];
    files.push({ name, crc, content });
    at += 46 + nameLength + extraLength;
  }
  return files;
}

suite('a ZIP file that is written in one pass', () => {
  test('has names in UTF-8, CRC and SHA-256 of each file, and files of any expected length', async () => {
    const pieces = [Buffer.from('one '), Buffer.from('two')];
    const zip = await zipped(async (writer) => {
      const written = await writer.add({
        name: 'Tür/门.mp4',
        expected: 5 * GIB,
        async content(write) {
          for (const piece of pieces) await write(piece);
        },
      });
      assert.deepEqual([written.length, written.sha256], [7, shaOf(Buffer.from('one two'))]);
      await writer.addBytes('empty', new Uint8Array(0));
      await writer.addBytes('a.json', Buffer.from('{}'));
      assert.deepEqual(
        writer.files.map(({ name }) => name),
        ['Tür/门.mp4', 'empty', 'a.json'],
      );
      await writer.finish();
    });
    assert.deepEqual(
      readDirectory(zip).map(({ name, crc, content }) => [name, crc === crc32(content), content.toString()]),
      [
        ['Tür/门.mp4', true, 'one two'],
        ['empty', true, ''],
        ['a.json', true, '{}'],
      ],
    );
  });

  test('has no file whose content fails before its first byte', async () => {
    const zip = await zipped(async (writer) => {
      const fails = () => Promise.reject(new Error('gone'));
      await assert.rejects(writer.add({ name: 'gone', expected: 1, content: fails }), /gone/);
      await writer.addBytes('b', Buffer.from('b'));
      await writer.finish();
    });
    assert.deepEqual(
      readDirectory(zip).map(({ name }) => name),
      ['b'],
    );
  });
});
