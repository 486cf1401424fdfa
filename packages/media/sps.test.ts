import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from './bytes.ts';
import { coloursOf } from './colour/colours.ts';
import type { VideoConfig } from './frame.ts';
import { deepFormatOf } from './h264/deep-format.ts';
import { reorderDepth } from './rtp/receive/picture-times.ts';
import { sampleAspectOf } from './sample-aspect.ts';
import { ScanWatch } from './scan.ts';
import { h264SpsOf, hevcSpsOf, spsOf } from './sps.ts';

const sizes = { width: 640, height: 360 };
/** Configurations without a set that can be read. */
const configs: readonly VideoConfig[] = [
  // hvcC without arrays: the sets of `hev1` may be in the samples alone (ISO/IEC 14496-15, 8.3.3).
  { codec: 'hevc', codecs: 'hev1.1.6.L93.B0', ...sizes, record: concatBytes([Uint8Array.of(1), new Uint8Array(22)]) },
  // avcC without an SPS, and with one that ends early.
  { codec: 'h264', codecs: 'avc1.64001f', ...sizes, record: Uint8Array.of(1, 100, 0, 31, 0xff, 0xe0, 0) },
  { codec: 'h264', codecs: 'avc1.64001f', ...sizes, record: Uint8Array.of(1, 100, 0, 31, 0xff, 0xe1, 0, 1, 0x67, 0) },
  { codec: 'h264', codecs: 'avc1.64001f', ...sizes, record: new Uint8Array(0) },
  { codec: 'hevc', codecs: 'hvc1.1.6.L93.B0', ...sizes, record: Uint8Array.of(1) },
  { codec: 'vp9', codecs: 'vp09.00.31.08', ...sizes, record: new Uint8Array(0) },
  { codec: 'av1', codecs: 'av01.0.04M.08', ...sizes, record: new Uint8Array(0) },
  { codec: 'vp8', codecs: 'vp8', ...sizes, record: new Uint8Array(0) },
];

for (const config of configs) {
  test(`a configuration of ${config.record.length} bytes in ${config.codec} without a parameter set says nothing, and is no error`, () => {
    assert.deepEqual([spsOf(config), h264SpsOf(config), hevcSpsOf(config)], [undefined, undefined, undefined]);
    assert.deepEqual([coloursOf(config), sampleAspectOf(config), deepFormatOf(config)], [undefined, 1, undefined]);
    const isCounted = config.codec === 'h264' || config.codec === 'hevc';
    assert.equal(reorderDepth(config), isCounted ? undefined : 0);
    assert.equal(new ScanWatch(config).look({ data: Uint8Array.of(0, 0, 0, 1, 0x65) }), 'progressive');
  });
}
