import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import type { DataTrack, Frame, VideoTrack } from '../frame.ts';
import { h264Config } from '../h264/avcc.ts';
import { id3Tag, printSplice, printSpliceInsert } from './forms.fixture.ts';
import { muxSegment } from './muxer/muxer.ts';
import {
  collect,
  demuxAll,
  PacketWriter,
  PMT,
  PPS,
  printPat,
  printPmt,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from './packets.fixture.ts';
import { spliceTime } from './splice.ts';

const ID3 = 0x110;
const CUES = 0x111;
const TURN = 2 ** 33;
const DATA = printPmt([
  [0x1b, VIDEO],
  [0x15, ID3, [0x26, 13, 0xff, 0xff, 0x49, 0x44, 0x33, 0x20, 0xff, 0x49, 0x44, 0x33, 0x20, 0, 0x0f]],
  [0x86, CUES, [5, 4, 0x43, 0x55, 0x45, 0x49]],
]);

const head = (writer: PacketWriter) => [writer.section(0, printPat()), writer.section(PMT, DATA)];
const picture = (writer: PacketWriter, pts: number) =>
  writer.pes(VIDEO, printUnit(printSps(), PPS, printSlice(true)), { pts });
const ofKind = (frames: readonly Frame[], id: number) => frames.filter(({ trackId }) => trackId === id);

test('ID3 and SCTE 35 are tracks from the start, and hold back neither tracks nor frames', () => {
  const writer = new PacketWriter();
  const { demuxer, tracks, frames } = collect();
  demuxer.push(
    concatBytes([...head(writer), picture(writer, 90_000), picture(writer, 93_600), picture(writer, 97_200)]),
  );
  assert.deepEqual(
    tracks.map((set) => set.map(({ id, kind, config, timescale }) => `${id} ${kind} ${config.codec} ${timescale}`)),
    [['1 video h264 90000', '64 data id3 90000', '65 data scte35 90000']],
  );
  const { record, codecs } = (tracks[0]![1] as DataTrack).config;
  assert.deepEqual([record.length, codecs], [0, '']);
  assert.ok(frames.length > 0);
});

suite('ID3 (Timed Metadata for HLS)', () => {
  test('each tag is a frame at its time, without duration; several in one PES are several', () => {
    const writer = new PacketWriter();
    const [one, two] = [id3Tag(20, 1), id3Tag(90, 2)];
    const { frames, damage } = demuxAll(
      concatBytes([
        ...head(writer),
        writer.pes(ID3, one, { pts: 91_000 }, true), // before the first time of the program
        picture(writer, 90_000),
        writer.pes(ID3, concatBytes([one, two]), { pts: 95_000 }, true),
        picture(writer, 93_600),
      ]),
    );
    assert.deepEqual(damage, []);
    assert.deepEqual(
      ofKind(frames, 64).map(({ dts, pts, duration, key, data }) => ({ dts, pts, duration, key, data })),
      [
        { dts: 91_000, pts: 91_000, duration: 0, key: true, data: one },
        { dts: 95_000, pts: 95_000, duration: 0, key: true, data: one },
        { dts: 95_001, pts: 95_001, duration: 0, key: true, data: two },
      ],
    );
  });

  test('a tag continues in PES packets without a time; other data and truncated tags are damage', () => {
    const writer = new PacketWriter();
    const tag = id3Tag(100, 3);
    const pieces = [tag.subarray(0, 7), tag.subarray(7, 40), tag.subarray(40)];
    const { frames, damage } = demuxAll(
      concatBytes([
        ...head(writer),
        picture(writer, 90_000),
        ...pieces.map((piece, i) => writer.pes(ID3, piece, i === 0 ? { pts: 92_000 } : {}, true)),
        writer.pes(ID3, Uint8Array.of(1, 2, 3, 4), { pts: 93_000 }, true),
        writer.pes(ID3, tag.subarray(0, 50), { pts: 94_000 }, true),
        picture(writer, 93_600),
      ]),
    );
    assert.deepEqual(
      ofKind(frames, 64).map(({ pts, data }) => [pts, data]),
      [[92_000, tag]],
    );
    assert.deepEqual(damage, ['4 bytes of metadata that are no ID3 tag', 'an ID3 tag was cut off']);
  });

  test('a tag with a broken time moves neither the pictures nor the tags behind it', () => {
    const writer = new PacketWriter();
    const times = [90_000, 93_600, 97_200, 100_800];
    const packets = times.flatMap((pts, i) => [
      picture(writer, pts),
      writer.pes(ID3, id3Tag(9), { pts: i === 1 ? 2 ** 32 : pts + 100 }, true),
    ]);
    const { frames, damage } = demuxAll(concatBytes([...head(writer), ...packets]));
    assert.deepEqual(
      ofKind(frames, 1).map(({ dts }) => dts),
      times,
    );
    const tags = ofKind(frames, 64).map(({ pts }) => pts);
    assert.deepEqual([tags.length, tags[0], tags.at(-1), damage], [4, 90_100, 100_900, []]);
  });

  test('tags written by our muxer come back as they were', () => {
    const track: DataTrack = {
      id: 64,
      kind: 'data',
      timescale: 90_000,
      language: 'und',
      label: '',
      config: { codec: 'id3', record: new Uint8Array(0), codecs: '' },
    };
    const tags = [10, 60, 120].map((size, i): Frame => {
      const pts = 90_000 + i * 30_000;
      return { trackId: 64, dts: pts, pts, duration: 0, key: true, data: id3Tag(size, i + 1) };
    });
    const pictures = Array.from({ length: 25 }, (_, i): Frame => {
      const pts = 90_000 + i * 3600;
      return {
        trackId: 1,
        dts: pts,
        pts,
        duration: 3600,
        key: true,
        data: concatBytes([Uint8Array.of(0, 0, 0, 40), printSlice(true)]),
      };
    });
    const config = h264Config([printSps()], [PPS]);
    const video: VideoTrack = { id: 1, kind: 'video', timescale: 90_000, language: 'und', label: '', config };
    const bytes = muxSegment({
      tracks: [video, track],
      frames: new Map([
        [1, pictures],
        [64, tags],
      ]),
    });
    const { frames, damage } = demuxAll(bytes);
    assert.deepEqual([ofKind(frames, 64), damage], [tags, []]);
  });
});

suite('SCTE 35', () => {
  test('a splice_insert is decoded when it comes and presented at its time with pts_adjustment (9.6)', () => {
    const writer = new PacketWriter();
    const cue = printSpliceInsert(1, 500_000, 1000);
    const now = printSpliceInsert(2, undefined);
    const { frames, damage } = demuxAll(
      concatBytes([
        ...head(writer),
        picture(writer, 90_000),
        picture(writer, 93_600),
        picture(writer, 97_200),
        writer.section(CUES, cue),
        writer.section(CUES, now),
        picture(writer, 100_800),
      ]),
    );
    assert.deepEqual(damage, []);
    assert.deepEqual(
      ofKind(frames, 65).map(({ dts, pts, duration, key, data }) => ({ dts, pts, duration, key, data })),
      [
        { dts: 93_600, pts: 501_000, duration: 0, key: true, data: cue },
        { dts: 93_601, pts: 93_601, duration: 0, key: true, data: now },
      ],
    );
  });

  test('the time is read of time_signal and splice_insert, over the wrap too; of others there is none (9.7)', () => {
    const signal = (pts: number) => {
      const bytes = Uint8Array.of(0xfe | Math.floor(pts / 2 ** 32), 0, 0, 0, 0);
      new DataView(bytes.buffer).setUint32(1, pts % 2 ** 32);
      return bytes;
    };
    assert.equal(spliceTime(printSplice(6, signal(2 ** 32 + 5))), 2 ** 32 + 5);
    assert.equal(spliceTime(printSplice(6, signal(TURN - 10), 30)), 20);
    assert.equal(spliceTime(printSplice(6, Uint8Array.of(0x7f))), undefined);
    assert.equal(spliceTime(printSplice(0, new Uint8Array(0))), undefined);
    assert.equal(spliceTime(printSpliceInsert(7, 12_345)), 12_345);
    const encrypted = printSplice(6, signal(5));
    encrypted[4]! |= 0x80;
    const end = encrypted.length - 4;
    new DataView(encrypted.buffer, encrypted.byteOffset).setUint32(end, crc32Mpeg(encrypted, 0, end));
    assert.equal(spliceTime(encrypted), undefined);
  });

  test('a section of more than 1,024 bytes is taken, one with a wrong CRC is damage', () => {
    const writer = new PacketWriter();
    const long = printSplice(0xff, new Uint8Array(2000).fill(7));
    const broken = printSpliceInsert(3, 1);
    broken[9]! ^= 1;
    const packets = [picture(writer, 90_000), writer.section(CUES, long), writer.section(CUES, broken)];
    const { frames, damage } = demuxAll(concatBytes([...head(writer), ...packets, picture(writer, 93_600)]));
    assert.deepEqual(
      [ofKind(frames, 65).map(({ data }) => data), damage],
      [[long], ['a PSI section with a wrong CRC']],
    );
  });
});
