import assert from 'node:assert/strict';
import { test } from 'node:test';
import { movieEndsEarly } from './movie-end.ts';

function box(type: string, bytes: number, size = bytes): Buffer {
  const box = Buffer.alloc(bytes);
  box.writeUInt32BE(size, 0);
  box.write(type, 4, 'latin1');
  return box;
}

const large = Buffer.concat([box('mdat', 8, 1), Buffer.from('0000000100000000', 'hex'), Buffer.alloc(200)]);
const look = (bytes: Buffer) =>
  movieEndsEarly(bytes.length, async (offset, count) => bytes.subarray(offset, offset + count));

test('a file without its index ends early, wherever it was cut', async () => {
  const whole = Buffer.concat([box('ftyp', 24), box('free', 8), box('mdat', 500), box('moov', 300)]);
  assert.equal(await look(whole), undefined);
  for (const end of [24, 32, 40, 100, 531, 532, 536]) {
    assert.match((await look(whole.subarray(0, end)))!, /^The file ends early: its index/, `cut at ${end}`);
  }
  assert.match((await look(whole.subarray(0, 700)))!, /within its index/);
  for (const open of [large, Buffer.concat([box('ftyp', 24), box('mdat', 100, 0)])]) {
    assert.match((await look(open))!, /^The file ends early/);
  }
});

test('what is no list of boxes, or has its index, does not end early', async () => {
  const first = Buffer.concat([box('ftyp', 24), box('moov', 100), box('mdat', 50, 5000)]);
  for (const bytes of [
    first,
    Buffer.alloc(0),
    Buffer.from('\x00\x01\x02\x03\x00\x01\x02\x03', 'latin1'),
    box('ftyp', 24, 3),
  ]) {
    assert.equal(await look(bytes), undefined);
  }
});
