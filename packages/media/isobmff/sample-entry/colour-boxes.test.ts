import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VideoConfig } from '../../frame.ts';
import { BoxWriter, readBoxes } from '../box.ts';
import { parseColourBoxes, printColourBoxes } from './colour-boxes.ts';

/** What boxes with these bodies say. */
function read(...bodies: readonly (readonly [type: string, hex: string])[]) {
  const writer = new BoxWriter(new Uint8Array(1024));
  for (const [type, hex] of bodies) {
    const box = writer.open(type);
    writer.raw(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    writer.close(box);
  }
  const bytes = writer.bytes.subarray(0, writer.offset);
  return parseColourBoxes(bytes, readBoxes(bytes, 0, bytes.length));
}

const NCLX = '6e636c78';

test('colours in other forms than code points, and boxes that are too short, say nothing', () => {
  assert.equal(read(), undefined);
  assert.equal(read(['colr', `${NCLX} 0009 0010 0009`]), undefined);
  assert.equal(read(['colr', '70726f66 0009 0010 0009 00']), undefined, 'an ICC profile');
  assert.equal(read(['colr', `${NCLX} 0002 0002 0002 00`]), undefined);
  assert.equal(read(['mdcv', '00'.repeat(23)], ['clli', '03e8']), undefined);
  assert.equal(read(['colr', ''], ['mdcv', ''], ['clli', '']), undefined);
  // The second box of the same name may have the form that is known.
  const colours = { primaries: 9, transfer: 18, matrix: 9 };
  assert.deepEqual(read(['colr', '70726f66'], ['colr', `${NCLX} 0009 0012 0009 80`]), { colours, fullRange: true });
  assert.deepEqual(read(['colr', `${NCLX} ffff 0010 0100 00`]), { colours: { primaries: 2, transfer: 16, matrix: 2 } });
  assert.deepEqual(read(['clli', '03e8 0190']), { light: { maxContent: 1000, maxAverage: 400 } });
});

test('the order of the points in mdcv is green, blue, red, white (ISO/IEC 14496-12, 12.1.7)', () => {
  const body = '33c2 86c4 1d4c 0bb8 84d0 3e80 3d13 4042 00989680 00000001';
  const info = read(['mdcv', body])!;
  const points = [34_000, 16_000, 13_250, 34_500, 7500, 3000, 15_635, 16_450];
  assert.deepEqual(info, { mastering: { points, maxLuminance: 10_000_000, minLuminance: 1 } });
  const writer = new BoxWriter(new Uint8Array(64));
  const config: VideoConfig = { codec: 'h264', record: new Uint8Array(), codecs: '', width: 1, height: 1 };
  printColourBoxes(writer, { ...config, colourInfo: info });
  assert.equal(Buffer.from(writer.bytes.subarray(8, writer.offset)).toString('hex'), body.replaceAll(' ', ''));
  printColourBoxes(writer, config);
  assert.equal(writer.offset, 32, 'nothing is written where nothing is known');
});
