import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ByteReader, concatBytes, freeBytes, sameBytes } from './bytes.ts';
import { FormatError } from './errors.ts';

const of = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

suite('bytes', () => {
  test('integers are big-endian, of every width and sign', () => {
    const reader = new ByteReader(
      of('ff 0102 010203 fffffffe fffffffe 0000000100000002 ffffffffffffffff 6d6f6f76'),
      'test',
    );
    assert.deepEqual(
      [
        reader.u8(),
        reader.u16(),
        reader.u24(),
        reader.u32(),
        reader.i32(),
        reader.u64(),
        reader.i64(),
        reader.fourcc(),
      ],
      [255, 258, 66_051, 2 ** 32 - 2, -2, 2 ** 32 + 2, -1, 'moov'],
    );
    assert.deepEqual([reader.offset, reader.left], [34, 0]);
  });

  test('64-bit values beyond 2^53 are rejected with their offset', () => {
    const at = (hex: string) => new ByteReader(of(`00 ${hex}`), 'tfdt', 1);
    assert.equal(at('001fffffffffffff').u64(), Number.MAX_SAFE_INTEGER);
    assert.throws(() => at('0020000000000000').u64(), { name: 'FormatError', offset: 1 });
    assert.equal(at('ffe0000000000001').i64(), -Number.MAX_SAFE_INTEGER);
    assert.throws(() => at('ffe0000000000000').i64(), { name: 'FormatError', offset: 1 });
    assert.throws(() => at('7fffffffffffffff').i64(), { name: 'FormatError', offset: 1 });
  });

  test('views share memory with the input, also within a larger buffer', () => {
    const whole = of('00 01 02 03 04 05');
    const reader = new ByteReader(whole.subarray(1), 'test', 1, 4);
    const view = reader.take(2);
    whole[2] = 9;
    assert.deepEqual([...view], [9, 3]);
    reader.skip(1);
    assert.equal(reader.left, 0);
  });

  test('an overrun is a FormatError with the byte where it happened, and the position of the reader does not change', () => {
    const reader = new ByteReader(of('00 01 02 03'), 'box', 1, 100);
    reader.u8();
    for (const read of [() => reader.u32(), () => reader.take(3), () => reader.skip(-1), () => reader.fourcc()]) {
      assert.throws(read, { name: 'FormatError', message: 'box ends early', offset: 2 });
    }
    assert.equal(reader.u16(), 0x0203);
    assert.throws(() => reader.u8(), FormatError);
  });

  test('arrays are joined into a new one, and compared by content', () => {
    const joined = concatBytes([of('0102'), of(''), of('03')]);
    assert.deepEqual([...joined], [1, 2, 3]);
    assert.equal(concatBytes([]).length, 0);
    assert.ok(sameBytes(joined, of('010203')));
    assert.ok(!sameBytes(joined, of('010204')));
    assert.ok(!sameBytes(joined, of('0102')));
  });

  test('a released buffer is empty in all of its views', () => {
    const bytes = new Uint8Array(1000);
    const view = bytes.subarray(10, 20);
    freeBytes(view);
    assert.deepEqual([bytes.length, view.length], [0, 0]);
  });
});
