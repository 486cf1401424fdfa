import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame } from '../frame.ts';
import { decodedMd5, makeTs, PICTURE, probePackets, X264, X265 } from './media.fixture.ts';
import { demuxAll, PPS, printSlice, printSps, printUnit } from './packets.fixture.ts';
import {
  fieldFrames,
  fieldPps,
  fieldSps,
  grouped,
  type Pes,
  pesOf,
  RECOVERY_POINT,
  recut,
  streamOf,
} from './pictures.fixture.ts';

const AUD = Uint8Array.of(9, 0xf0);
const FRAME = 3600;
const VIDEO_PID = 0x100;

/** PES packets of field pictures: both in one, or each in its own, with or without a time for the second. */
function fields(count: number, cut: 'one' | 'two' | 'two, one time', head: readonly Uint8Array[] = []): Pes[] {
  return fieldFrames(count).flatMap(({ top, bottom, idr }, i) => {
    const first = [AUD, ...(idr ? [fieldSps(), fieldPps()] : []), ...head, top];
    const pts = 90_000 + i * FRAME;
    if (cut === 'one') return [{ payload: printUnit(...first, AUD, bottom), times: { pts } }];
    const times = cut === 'two' ? { pts: pts + FRAME / 2 } : {};
    return [
      { payload: printUnit(...first), times: { pts } },
      { payload: printUnit(AUD, bottom), times },
    ];
  });
}

const shape = ({ dts, pts, key, data }: Frame) => `${dts} ${pts} ${key} ${Buffer.from(data).toString('hex')}`;

test('a picture whose slices are in another PES than its first NAL units has the time of its beginning, and is a key frame', () => {
  const apart = fieldFrames(6).flatMap(({ top, bottom }, i) => [
    { payload: printUnit(AUD, fieldSps(), fieldPps(), RECOVERY_POINT), times: { pts: 90_000 + i * FRAME } },
    { payload: printUnit(top, AUD, bottom), times: {} },
  ]);
  const together = apart.flatMap(({ payload, times }, i) =>
    i % 2 === 0 ? [{ payload: concatBytes([payload, apart[i + 1]!.payload]), times }] : [],
  );
  const [wanted, given] = [demuxAll(streamOf(together)), demuxAll(streamOf(apart))];
  assert.equal(wanted.frames.length, 6);
  assert.ok(wanted.frames.every(({ key }) => key));
  assert.deepEqual(given.frames.map(shape), wanted.frames.map(shape));
  assert.deepEqual(given.damage, []);
});

