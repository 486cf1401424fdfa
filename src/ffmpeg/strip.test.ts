import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printStrip, readStrip, STRIP_BLOCKS, stripEdge, stripHeight } from './strip.ts';

test('the strip has 48 bits of UTC ms, 8 bits of counter and the XOR of the first seven bytes', () => {
  const strip = printStrip(0x0123_4567_89ab, 0x1cd);
  assert.deepEqual([...strip.subarray(0, 7)], [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd]);
  assert.equal(strip[7], 0x01 ^ 0x23 ^ 0x45 ^ 0x67 ^ 0x89 ^ 0xab ^ 0xcd);
});

test('readStrip returns undefined for a picture without a strip or with a damaged one', () => {
  const [width, height] = [640, 360];
  assert.equal(readStrip(new Uint8Array(width * height), width, height), undefined);
  assert.equal(readStrip(new Uint8Array(10), width, height), undefined);
  const luma = new Uint8Array(width * height);
  const strip = printStrip(1_795_000_000_000, 7);
  for (let block = 0; block < STRIP_BLOCKS; block++) {
    const on = strip[block >> 3]! & (0x80 >> (block & 7));
    for (let y = 0; y < stripHeight(height); y++) {
      luma.fill(on ? 235 : 16, y * width + stripEdge(block, width), y * width + stripEdge(block + 1, width));
    }
  }
  assert.deepEqual(readStrip(luma, width, height), { utcMs: 1_795_000_000_000, counter: 7 });
  luma[10 * width + 105] = 251 - luma[10 * width + 105]!;
  assert.equal(readStrip(luma, width, height), undefined);
});
