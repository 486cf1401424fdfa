import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { seeded } from '../random.fixture.ts';
import { readMatroskaChapters } from './chapters.ts';

/** An element with a size of four bytes. */
const element = (id: number, ...children: (Uint8Array | string | number)[]): Uint8Array => {
  const body = concatBytes(
    children.map((child) => {
      if (typeof child === 'string') return new TextEncoder().encode(child);
      return typeof child === 'number' ? bigEndian(child, 8) : child;
    }),
  );
  const idBytes = bigEndian(id, Math.ceil((32 - Math.clz32(id)) / 8));
  return concatBytes([idBytes, Uint8Array.of(0x10 | (body.length >>> 24)), bigEndian(body.length, 3), body]);
};
const bigEndian = (value: number, count: number) =>
  Uint8Array.from({ length: count }, (_, i) => Math.floor(value / 256 ** (count - 1 - i)) % 256);
const atom = (startNs: number, title: string, ...more: Uint8Array[]) =>
  element(0xb6, element(0x91, startNs), element(0x80, element(0x85, title)), ...more);
const edition = (...atoms: Uint8Array[]) => element(0x45b9, ...atoms);
const cluster = element(0x1f43b675, 'media');
const head = element(0x1a45dfa3, 'matroska');
const file = (...children: Uint8Array[]) => concatBytes([head, element(0x18538067, ...children)]);
const read = (bytes: Uint8Array) =>
  readMatroskaChapters(async (at, count) => bytes.subarray(Math.min(at, bytes.length), at + count));

suite('chapters of Matroska', () => {
  const hidden = edition(element(0x45bd, 1), atom(0, 'hidden edition'));
  const chapters = element(
    0x1043a770,
    hidden,
    edition(
      atom(0, 'One', atom(5, 'a part of it')),
      atom(61_500_000_000, '二'),
      atom(70, 'not shown', element(0x98, 1)),
    ),
    edition(atom(0, 'another edition')),
  );
  const expected = [
    { startUs: 0, title: 'One' },
    { startUs: 61_500_000, title: '二' },
  ];

  test('the first edition that is shown counts; hidden chapters and parts of chapters are left out', async () => {
    assert.deepEqual(await read(file(chapters, cluster)), expected);
    assert.deepEqual(await read(file(cluster, chapters)), [], 'nothing says where they are');
    assert.deepEqual(await read(new Uint8Array(0)), []);
    assert.deepEqual(await read(new TextEncoder().encode('no Matroska at all')), []);
  });

  test('chapters after the media are found by the SeekHead', async () => {
    const seekHead = (position: number) =>
      element(0x114d9b74, element(0x4dbb, element(0x53ab, bigEndian(0x1043a770, 4)), element(0x53ac, position)));
    const position = seekHead(0).length + cluster.length;
    assert.deepEqual(await read(file(seekHead(position), cluster, chapters)), expected);
    assert.deepEqual(await read(file(seekHead(2 ** 60), cluster, chapters)), []);
  });

  test('scrambled files are read or have no chapters (2,000 inputs, seeded)', async () => {
    const random = seeded(9);
    const good = file(chapters, cluster);
    for (let i = 0; i < 2000; i++) {
      const bytes = new Uint8Array(good);
      for (let k = 1 + random(6); k > 0; k--) bytes[random(bytes.length)] = random(256);
      for (const { startUs, title } of await read(bytes.subarray(0, random(bytes.length + 1)))) {
        assert.ok(startUs >= 0 && title.length < 1000);
      }
    }
  });
});
