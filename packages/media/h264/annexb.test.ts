import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { findNals, MAX_NALS, NalList, toRbsp, toSample } from './annexb.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const list = new NalList();

function nalsOf(bytes: Uint8Array, from = 0, to = bytes.length): string[] {
  findNals(bytes, from, to, list);
  return Array.from({ length: list.count }, (_, i) =>
    Buffer.from(bytes.subarray(list.starts[i]!, list.ends[i]!)).toString('hex'),
  );
}

/** The plain reading of Annex B, to compare with. */
function slowly(bytes: Uint8Array): string[] {
  const found: string[] = [];
  const text = Buffer.from(bytes).toString('latin1');
  for (const piece of text.split('\0\0\x01').slice(1)) {
    const nal = piece.replace(/\0+$/, '');
    if (nal !== '') found.push(Buffer.from(nal, 'latin1').toString('hex'));
  }
  return found;
}

suite('NAL units in a byte stream (H.264 Annex B)', () => {
  test('start codes of three and four bytes, trailing zeros, emulation prevention', () => {
    assert.deepEqual(nalsOf(hex('ff 000001 67aa 00000001 68bb00 000001 650000030001 0000')), [
      '67aa',
      '68bb',
      '650000030001',
    ]);
    assert.deepEqual(nalsOf(hex('')), []);
    assert.deepEqual(nalsOf(hex('0000')), []);
    assert.deepEqual(nalsOf(hex('000001')), []);
  });

  test('nothing behind the end is looked at', () => {
    assert.deepEqual(nalsOf(hex('aa 000001 6501 000001 6502'), 1, 6), ['6501']);
    assert.deepEqual(nalsOf(hex('000001 65 0000 01 41'), 0, 6), ['65']);
  });

  test('finds what a plain reading finds, in bytes full of zeros and ones', () => {
    const random = seeded(12_345);
    for (let round = 0; round < 2000; round++) {
      const bytes = Uint8Array.from({ length: round % 90 }, () => [0, 0, 0, 1, 3, 0x65][random(6)]!);
      assert.deepEqual(nalsOf(bytes), slowly(bytes), Buffer.from(bytes).toString('hex'));
    }
  });

  test('the same where zeros come in pairs so often that the search changes its way', () => {
    const bytes = new Uint8Array(6000);
    for (let i = 0; i + 3 < bytes.length; i += 3) bytes[i + 2] = i % 60 === 0 ? 1 : 7;
    assert.deepEqual(nalsOf(bytes), slowly(bytes));
  });

  test('the work stays below three looks a byte, whatever the bytes are', () => {
    const size = 100_000;
    const shapes = {
      zeros: () => 0,
      ones: () => 1,
      pairs: (i: number) => (i % 3 === 2 ? 7 : 0),
      padded: (i: number) => (i > 100 ? 0 : 5),
      usual: (i: number) => (i * 2_654_435_761) >>> 24,
    };
    for (const [name, shape] of Object.entries(shapes)) {
      nalsOf(Uint8Array.from({ length: size }, (_, i) => shape(i)));
      assert.ok(list.work <= 3 * size, `${name}: ${list.work / size} looks a byte`);
    }
  });

  test('too many NAL units are a FormatError', () => {
    const bytes = new Uint8Array(4 * (MAX_NALS + 1));
    for (let i = 0; i < bytes.length; i += 4) bytes.set([0, 0, 1, 9], i);
    assert.equal(nalsOf(bytes.subarray(4)).length, MAX_NALS);
    assert.throws(() => nalsOf(bytes), { name: 'FormatError' });
  });
});

suite('samples (ISO/IEC 14496-15, 5.3.3)', () => {
  const expected = '00000002 6501 00000003 410203 00000001 06'.replaceAll(' ', '');

  test('are made in place where there is room', () => {
    const bytes = hex('ffffffff 00000001 6501 000001 410203 000001 06');
    findNals(bytes, 4, bytes.length, list);
    const sample = toSample(bytes, 0, list);
    assert.equal(sample.buffer, bytes.buffer);
    assert.equal(Buffer.from(sample).toString('hex'), expected);
  });

  test('are copied where there is none, and the input stays', () => {
    const bytes = hex('000001 6501 000001 410203 000001 06');
    const before = bytes.slice();
    findNals(bytes, 0, bytes.length, list);
    const sample = toSample(bytes, 0, list);
    assert.equal(Buffer.from(sample).toString('hex'), expected);
    assert.deepEqual(bytes, before);
  });

  test('close up over NAL units that were left out', () => {
    const bytes = hex('00000001 09f0 00000001 6501 00000001 0cffffff 000001 410203 000001 06');
    findNals(bytes, 0, bytes.length, list);
    const kept = [1, 3, 4];
    kept.forEach((from, to) => {
      list.starts[to] = list.starts[from]!;
      list.ends[to] = list.ends[from]!;
    });
    list.count = kept.length;
    assert.equal(Buffer.from(toSample(bytes, 0, list)).toString('hex'), expected);
    list.count = 0;
    assert.equal(toSample(bytes, 0, list).length, 0);
  });

  test('emulation prevention bytes are taken out', () => {
    assert.deepEqual(toRbsp(hex('67 000003 01 0000 03 000003 03'), 1), hex('0000 01 0000 0000 03'));
  });
});
