import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentOf, detectContainer, withoutFront } from './container.ts';

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

for (const [what, front] of [
  ['two packets of something else', Buffer.concat([Buffer.from('f1221077', 'hex'), Buffer.alloc(372, 0xff)])],
  ['a picture', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01G\0\0', 'latin1')],
  ['8 KiB with bytes that look like syncs', Buffer.alloc(8192, 'G.........')],
  ['one byte', Buffer.of(7)],
] as const) {
  test(`MPEG-TS is found behind ${what}, in pieces of any size, and is what remains`, () => {
    for (const [before, stride] of [
      [0, 188],
      [4, 192],
    ] as const) {
      const packets = Buffer.alloc(stride * 8, 0x55);
      for (let at = before; at < packets.length; at += stride) packets[at] = 0x47;
      const whole = Buffer.concat([front, packets]);
      for (const size of [whole.length, 100]) {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
        const content = contentOf(pieces);
        assert.deepEqual([content.container, content.front], ['mpegts', front.length]);
        assert.deepEqual(Buffer.concat(withoutFront(pieces, content.front)), packets);
      }
    }
  });
}

test('what is not MPEG-TS is not found to be, and the front of other containers is nothing', () => {
  assert.deepEqual(contentOf([Buffer.alloc(20_000, 'nothing G ')]).container, undefined);
  assert.deepEqual(contentOf([]).container, undefined);
  const fragment = Buffer.from('\0\0\0\x10moof', 'latin1');
  assert.deepEqual([contentOf([fragment]).container, contentOf([fragment]).front], ['fmp4', 0]);
});
