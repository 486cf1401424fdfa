import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { need } from '../../test/fixtures/need.ts';
import { BitWriter } from './bits.ts';
import { concatBytes } from './bytes.ts';
import type { Frame, VideoConfig } from './frame.ts';
import { h264Config } from './h264/avcc.ts';
import { escaped, PPS, printSliceOf, printSpsOf, type SpsShape, ues } from './h264/nal.fixture.ts';
import { hevcConfig } from './hevc/hvcc.ts';
import { makeTs, X264 } from './mpegts/media.fixture.ts';
import { demuxAll, printUnit } from './mpegts/packets.fixture.ts';
import { fieldFrames, fieldPps, fieldSps, streamOf } from './mpegts/pictures.fixture.ts';
import { type Scan, ScanWatch } from './scan.ts';

const HEVC_VPS = Uint8Array.of(0x40, 0x01, 0x3c, 0x01);
const HEVC_PPS = Uint8Array.of(0x44, 0x01, 0x48, 0x80);

/** A picture timing message; `clock` is ct_type of its first clock time stamp. */
function printTiming(struct: number, { delays = 0, clock = -1 } = {}): Uint8Array {
  const bits = new BitWriter();
  if (delays > 0) bits.u(0, delays).u(1, delays);
  bits.u(struct, 4);
  if (clock >= 0) bits.u(1, 1).u(clock, 2).u(0, 21);
  const payload = bits.u(0, 7).u(1, 1).finish();
  // Behind another message, as encoders write it.
  return escaped(Uint8Array.of(6, 5, 1, 0, 1, payload.length, ...payload, 0x80));
}

const sampleOf = (...nals: readonly Uint8Array[]) =>
  concatBytes(nals.flatMap((nal) => [Uint8Array.of(0, 0, nal.length >> 8, nal.length & 255), nal]));
const scanOf = (config: VideoConfig, ...nals: readonly Uint8Array[]) =>
  new ScanWatch(config).look({ data: sampleOf(...nals) });