suite('field pictures (PAFF)', () => {
  test('two fields are one frame, in one PES or in two, with a time of their own or without', () => {
    const whole = demuxAll(streamOf(fields(20, 'one')));
    assert.deepEqual(whole.damage, []);
    assert.deepEqual(
      whole.frames.map(({ dts, key }) => [dts, key]),
      Array.from({ length: 20 }, (_, i) => [90_000 + i * FRAME, i % 8 === 0]),
    );
    assert.ok(whole.frames.every(({ duration }, i) => i === 19 || duration === FRAME));
    const height = whole.tracks[0]![0]!.kind === 'video' && whole.tracks[0]![0]!.config.height;
    assert.equal(height, 64);
    for (const cut of ['two', 'two, one time'] as const) {
      const { frames, damage } = demuxAll(streamOf(fields(20, cut)));
      assert.deepEqual(damage, [], cut);
      assert.deepEqual(frames.map(shape), whole.frames.map(shape), cut);
    }
  });

  test('an intra field with a recovery point begins a key frame, though the other field is predicted from it', () => {
    const { frames } = demuxAll(streamOf(fields(10, 'two', [RECOVERY_POINT])));
    assert.ok(frames.every(({ key }) => key));
  });

  test('a field whose other one is lost is a separate frame, and the next frame is whole', () => {
    const pes = fields(6, 'two');
    const whole = demuxAll(streamOf(pes)).frames;
    const { frames, damage } = demuxAll(streamOf(pes.filter((_, i) => i !== 5)));
    assert.deepEqual(damage, []);
    assert.equal(frames.length, 6);
    assert.ok(frames[2]!.data.length < whole[2]!.data.length);
    assert.deepEqual(frames.slice(3).map(shape), whole.slice(3).map(shape));
  });

  test('two fields across a loss are not one frame, even with the same frame_num', () => {
    const all = fields(12, 'two');
    const whole = streamOf(all, { told: true });
    // Pictures 1 and 9 are the first after an IDR; the packets between a field of each are lost.
    const [before, after] = [
      streamOf(all.slice(0, 3), { told: true }).length,
      whole.length - streamOf(all.slice(19), { told: true }).length + 2 * 188,
    ];
    assert.notEqual(((after - before) / 188) % 16, 0);
    const { frames } = demuxAll(concatBytes([whole.subarray(0, before), whole.subarray(after)]));
    const top = demuxAll(streamOf(all, { told: true })).frames[1]!;
    assert.equal(frames[1]!.dts, top.dts);
    assert.ok(frames[1]!.data.length < top.data.length, 'it is half a frame');
    assert.equal(frames[2]!.dts, 90_000 + 9 * FRAME + FRAME / 2);
  });

  test('what is delivered decodes to the pictures of the source', { skip: need('ffmpeg') }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'oxbow-'));
    try {
      const [source, ours] = [join(folder, 'source.h264'), join(folder, 'ours.h264')];
      const pes = fields(20, 'two');
      writeFileSync(source, concatBytes(pes.map(({ payload }) => payload)));
      const pieces: Uint8Array[] = [printUnit(fieldSps(), fieldPps())];
      for (const { data } of demuxAll(streamOf(pes)).frames) pieces.push(printUnit(...nalsOf(data)));
      writeFileSync(ours, concatBytes(pieces));
      const pictures = decodedMd5(source, 'v');
      assert.equal(pictures.length, 20);
      assert.deepEqual(decodedMd5(ours, 'v'), pictures);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function nalsOf(sample: Uint8Array): Uint8Array[] {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
  const nals: Uint8Array[] = [];
  for (let at = 0; at < sample.length; at += 4 + view.getUint32(at)) {
    nals.push(sample.subarray(at + 4, at + 4 + view.getUint32(at)));
  }
  return nals;
}

suite('PES packets that are not access units', { skip: need('ffmpeg') }, () => {
  const forms = [
    ['H.264', 0x1b, [...PICTURE, '-t', '2', ...X264, '-bsf:v', 'h264_metadata=aud=insert']],
    ['H.264 in slices', 0x1b, [...PICTURE, '-t', '2', ...X264, '-slices', '4']],
    ['HEVC', 0x24, [...PICTURE, '-t', '2', ...X265]],
  ] as const;
  for (const [name, type, args] of forms) {
    const read = () => new Uint8Array(readFileSync(makeTs(args)));

    test(`${name}: several access units in a PES are several frames, in the order that their pictures tell`, () => {
      const pes = pesOf(read(), VIDEO_PID);
      const whole = demuxAll(streamOf(pes, { type }));
      assert.equal(whole.frames.length, 50);
      for (const size of [2, 3, 5, 25]) {
        const { frames, damage } = demuxAll(streamOf(grouped(pes, size), { type }));
        assert.deepEqual(damage, [], `${size} a PES`);
        assert.deepEqual(frames.map(shape), whole.frames.map(shape), `${size} a PES`);
      }
    });

    test(`${name}: a PES may begin anywhere in an access unit, with a length or without`, () => {
      const pes = pesOf(read(), VIDEO_PID);
      const whole = demuxAll(streamOf(pes, { type }));
      for (const size of [33, 190, 1000, 2048, 5000, 20_000]) {
        for (const told of [true, false]) {
          const { frames, damage } = demuxAll(streamOf(recut(pes, size), { type, told }));
          assert.deepEqual(damage, [], `PES of ${size}`);
          const data = (list: readonly Frame[]) => list.map((frame) => Buffer.from(frame.data).toString('hex'));
          assert.deepEqual(data(frames), data(whole.frames), `PES of ${size}`);
          // Where each access unit begins in its own PES, so does its time.
          if (size <= 190) assert.deepEqual(frames.map(shape), whole.frames.map(shape), `PES of ${size}`);
          assert.ok(frames.every((frame, i) => i === 0 || frame.dts > frames[i - 1]!.dts));
        }
      }
    });
  }

  test('a slice a PES, without times or with the same one, is one frame', () => {
    const pes = pesOf(new Uint8Array(readFileSync(makeTs(forms[1][2]))), VIDEO_PID);
    const whole = demuxAll(streamOf(pes));
    const split = (repeat: boolean) =>
      pes.flatMap(({ payload, times }) =>
        cutAtSlices(payload).map((piece, i) => ({ payload: piece, times: i === 0 || repeat ? times : {} })),
      );
    assert.ok(split(false).length > 3 * pes.length);
    for (const repeat of [false, true]) {
      const { frames, damage } = demuxAll(streamOf(split(repeat)));
      assert.deepEqual([damage, frames.map(shape)], [[], whole.frames.map(shape)]);
    }
  });

  test('MBAFF: the packets, times and key frames that ffprobe lists', () => {
    const interlaced = ['-flags', '+ildct+ilme', '-x264opts', 'tff=1'];
    const path = makeTs([
      '-f',
      'lavfi',
      '-i',
      'testsrc2=s=320x192:r=50',
      '-t',
      '3',
      '-vf',
      'interlace',
      ...X264,
      ...interlaced,
    ]);
    const { frames, damage } = demuxAll(new Uint8Array(readFileSync(path)));
    assert.deepEqual(damage, []);
    assert.deepEqual(
      frames.map(({ pts, dts, key }) => ({ stream: 0, pts, dts, key })),
      probePackets(path),
    );
  });

  test('HEVC with open GOPs: every CRA is a key frame', () => {
    const path = makeTs([
      ...PICTURE,
      '-t',
      '3',
      '-c:v',
      'libx265',
      '-x265-params',
      'open-gop=1:keyint=25:bframes=3:log-level=none',
    ]);
    const { frames } = demuxAll(new Uint8Array(readFileSync(path)));
    assert.deepEqual(
      frames.map(({ key }) => key),
      probePackets(path).map(({ key }) => key),
    );
    assert.ok(frames.filter(({ key }) => key).length >= 3);
  });
});

/** The payload cut before each slice but the first. */
function cutAtSlices(payload: Uint8Array): Uint8Array[] {
  const cuts: number[] = [];
  let slices = 0;
  for (let at = 0; at + 4 < payload.length; at++) {
    if (payload[at] !== 0 || payload[at + 1] !== 0 || payload[at + 2] !== 1) continue;
    const type = payload[at + 3]! & 0x1f;
    if ((type === 1 || type === 5) && slices++ > 0) cuts.push(at);
  }
  return [0, ...cuts].map((from, i) => payload.slice(from, cuts[i] ?? payload.length));
}

suite('what stays in a sample, and what changes a configuration', () => {
  const sets = (width = 4) => [printSps(width), PPS];
  const pes = (i: number, ...nals: Uint8Array[]): Pes => ({
    payload: printUnit(...nals),
    times: { pts: 90_000 + i * FRAME },
  });

  test('captions stay in their sample as they came (ATSC A/53 Part 4: user data in SEI)', () => {
    const captions = Uint8Array.of(
      6,
      4,
      14,
      0xb5,
      0,
      0x31,
      0x47,
      0x41,
      0x39,
      0x34,
      3,
      0x41,
      0xff,
      0xfc,
      0x94,
      0x2c,
      0xff,
      0x80,
    );
    const { frames } = demuxAll(
      streamOf([pes(0, AUD, ...sets(), captions, printSlice(true)), pes(1, captions, printSlice(false))]),
    );
    for (const { data } of frames) assert.deepEqual(nalsOf(data)[0], captions);
  });

  test('parameter sets only at the start, also of a later segment, or again and again: one configuration', () => {
    const { tracks, frames, damage } = demuxAll(
      streamOf(Array.from({ length: 12 }, (_, i) => pes(i, ...(i % 4 === 0 ? sets() : []), printSlice(i % 3 === 0)))),
    );
    assert.deepEqual([tracks.length, frames.length, damage], [1, 12, []]);
  });

  test('an SPS that merely comes again leaves a PPS of which it is silent', () => {
    const second = Uint8Array.of(0x68, 0x5c, 0xe3, 0x88); // pic_parameter_set_id 1
    const units = [pes(0, printSps(), PPS, second, printSlice(true)), pes(1, printSps(), PPS, printSlice(true))];
    assert.equal(demuxAll(streamOf([...units, pes(2, printSps(), PPS, second, printSlice(true))])).tracks.length, 1);
  });

  test('another picture size in the middle: one new configuration, all frames before it belong to the old one', () => {
    const units = Array.from({ length: 8 }, (_, i) =>
      pes(i, ...(i === 0 ? sets(4) : i === 4 ? sets(5) : []), printSlice(true)),
    );
    const { tracks, frames } = demuxAll(streamOf(units));
    assert.deepEqual([tracks.length, frames.length], [2, 8]);
  });
});
