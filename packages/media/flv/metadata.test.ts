import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printAmf0 } from '../amf/amf0.ts';
import type { AmfObject } from '../amf/value.ts';
import { parseMetadata } from './metadata.ts';

const ratesOf = (object: AmfObject) => parseMetadata(printAmf0(['onMetaData', object]))?.rates;

test('announced rates are bits and frames per second; zero, negative and absurd values say nothing', () => {
  assert.deepEqual(ratesOf({ videodatarate: 2500, audiodatarate: 160, framerate: 30 }), {
    video: 2_500_000,
    audio: 160_000,
    frameRate: 30,
  });
  const nothing = { video: undefined, audio: undefined, frameRate: undefined };
  assert.deepEqual(ratesOf({}), nothing);
  assert.deepEqual(ratesOf({ videodatarate: 0, audiodatarate: -1, framerate: Number.NaN }), nothing);
  assert.deepEqual(ratesOf({ videodatarate: 1e12, audiodatarate: '160', framerate: Infinity }), nothing);
});