suite('how a picture was scanned', () => {
  test('H.264 that has no fields is progressive, whatever its messages say', () => {
    const config = h264Config([printSpsOf({ structs: true })], [PPS]);
    assert.equal(scanOf(config, printTiming(3), printSliceOf({})), 'progressive');
  });

  test('H.264 that may have fields: pic_struct, ct_type and the coding of each picture decide (H.264, D.2.3)', () => {
    const rows: readonly (readonly [SpsShape, 'top' | undefined, Uint8Array | undefined, Scan | undefined])[] = [
      // Coded as fields, or with pairs of macroblocks that may be fields.
      [{}, 'top', undefined, 'interlaced'],
      [{ adaptive: true }, undefined, undefined, 'interlaced'],
      [{ adaptive: true }, undefined, printTiming(3), 'interlaced'],
      [{ adaptive: true }, undefined, printTiming(4), 'interlaced'],
      [{}, 'top', printTiming(1), 'interlaced'],
      [{}, 'top', printTiming(2), 'interlaced'],
      // Whole pictures in a stream that may have fields.
      [{}, undefined, undefined, 'progressive'],
      [{ adaptive: true }, undefined, printTiming(0), 'progressive'],
      [{}, 'top', printTiming(0), 'progressive'],
      [{ adaptive: true, structs: false }, undefined, printTiming(0), 'interlaced'],
      // Films at the rate of television: fields and frames repeat.
      ...[5, 6, 7, 8].map((struct) => [{ adaptive: true }, undefined, printTiming(struct), 'progressive'] as const),
      // The type of the clock says it outright.
      [{ adaptive: true }, undefined, printTiming(3, { clock: 0 }), 'progressive'],
      [{}, undefined, printTiming(0, { clock: 1 }), 'interlaced'],
      [{ adaptive: true }, undefined, printTiming(3, { clock: 2 }), 'interlaced'],
      // Both fields of a whole frame in turn: only the order in which they may be shown.
      [{}, undefined, printTiming(3), undefined],
      // Behind the delays of an HRD.
      [{ adaptive: true, delays: 24 }, undefined, printTiming(0, { delays: 24 }), 'progressive'],
      [{ adaptive: true, delays: 7 }, undefined, printTiming(3, { delays: 7 }), 'interlaced'],
    ];
    for (const [shape, field, timing, expected] of rows) {
      const config = h264Config([printSpsOf({ allowsFields: true, structs: true, ...shape })], [PPS]);
      const nals = [...(timing ? [timing] : []), printSliceOf({ allowsFields: true }, field)];
      assert.equal(scanOf(config, ...nals), expected, JSON.stringify([shape, field, timing]));
    }
  });

  test('HEVC: the flags of the profile, fields as pictures, and source_scan_type where both flags are set', () => {
    const of = (flags: number, { fields = 0, info = 0 } = {}) =>
      hevcConfig({ vps: [HEVC_VPS], sps: [printHevc(flags, fields, info)], pps: [HEVC_PPS] });
    const timing = (type: number) => Uint8Array.of(0x4e, 1, 1, 1, (type << 2) | 0x01, 0x80);
    const slice = Uint8Array.of(0x26, 1, 0x80, 0x80);
    assert.equal(scanOf(of(0x80), slice), 'progressive');
    assert.equal(scanOf(of(0), slice), 'progressive');
    assert.equal(scanOf(of(0x40), slice), 'interlaced');
    assert.equal(scanOf(of(0x80, { fields: 1 }), slice), 'interlaced');
    for (const [type, scan] of [
      [0, 'interlaced'],
      [1, 'progressive'],
      [2, undefined],
    ] as const)
      assert.equal(scanOf(of(0xc0, { info: 1 }), timing(type), slice), scan);
    assert.equal(scanOf(of(0xc0), slice), undefined);
  });

  test('other codecs have no fields, and damage says nothing', () => {
    const av1 = { codec: 'av1', record: Uint8Array.of(0x81, 0, 0, 0) } as const;
    assert.equal(new ScanWatch(av1).look({ data: Uint8Array.of(1, 2, 3) }), 'progressive');
    assert.equal(
      new ScanWatch({ codec: 'h264', record: Uint8Array.of(1, 2) }).look({ data: Uint8Array.of() }),
      'progressive',
    );
    const watch = new ScanWatch(h264Config([printSpsOf({ allowsFields: true })], [PPS]));
    for (const data of [Uint8Array.of(), Uint8Array.of(0, 0, 0, 9, 0x65), Uint8Array.of(0, 0, 0, 1, 0x65)])
      assert.equal(watch.look({ data }), undefined);
  });

  test('pairs of field pictures (PAFF)', () => {
    const pes = fieldFrames(4).map(({ top, bottom }, i) => ({
      payload: printUnit(fieldSps(), fieldPps(), top, bottom),
      times: { pts: 90_000 + i * 3600 },
    }));
    assert.deepEqual(scansOf(streamOf(pes)), { interlaced: 4 });
  });

  test('what encoders make: MBAFF is interlaced, whole pictures that allow fields are not', {
    skip: need('ffmpeg'),
  }, () => {
    const make = (...args: string[]) =>
      scansOf(
        readFileSync(
          makeTs(['-f', 'lavfi', '-i', 'testsrc2=s=320x192:r=50', '-t', '1', '-vf', 'interlace', ...X264, ...args]),
        ),
      );
    assert.deepEqual(make('-flags', '+ildct+ilme', '-x264opts', 'tff=1'), { interlaced: 25 });
    assert.deepEqual(make('-flags', '+ildct+ilme', '-x264opts', 'bff=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900'), {
      interlaced: 25,
    });
    assert.deepEqual(make('-x264opts', 'fake-interlaced=1:pic-struct=1'), { progressive: 25 });
    assert.deepEqual(make(), { progressive: 25 });
  });
});

/** A Main profile SPS of HEVC of 64 by 64 whose VUI has fields and frame_field_info. */
function printHevc(flags: number, fields: number, info: number): Uint8Array {
  const bits = new BitWriter().u(0x42, 8).u(1, 8).u(0, 4).u(0, 3).u(1, 1);
  bits.u(1, 8).u(0x60000000, 32).u(flags, 8).u(0, 32).u(0, 8).u(93, 8);
  ues(bits, 0, 1, 64, 64).u(0, 1);
  ues(bits, 0, 0, 4).u(1, 1);
  ues(bits, 0, 0, 0);
  ues(bits, 0, 3, 0, 3, 0, 0).u(0, 1).u(0, 2).u(0, 1);
  ues(bits, 0).u(0, 1).u(0, 2);
  bits.u(1, 1).u(0, 4).u(0, 1).u(fields, 1).u(info, 1).u(0, 4);
  return escaped(bits.u(1, 1).finish());
}

/** How many frames of a transport stream have which scan. */
function scansOf(bytes: Uint8Array): Record<string, number> {
  const { tracks, frames } = demuxAll(new Uint8Array(bytes));
  const video = tracks.at(-1)!.find(({ kind }) => kind === 'video')!;
  const watch = new ScanWatch(video.config as VideoConfig);
  const counts: Record<string, number> = {};
  for (const frame of frames as readonly Frame[]) {
    if (frame.trackId !== video.id) continue;
    const scan = watch.look(frame) ?? 'unknown';
    counts[scan] = (counts[scan] ?? 0) + 1;
  }
  return counts;
}
