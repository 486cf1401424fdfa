import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseAmf0, printAmf0 } from './amf0.ts';
import { printAmf3 } from './amf3.fixture.ts';
import { parseAmf3 } from './amf3.ts';
import { fuzzAmf0, fuzzAmf3 } from './fuzz.fixture.ts';
import type { AmfValue } from './value.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
/** Objects of the parser have no prototype. */
const plain = (value: AmfValue[]) => structuredClone(value).map((each) => JSON.parse(JSON.stringify(each ?? null)));

suite('AMF0', () => {
  test('a command is its name, transaction and object (AMF0 2.2 to 2.5)', () => {
    const connect = bytes(
      '02 0007 636f6e6e656374 00 3ff0000000000000 03 0003 617070 02 0004 6c697665 0006 636170734578 00 4008000000000000 000009',
    );
    assert.deepEqual(plain(parseAmf0(connect)), ['connect', 1, { app: 'live', capsEx: 3 }]);
    assert.equal(hex(printAmf0(['connect', 1, { app: 'live', capsEx: 3 }])), hex(connect));
  });

  test('an ECMA array is an object; its count is a hint, and its end may be missing at the end of the message', () => {
    const withEnd = bytes('08 00000009 0001 61 01 01 000009 05');
    assert.deepEqual(plain(parseAmf0(withEnd)), [{ a: true }, null]);
    assert.deepEqual(plain(parseAmf0(bytes('08 00000001 0001 61 01 01'))), [{ a: true }]);
    assert.throws(() => parseAmf0(bytes('08 00000002 0001 61 01 01')), { name: 'FormatError' });
    assert.equal(hex(printAmf0([{ a: true }], { ecmaArrays: true })), '08000000010001610101000009');
  });

  test('strings above 65,535 bytes, dates, arrays and undefined survive printing and parsing', () => {
    const values = ['x'.repeat(70_000), new Date(1_795_000_000_000), [1, 'a', [null]], undefined, 'häuser'];
    assert.deepEqual(parseAmf0(printAmf0(values)), values);
  });

  test('a reference is the object it names; one to an object in progress is refused, so values have no cycle', () => {
    const twice = parseAmf0(bytes('0a 00000002 03 0001 61 05 000009 07 0001'));
    assert.deepEqual(plain(twice), [[{ a: null }, { a: null }]]);
    assert.throws(() => parseAmf0(bytes('0a 00000001 07 0000')), /no complete object/);
  });

  test('the name __proto__ is only a name', () => {
    const [object] = parseAmf0(bytes('03 0009 5f5f70726f746f5f5f 03 0001 61 05 000009 000009')) as [object];
    assert.deepEqual(Object.keys(object), ['__proto__']);
    assert.equal(({} as { a?: null }).a, undefined);
  });

  test('AMF3 within AMF0 is read (marker 17)', () => {
    assert.deepEqual(plain(parseAmf0(bytes('11 0a 0b 01 03 61 04 05 01 05'))), [{ a: 5 }, null]);
  });

  test('deep, numerous and doubled values are refused before they cost memory', () => {
    const deep = new Uint8Array(5 * 40).map((_, i) => (i % 5 === 0 ? 10 : i % 5 === 4 ? 1 : 0));
    assert.throws(() => parseAmf0(deep), /deeper than 32/);
    assert.throws(() => parseAmf0(bytes('0a ffffffff 05')), /ends early/);
    assert.throws(() => parseAmf0(new Uint8Array(20_000).fill(5)), /more than 16384 AMF values/);
    // Each array has the one before it twice: 2^31 values in 300 bytes.
    const doubled: number[] = [10, 0, 0, 0, 1, 5];
    for (let i = 0; i < 30; i++) doubled.push(10, 0, 0, 0, 2, 7, 0, i, 7, 0, i);
    assert.throws(() => parseAmf0(Uint8Array.from(doubled)), /more than 16384 AMF values/);
  });
});

suite('AMF3', () => {
  test('integers have 29 bits with sign (AMF3 1.3.1, 3.6)', () => {
    assert.deepEqual(parseAmf3(bytes('04 7f 04 8100 04 ff7f 04 818000 04 ffffffff 04 c0808000')), [
      127,
      128,
      16_383,
      16_384,
      -1,
      -(2 ** 28),
    ]);
    const numbers = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 2 ** 28 - 1, 2 ** 28, -1, -(2 ** 28), 0.5];
    assert.deepEqual(parseAmf3(printAmf3(numbers)), numbers);
  });

  test('strings, traits and objects are referenced by number', () => {
    // {a: "b"} with traits; "b" by reference; the same traits with another value; the first object by
    // reference.
    const message = bytes('0a 13 01 03 61 06 03 62  06 02  0a 01 04 07  0a 00');
    assert.deepEqual(plain(parseAmf3(message)), [{ a: 'b' }, 'b', { a: 7 }, { a: 'b' }]);
    assert.throws(() => parseAmf3(bytes('06 04')), /string reference 2 is unknown/);
    assert.throws(() => parseAmf3(bytes('0a 05')), /traits reference 1 is unknown/);
  });

  test('vectors, dictionaries, byte arrays and ArrayCollection are read; other classes with their own format are refused', () => {
    assert.deepEqual(parseAmf3(bytes('0d 05 00 00000001 ffffffff 0e 03 00 ffffffff')), [[1, -1], [2 ** 32 - 1]]);
    assert.deepEqual(plain(parseAmf3(bytes('11 03 00 06 03 61 04 01'))), [{ a: 1 }]);
    assert.deepEqual(parseAmf3(bytes('0c 05 0102')), [bytes('0102')]);
    const name = Buffer.from('flex.messaging.io.ArrayCollection').toString('hex');
    assert.deepEqual(parseAmf3(bytes(`0a 07 43 ${name} 09 03 01 04 05`)), [[5]]);
    assert.throws(() => parseAmf3(bytes('0a 07 03 61 04 05')), /an unknown format/);
  });

  test('sizes that the input does not have are refused before they cost memory', () => {
    assert.throws(() => parseAmf3(bytes('0d fffffff9 00')), { name: 'FormatError' });
    assert.throws(() => parseAmf3(bytes('09 fffffff9 01')), { name: 'FormatError' });
    assert.throws(() => parseAmf3(bytes('0a fffffffb 01')), { name: 'FormatError' });
    assert.throws(() => parseAmf3(bytes('11 fffffff9 00')), { name: 'FormatError' });
    assert.throws(() => parseAmf3(bytes('0c fffffff9')), { name: 'FormatError' });
  });
});

test('scrambled AMF is read or is a FormatError, and values survive printing and parsing', () => {
  fuzzAmf0(1, 2000);
  fuzzAmf3(1, 2000);
});
