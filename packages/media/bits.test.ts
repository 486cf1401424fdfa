import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BitReader, BitWriter } from './bits.ts';

suite('bits', () => {
  test('fields are read most significant bit first, over byte boundaries', () => {
    const bits = new BitReader(Uint8Array.of(0b1010_0001, 0b1111_0000, 0xff, 0xff, 0xff, 0xff), 'test');
    assert.deepEqual([bits.u(3), bits.u(7), bits.flag(), bits.offset, bits.left], [5, 7, true, 11, 37]);
    bits.skip(1);
    bits.align();
    assert.deepEqual([bits.u(32), bits.u(0), bits.left], [0xffffffff, 0, 0]);
  });

  test('Exp-Golomb codes of H.264 table 9-2 and 9-3', () => {
    const bits = () => new BitReader(Uint8Array.of(0b1_010_011_0, 0b0100_0010, 0b1_0000000), 'test');
    const unsigned = bits();
    assert.deepEqual(
      [0, 1, 2, 3, 4].map(() => unsigned.ue()),
      [0, 1, 2, 3, 4],
    );
    const signed = bits();
    assert.deepEqual(
      [0, 1, 2, 3, 4].map(() => signed.se()),
      [0, 1, -1, 2, -2],
    );
    const largest = new BitReader(new BitWriter().u(0, 31).u(1, 1).u(0x7fffffff, 31).finish(), 'test');
    assert.equal(largest.ue(), 2 ** 32 - 2);
  });

  test('an overrun is a FormatError with the byte where it happened', () => {
    const bits = new BitReader(Uint8Array.of(1, 2, 3), 'thing', 1, 2);
    bits.u(6);
    assert.throws(() => bits.u(3), { name: 'FormatError', message: 'thing ends early', offset: 1 });
    assert.throws(() => bits.skip(3), { name: 'FormatError' });
    assert.throws(() => new BitReader(new Uint8Array(9), 'zeros').ue(), {
      name: 'FormatError',
      message: /more than 32/,
    });
    assert.throws(() => new BitReader(Uint8Array.of(0b0010_0000), 'x').ueMax(2, 'size'), {
      message: 'x has size 3, more than 2',
    });
  });

  test('what is written is read again', () => {
    const writer = new BitWriter().u(5, 3).u(0xffffffff, 32).u(0, 1).u(1, 2);
    assert.equal(writer.length, 38);
    const bits = new BitReader(writer.finish(), 'test');
    assert.deepEqual([bits.u(3), bits.u(32), bits.u(1), bits.u(2), bits.left], [5, 0xffffffff, 0, 1, 2]);
  });
});
