import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { interleaveFragments } from './interleave.ts';

/** A box of `length` bytes that are all `fill`. */
function box(type: string, length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(8 + length, fill);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.write(type, 4, 'latin1');
  return bytes;
}

const fragment = (fill: number) => Buffer.concat([box('moof', 12, fill), box('mdat', 5 + fill, fill)]);

suite('fragments of tracks side by side', () => {
  test('a fragment of each track, then the next of each: a segment is its parts one behind the other', () => {
    const [v0, v1, v2, a0, a1] = [1, 2, 3, 11, 12].map(fragment) as [Buffer, Buffer, Buffer, Buffer, Buffer];
    const pieces = interleaveFragments([Buffer.concat([v0, v1, v2]), Buffer.concat([a0, a1])]);
    assert.deepEqual(Buffer.concat(pieces), Buffer.concat([v0, a0, v1, a1, v2]));
  });

  test('the longest track continues alone', () => {
    const [v0, a0, a1] = [1, 11, 12].map(fragment) as [Buffer, Buffer, Buffer];
    assert.deepEqual(Buffer.concat(interleaveFragments([v0, Buffer.concat([a0, a1])])), Buffer.concat([v0, a0, a1]));
  });

  test('one track stays as it is, none is none, and nothing is copied', () => {
    const whole = Buffer.concat([fragment(1), fragment(2)]);
    assert.equal(interleaveFragments([whole])[0], whole);
    assert.deepEqual(interleaveFragments([]), []);
    for (const piece of interleaveFragments([whole, fragment(3)])) assert.ok(piece.byteLength < whole.length);
    assert.equal(interleaveFragments([whole, fragment(3)])[0]!.buffer, whole.buffer);
  });

  test('whatever was damaged, every byte goes out once', () => {
    const whole = [Buffer.concat([fragment(1), fragment(2)]), Buffer.concat([fragment(7), fragment(9)])];
    const length = whole.reduce((sum, one) => sum + one.length, 0);
    const random = seeded(7);
    for (let i = 0; i < 2_000; i++) {
      const damaged = whole.map((bytes) => Buffer.from(bytes));
      for (let n = random(4); n >= 0; n--) {
        const one = damaged[random(2)]!;
        one[random(one.length)] = random(256);
      }
      const sorted = (all: readonly Uint8Array[]) => Buffer.concat(all).toSorted();
      const pieces = interleaveFragments(damaged);
      assert.equal(Buffer.concat(pieces).length, length);
      assert.deepEqual(sorted(pieces), sorted(damaged));
    }
  });
});
