import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { concatBytes } from '../bytes.ts';
import { attempt } from '../h264/nal.fixture.ts';
import { mpeg2Config, mpeg2DisplaySize, mpeg2FieldOf, mpeg2Stream, parseMpeg2Picture } from '../mpeg2/sequence.ts';
import { seeded } from '../random.fixture.ts';
import { makeTs, probePackets } from './media.fixture.ts';
import { demuxAll, PacketWriter, PMT, printPat, printPmt, VIDEO } from './packets.fixture.ts';
import { pesOf, streamOf } from './pictures.fixture.ts';

const MPEG2 = { mpeg2: true };
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=160x96:r=25', '-t', '2'];

/** A sequence header: 720 by 576, 25 frames a second. */
const sequence = (aspect: number, rate = 3) =>
  Uint8Array.of(0xb3, 0x2d, 0x02, 0x40, (aspect << 4) | rate, 0xff, 0xff, 0xe0, 0x18);
const picture = (reference: number, type: number) =>
  Uint8Array.of(0, reference >> 2, ((reference & 3) << 6) | (type << 3), 0, 0);
const coding = (structure: number) => Uint8Array.of(0xb5, 0x8f, 0xff, 0xf0 | structure, 0x80, 0x80);
const slice = (value: number) => Uint8Array.of(1, value, value, 0x80);
const units = (...all: readonly Uint8Array[]) => concatBytes(all.flatMap((unit) => [Uint8Array.of(0, 0, 1), unit]));

suite('MPEG-2 video (ISO/IEC 13818-2)', () => {
  test('a sequence has a size, a rate, and the shape of the screen', () => {
    const { width, height, frameRate, codec } = mpeg2Config(sequence(3));
    assert.deepEqual([width, height, frameRate, codec], [720, 576, 25, 'mpeg2']);
    const sizes = [1, 2, 3, 4].map((aspect) => mpeg2DisplaySize(mpeg2Config(sequence(aspect))).width);
    assert.deepEqual(sizes, [720, 768, 1024, 1273]);
    assert.deepEqual(
      [1, 4, 8].map((rate) => Math.round(mpeg2Config(sequence(1, rate)).frameRate! * 1000)),
      [23_976, 29_970, 60_000],
    );
    assert.throws(() => mpeg2Config(Uint8Array.of(0xb3, 0, 0, 0, 0x13)), { name: 'FormatError' });
  });

  test('is left out unless it is converted, and where there is other video (default of every demuxer)', () => {
    const pes = [{ payload: units(sequence(1), picture(0, 1), coding(3), slice(1)), times: { pts: 90_000 } }];
    const { leftOut, frames } = demuxAll(streamOf(pes, { type: 0x02 }));
    assert.deepEqual([leftOut.at(-1)?.map(({ name }) => name), frames.length], [['MPEG-2 video'], 0]);
    const writer = new PacketWriter();
    const both = concatBytes([
      writer.section(0, printPat()),
      writer.section(
        PMT,
        printPmt([
          [0x02, 0x110],
          [0x1b, VIDEO],
        ]),
      ),
    ]);
    assert.deepEqual(
      demuxAll(both, both.length, MPEG2)
        .leftOut.at(-1)
        ?.map(({ name }) => name),
      ['MPEG-2 video'],
    );
  });

  test('two fields are one frame, also in PES packets of their own; another matrix in a sequence header is no other track', () => {
    const second = [picture(0, 2), coding(2), slice(2)];
    const other = sequence(1);
    other[8] = 0x1a;
    for (const isCut of [false, true]) {
      const pes = [0, 1, 2].flatMap((i) => {
        const first = units(i === 1 ? other : sequence(1), picture(0, 1), coding(1), slice(1));
        const pts = 90_000 + i * 3600;
        if (!isCut) return [{ payload: concatBytes([first, units(...second)]), times: { pts } }];
        return [
          { payload: first, times: { pts } },
          { payload: units(...second), times: { pts: pts + 1800 } },
        ];
      });
      const bytes = streamOf(pes, { type: 0x02 });
      const { frames, tracks, damage } = demuxAll(bytes, bytes.length, MPEG2);
      assert.deepEqual([tracks.length, damage], [1, []]);
      assert.deepEqual(
        frames.map(({ pts, key, duration }) => [pts, key, duration]),
        [0, 1, 2].map((i) => [90_000 + i * 3600, true, 3600]),
      );
      const stream = mpeg2Stream(frames[0]!.data);
      assert.deepEqual([...stream.subarray(0, 5)], [0, 0, 0, 1, 0xb3]);
    }
  });

  test('the packets, times and key frames that ffprobe lists, however they are cut', { skip: need('ffmpeg') }, () => {
    for (const options of [
      ['-c:v', 'mpeg2video', '-bf', '2', '-g', '12'],
      ['-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-bf', '0', '-g', '10'],
      ['-c:v', 'mpeg1video', '-bf', '1', '-g', '9'],
    ]) {
      const path = makeTs([...PICTURE, ...options]);
      const bytes = new Uint8Array(readFileSync(path));
      const expected = probePackets(path);
      for (const size of [bytes.length, 188 * 3]) {
        const { frames, damage } = demuxAll(bytes, size, MPEG2);
        assert.deepEqual(damage, []);
        assert.deepEqual(
          frames.map(({ pts, dts, key }) => ({ stream: 0, pts, dts, key })),
          expected,
        );
      }
      const whole = demuxAll(bytes, bytes.length, MPEG2).frames.map(({ data }) => data.length);
      const cut = pesOf(bytes, 0x100).flatMap(({ payload, times }) => [
        { payload: payload.subarray(0, 700), times },
        ...(payload.length > 700 ? [{ payload: payload.subarray(700), times: {} }] : []),
      ]);
      const joined = streamOf(cut, { type: 0x02 });
      assert.deepEqual(
        demuxAll(joined, joined.length, MPEG2).frames.map(({ data }) => data.length),
        whole,
      );
    }
  });

  test('random bytes are a FormatError or nothing', () => {
    const random = seeded(5);
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from({ length: random(12) }, () => random(256));
      const at = random(8);
      attempt(() => assert.ok(mpeg2Config(bytes).width > 0));
      parseMpeg2Picture(bytes, at, bytes.length);
      mpeg2FieldOf(bytes, at);
      mpeg2Stream(bytes);
    }
  });
});
