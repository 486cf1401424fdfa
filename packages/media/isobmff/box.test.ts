import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BoxWriter, needBox, readBoxes, readBoxHead } from './box.ts';
import { ByteQueue } from './byte-queue.ts';
import { fuzz } from './media.fixture.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

suite('boxes (14496-12, 4.2)', () => {
  test('stand side by side, with sizes of 32 and 64 bits', () => {
    const found = readBoxes(bytes('00000009 66726565 aa  00000001 6d646174 0000000000000012 bbbb'));
    assert.deepEqual(found, [
      { type: 'free', start: 0, body: 8, end: 9 },
      { type: 'mdat', start: 9, body: 25, end: 27 },
    ]);
  });

  test('a box may not reach past its parent, nor have no size', () => {
    assert.throws(() => readBoxes(bytes('0000000a 66726565 aa')), { name: 'FormatError', offset: 0 });
    assert.throws(() => readBoxes(bytes('00000008 66726565 00000000 6d646174')), { name: 'FormatError', offset: 8 });
    assert.throws(() => readBoxes(bytes('00000004 66726565')), { name: 'FormatError', offset: 0 });
    assert.throws(() => readBoxes(bytes('00000008 66726565 000000')), { name: 'FormatError', offset: 8 });
    assert.throws(() => readBoxes(bytes('00000001 66726565 ffffffffffffffff')), { name: 'FormatError', offset: 0 });
  });

  test('a head that has not come whole is waited for', () => {
    assert.equal(readBoxHead(bytes('00000008 667265'), 0), undefined);
    assert.equal(readBoxHead(bytes('00000001 66726565 00000000'), 0), undefined);
    assert.deepEqual(readBoxHead(bytes('00000001 66726565 0000000200000000'), 0)!.size, 2 ** 33);
  });

  test('ten thousand siblings are the limit', () => {
    const many = new Uint8Array(8 * 10_001);
    for (let i = 0; i < 10_001; i++) many.set(bytes('00000008 66726565'), i * 8);
    assert.throws(() => readBoxes(many), { name: 'FormatError', message: /too many/ });
  });

  test('a missing box is named with its parent', () => {
    const parent = { type: 'moov', start: 3, body: 11, end: 11 };
    assert.throws(() => needBox([], 'mvhd', parent), {
      name: 'FormatError',
      offset: 3,
      message: /'moov' has no 'mvhd'/,
    });
  });

  test('what is written is what is read, negative 64-bit numbers too', () => {
    const writer = new BoxWriter(new Uint8Array(64));
    const outer = writer.open('moof');
    const inner = writer.openFull('tfdt', 1, 0x010203);
    writer.u64(-2);
    writer.u64(2 ** 33 + 5);
    writer.close(inner);
    writer.close(outer);
    const expected = '00000024 6d6f6f66 0000001c 74666474 01010203 fffffffffffffffe 0000000200000005';
    assert.equal(Buffer.from(writer.bytes.subarray(0, writer.offset)).toString('hex'), expected.replaceAll(' ', ''));
    assert.throws(() => new BoxWriter(new Uint8Array(3)).u32(1), RangeError);
  });

  test('damaged boxes are refused with FormatError and nothing else', () => {
    const good = bytes(
      '00000010 66726565 0000000000000000 00000001 6d646174 0000000000000014 aaaaaaaa 00000008 73747970',
    );
    fuzz(good, 2000, (damaged) => readBoxes(damaged));
  });
});

suite('a byte queue', () => {
  test('gives wholes out of pieces, without a copy where one piece holds them', () => {
    const queue = new ByteQueue();
    const piece = Uint8Array.of(4, 5, 6, 7, 8);
    for (const part of [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3), piece]) queue.push(part);
    assert.deepEqual([...queue.peek(4)], [1, 2, 3, 4]);
    assert.deepEqual([...queue.take(4)], [1, 2, 3, 4]);
    const rest = queue.take(3);
    assert.deepEqual([...rest], [5, 6, 7]);
    assert.equal(rest.buffer, piece.buffer);
    assert.equal(queue.skip(10), 1);
    assert.equal(queue.length, 0);
    assert.deepEqual([...queue.peek(4)], []);
  });
});
