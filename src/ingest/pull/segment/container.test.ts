import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectContainer } from './container.ts';

test('MPEG-TS is detected by three packets in a row, also with a timestamp before each (M2TS) or parity after it', () => {
  for (const [first, stride] of [
    [0, 188],
    [4, 192],
    [0, 204],
  ] as const) {
    const bytes = new Uint8Array(stride * 4).fill(0x55);
    for (let at = first; at < bytes.length; at += stride) bytes[at] = 0x47;
    assert.equal(detectContainer(bytes), 'mpegts', `${stride}`);
    bytes[first + stride] = 0;
    assert.equal(detectContainer(bytes), undefined, `${stride}, one sync byte is missing`);
  }
});
