import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fuzzId3 } from './fuzz.fixture.ts';
import { printId3 } from './tag.fixture.ts';
import { boundId3, id3Length, parseId3 } from './tag.ts';

suite('ID3 tags', () => {
  test('the first ten bytes of a tag have its length', () => {
    const tag = Uint8Array.of(0, 0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 1, 2, 9);
    assert.equal(id3Length(tag, 1), 10 + 130);
    assert.equal(id3Length(tag.slice().fill(0x10, 6, 7), 1), 20 + 130, 'with a footer');
    assert.equal(id3Length(tag.subarray(0, 10), 1), 'short');
    assert.equal(id3Length(tag.subarray(0, 2), 1), 'short');
    assert.equal(id3Length(tag, 0), undefined);
    assert.equal(id3Length(tag, 12), undefined);
    assert.equal(id3Length(tag.slice().fill(0x80, 9, 10), 1), undefined);
  });

  test('a tag gives its frames', () => {
    const { version, frames, length } = parseId3(
      printId3([
        ['TIT2', 'a song'],
        ['TPE1', 'a singer'],
      ]),
    );
    assert.equal(version, 4);
    assert.deepEqual(
      frames.map(({ id, body }) => [id, Buffer.from(body).toString('latin1').slice(1)]),
      [
        ['TIT2', 'a song'],
        ['TPE1', 'a singer'],
      ],
    );
    assert.equal(length, 10 + 10 + 7 + 10 + 9);
  });

  test('padding ends the frames, and bytes after the tag are ignored', () => {
    const tag = printId3([['TIT2', 'a']]);
    const padded = new Uint8Array(tag.length + 30);
    padded.set(tag);
    padded[9] = tag[9]! + 20;
    const { frames, length } = parseId3(padded);
    assert.deepEqual([frames.length, length], [1, tag.length + 20]);
  });

  test('a long tag is cut to the frames that fit, and is a tag again', () => {
    const tag = printId3([
      ['TIT2', 'short'],
      ['TXXX', 'x'.repeat(5000)],
      ['TPE1', 'also short'],
    ]);
    const cut = boundId3(tag, 100)!;
    assert.deepEqual(
      parseId3(cut).frames.map(({ id }) => id),
      ['TIT2', 'TPE1'],
    );
    assert.equal(boundId3(tag, 12), undefined);
    assert.deepEqual(boundId3(tag, 10_000), tag);
  });

  test('a tag that ends early says where', () => {
    assert.throws(() => parseId3(printId3([['TIT2', 'a']]).subarray(0, 15)), { name: 'FormatError', offset: 6 });
    assert.throws(() => parseId3(new Uint8Array(20)), { name: 'FormatError', offset: 0 });
  });

  test('2,000 scrambled tags are read, or refused with a FormatError', () => fuzzId3(3, 2000));
});
