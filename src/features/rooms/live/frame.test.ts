import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printFrame } from './frame.ts';

test('the length of a text frame has 7, 16 or 64 bits, in bytes of UTF-8 (RFC 6455 5.2)', () => {
  const head = (text: string, bytes: number) => [...printFrame(text).subarray(0, bytes)];
  assert.deepEqual(head('', 9), [0x81, 0]);
  assert.deepEqual(head('é'.repeat(62), 2), [0x81, 124]);
  assert.deepEqual(head('é'.repeat(63), 4), [0x81, 126, 0, 126]);
  assert.deepEqual(head('x'.repeat(65_535), 4), [0x81, 126, 0xff, 0xff]);
  assert.deepEqual(head('x'.repeat(65_536), 10), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
  assert.equal(String(printFrame('你好 🎉').subarray(2)), '你好 🎉');
});
