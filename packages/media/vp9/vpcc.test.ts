import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzVpcC } from './fuzz.fixture.ts';
import { vp9Codecs, vp9Features } from './vpcc.ts';

const record = (level: number) => Uint8Array.of(1, 0, 0, 0, 0, level, 0x82, 1, 1, 1, 0, 0);

test('the codecs parameter has the level of the record, or the least that has room for the picture', () => {
  assert.equal(vp9Codecs(record(41), 1280, 720), 'vp09.00.41.08');
  assert.equal(vp9Codecs(record(0), 1280, 720), 'vp09.00.31.08');
  assert.equal(vp9Codecs(record(0), 3840, 2160), 'vp09.00.50.08');
});

test('Matroska gets profile, level, bit depth and chroma subsampling', () => {
  assert.deepEqual([...vp9Features(record(31))], [1, 1, 0, 2, 1, 31, 3, 1, 8, 4, 1, 1]);
});

test('2,000 random records are read, or refused with a FormatError', () => {
  assert.ok(fuzzVpcC(9, 2000) > 300);
});
