import assert from 'node:assert/strict';
import { test } from 'node:test';
import { av1Codecs, withoutTemporalDelimiter } from './av1c.ts';
import { fuzzAv1 } from './fuzz.fixture.ts';

test('profile, level, tier and bit depth make the codecs parameter (AV1 in ISO BMFF, 5)', () => {
  assert.equal(av1Codecs(Uint8Array.of(0x81, 0x08, 0x0c, 0)), 'av01.0.08M.08');
  assert.equal(av1Codecs(Uint8Array.of(0x81, 0x0d, 0xcc, 0)), 'av01.0.13H.10');
  assert.equal(av1Codecs(Uint8Array.of(0x81, 0x4d, 0x6c, 0)), 'av01.2.13M.12');
  assert.throws(() => av1Codecs(Uint8Array.of(0x82, 0, 0, 0)), { name: 'FormatError' });
});

test('a temporal delimiter before a sample is left out, with an extension too', () => {
  const rest = Uint8Array.of(0x32, 1, 7);
  const after = (...head: number[]) => [...withoutTemporalDelimiter(Uint8Array.of(...head, ...rest))];
  assert.deepEqual(after(0x12, 0), [...rest]);
  assert.deepEqual(after(0x16, 0, 0), [...rest]);
  assert.deepEqual(after(), [...rest]);
});

test('2,000 random records and units are read, or refused with a FormatError', () => {
  assert.ok(fuzzAv1(81, 2000) > 800);
});
