import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitWriter } from '../bits.ts';
import { fuzzH264 } from './fuzz.fixture.ts';
import { isSecondField, parseH264Slice, startsH264Picture } from './slice.ts';

const sps = { separatePlanes: false, frameNumBits: 4, progressive: false, orderBits: 8 };

/** A slice header up to its picture order count: first_mb 0, slice_type 7, PPS 0. */
function slice(nal: number, frameNum: number, field: 'top' | 'bottom' | 'frame', order: number): Uint8Array {
  const bits = new BitWriter().u(nal, 8).u(1, 1).u(8, 7).u(1, 1).u(frameNum, 4);
  bits.u(field === 'frame' ? 0 : 1, 1);
  if (field !== 'frame') bits.u(field === 'bottom' ? 1 : 0, 1);
  if ((nal & 0x1f) === 5) bits.u(1, 1); // idr_pic_id 0
  return bits.u(order, 8).u(0x80, 8).finish();
}
const parse = (bytes: Uint8Array) => parseH264Slice(bytes, 0, bytes.length, () => sps)!;

test('a slice header has frame_num, field and picture order (7.3.3)', () => {
  const idr = parse(slice(0x65, 0, 'top', 0));
  assert.deepEqual(idr, { ppsId: 0, frameNum: 0, field: 'top', idr: true, reference: true, order: 0 });
  const b = parse(slice(0x01, 9, 'frame', 250));
  assert.deepEqual(b, { ppsId: 0, frameNum: 9, field: undefined, idr: false, reference: false, order: 250 });
});

test('a second field has the other parity, the same frame_num, and may be no reference only together with the first', () => {
  const [top, bottom] = [parse(slice(0x61, 3, 'top', 6)), parse(slice(0x61, 3, 'bottom', 7))];
  assert.ok(isSecondField(top, bottom) && isSecondField(bottom, top));
  assert.ok(isSecondField(parse(slice(0x65, 0, 'top', 0)), parse(slice(0x61, 0, 'bottom', 1))));
  assert.ok(isSecondField(top, parse(slice(0x01, 3, 'bottom', 7))));
  assert.ok(!isSecondField(top, top));
  assert.ok(!isSecondField(top, parse(slice(0x61, 4, 'bottom', 9))));
  assert.ok(!isSecondField(top, parse(slice(0x61, 3, 'frame', 7))));
  assert.ok(!isSecondField(parse(slice(0x01, 3, 'top', 7)), bottom));
  assert.ok(!isSecondField(top, parse(slice(0x65, 3, 'bottom', 7))));
});

test('first_mb_in_slice 0 begins a picture; the later data partitions never do', () => {
  assert.ok(startsH264Picture(Uint8Array.of(0x41, 0x9a), 0));
  assert.ok(!startsH264Picture(Uint8Array.of(0x41, 0x5a), 0));
  assert.ok(!startsH264Picture(Uint8Array.of(0x43, 0x9a), 0));
});

test('2,000 random slices and parameter sets give fields in their ranges, or a FormatError', () => {
  assert.ok(fuzzH264(11, 2000) > 200);
});
