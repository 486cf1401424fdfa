import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { findBox, readBoxes } from '../isobmff/box.ts';
import { parseMoof } from '../isobmff/fragment-reader.ts';
import { parseInit, printInit } from '../isobmff/init.ts';
import { audioTrack, framesOf, textTrack, videoTrack } from '../isobmff/media.fixture.ts';
import { fragmentsOf } from '../isobmff/real-media.fixture.ts';
import { FragmentEncryption } from './encrypt-fragments.ts';
import { cbc, testKey } from './encrypted.fixture.ts';
import { fuzzEncryption, fuzzSliceHeaders } from './fuzz.fixture.ts';
import { protectInit } from './protect-init.ts';
import { bytesOfUuid, SYSTEM, uuidOf } from './protection.ts';
import { parsePssh, printPssh } from './pssh.ts';

const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes);

suite('init sections of encrypted tracks', () => {
  test('entries are encv and enca with their format, scheme, key id and pattern (ISO 14496-12 8.12)', () => {
    const init = protectInit(printInit([videoTrack, audioTrack]), { keyOf: () => testKey, pssh: [] });
    const content = text(init);
    for (const four of ['encv', 'enca', 'frmaavc1', 'frmamp4a', 'schm\0\0\0\0cbcs']) assert.ok(content.includes(four));
    assert.ok(!/....avc1..../.test(content.replace('frmaavc1', '').slice(content.indexOf('stsd'))));
    const tencs = [...content.matchAll(/tenc/g)].map(({ index }) => init.subarray(index + 4, index + 45));
    assert.deepEqual(tencs, [
      concatBytes([Uint8Array.of(1, 0, 0, 0, 0, 0x19, 1, 0), testKey.kid, Uint8Array.of(16), testKey.iv]),
      concatBytes([Uint8Array.of(1, 0, 0, 0, 0, 0x00, 1, 0), testKey.kid, Uint8Array.of(16), testKey.iv]),
    ]);
    readBoxes(init);
  });

  test('a track without a key stays as it is', () => {
    const clear = printInit([videoTrack, audioTrack, textTrack]);
    assert.deepEqual(protectInit(clear, { keyOf: () => undefined, pssh: [] }), clear);
    const one = protectInit(clear, { keyOf: (id) => (id === audioTrack.id ? testKey : undefined), pssh: [] });
    assert.deepEqual(
      parseInit(one).map(({ id }) => id),
      [videoTrack.id, textTrack.id],
    );
  });

  test('pssh boxes end the moov', () => {
    const pssh = printPssh({ system: SYSTEM.common, kids: [testKey.kid], data: new Uint8Array(0) });
    const init = protectInit(printInit([audioTrack]), { keyOf: () => testKey, pssh: [pssh] });
    const moov = findBox(readBoxes(init), 'moov')!;
    const last = readBoxes(init, moov.body, moov.end).at(-1)!;
    assert.deepEqual(parsePssh(init.slice(last.start, last.end)).kids, [testKey.kid]);
  });
});

suite('encrypted fragments', () => {
  const encrypt = (bytes: Uint8Array, keyed = true) =>
    new FragmentEncryption({ tracks: [audioTrack], keyOf: () => (keyed ? testKey : undefined), encrypt: cbc }).encrypt(
      bytes,
    );
  const fragments = fragmentsOf([audioTrack], framesOf(audioTrack, 90));

  test('audio is encrypted in whole blocks, without auxiliary information (ISO 23001-7 9.7)', () => {
    const encrypted = encrypt(fragments);
    assert.equal(encrypted.length, fragments.length);
    const samples = readBoxes(fragments)
      .filter(({ type }) => type === 'moof')
      .flatMap((moof) => {
        const { offsets, sizes } = parseMoof(fragments, moof)[0]!;
        return offsets.map((offset, i) => ({ start: moof.start + offset, size: sizes[i]! }));
      });
    assert.equal(samples.length, 90);
    for (const { start, size } of samples) {
      const whole = size - (size % 16);
      const of = (bytes: Uint8Array, from: number, to: number) => bytes.subarray(start + from, start + to);
      assert.deepEqual(of(encrypted, 0, whole), new Uint8Array(cbc(testKey.key, testKey.iv, of(fragments, 0, whole))));
      assert.deepEqual(of(encrypted, whole, size), of(fragments, whole, size));
    }
  });

  test('the parts of a segment, encrypted one by one, are the encrypted segment', () => {
    const moofs = readBoxes(fragments).filter(({ type }) => type === 'moof');
    assert.ok(moofs.length > 1);
    const cut = moofs[1]!.start;
    const parts = [fragments.subarray(0, cut), fragments.subarray(cut)].map((part) => encrypt(part));
    assert.deepEqual(concatBytes(parts), encrypt(fragments));
  });

  test('a track without a key stays as it is, and the input never changes', () => {
    const before = fragments.slice();
    assert.deepEqual(encrypt(fragments, false), fragments);
    encrypt(fragments);
    assert.deepEqual(fragments, before);
  });

  test('what is not moof and mdat in pairs is rejected', () => {
    const [moof] = readBoxes(fragments);
    assert.throws(() => encrypt(fragments.subarray(0, moof!.end)), { name: 'FormatError' });
  });
});

suite('pssh', () => {
  test('version 1 has key ids, version 0 has none (ISO 23001-7 8.1)', () => {
    for (const kids of [[], [testKey.kid, testKey.key]]) {
      const pssh = { system: SYSTEM.widevine, kids, data: Uint8Array.of(1, 2, 3) };
      const bytes = printPssh(pssh);
      assert.equal(bytes[8], kids.length > 0 ? 1 : 0);
      assert.deepEqual(parsePssh(bytes), pssh);
    }
  });

  test('a UUID is read with and without dashes', () => {
    assert.equal(uuidOf(bytesOfUuid(SYSTEM.playReady)!), SYSTEM.playReady);
    assert.deepEqual(bytesOfUuid(SYSTEM.playReady.replaceAll('-', '')), bytesOfUuid(SYSTEM.playReady));
    assert.equal(bytesOfUuid('door'), undefined);
  });
});

test('2,000 damaged fragments, sections and boxes give bytes or a FormatError', () => {
  assert.ok(fuzzEncryption(1, 2000) > 500);
});

test('2,000 random slices and parameter sets give a header within the NAL unit, or a FormatError', () => {
  assert.ok(fuzzSliceHeaders(2, 2000) > 200);
});
