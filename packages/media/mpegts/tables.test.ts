import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import {
  AUDIO,
  collect,
  demuxAll,
  PacketWriter,
  PMT,
  PPS,
  printAdts,
  printPat,
  printPmt,
  printSection,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from './packets.fixture.ts';
import { parsePat, parsePmt } from './psi.ts';

const key = (sps = printSps()) => printUnit(sps, PPS, printSlice(true));
const AV = printPmt([
  [0x1b, VIDEO],
  [0x0f, AUDIO, 'deu'],
]);

/** PAT, PMT, and a second of pictures and sound. */
function second(writer: PacketWriter, { pmt = AV, from = 90_000 } = {}): Uint8Array[] {
  const packets = [writer.section(0, printPat()), writer.section(PMT, pmt)];
  for (let i = 0; i < 25; i++) {
    const pts = from + i * 3600;
    packets.push(writer.pes(VIDEO, i === 0 ? key() : printUnit(printSlice(false)), { pts }));
    packets.push(writer.pes(AUDIO, printAdts(100), { pts: from + Math.round(i * 1920) }));
  }
  return packets;
}

suite('PAT and PMT', () => {
  test('CRC-32/MPEG-2 of "123456789" is 0376e6e7', () => {
    assert.equal(crc32Mpeg(new TextEncoder().encode('123456789')), 0x0376e6e7);
  });

  test('a table that is not yet current is passed over', () => {
    const pat = printPat();
    pat[5]! &= 0xfe;
    assert.equal(parsePat(pat), undefined);
    assert.equal(parsePmt(printPat()), undefined);
  });

  test('a PMT that ends within a descriptor is a FormatError', () => {
    assert.throws(() => parsePmt(printSection(2, 1, [0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 9])), {
      name: 'FormatError',
    });
  });

  test('a section with a wrong CRC is damage and changes nothing', () => {
    const broken = printPmt([[0x1b, VIDEO]]);
    broken[12]! ^= 1;
    const writer = new PacketWriter();
    const { frames, damage, tracks } = demuxAll(concatBytes([...second(writer), writer.section(PMT, broken)]));
    assert.deepEqual(damage, ['a PSI section with a wrong CRC']);
    assert.deepEqual([tracks.length, frames.length], [1, 50]);
  });

  test('the language comes from the ISO 639 descriptor, und without', () => {
    const { tracks } = demuxAll(concatBytes(second(new PacketWriter())));
    assert.deepEqual(
      tracks.map((set) => set.map((track) => [track.id, track.kind, track.language])),
      [
        [
          [1, 'video', 'und'],
          [2, 'audio', 'deu'],
        ],
      ],
    );
  });

  test('of several programs the first with media is taken, and which are left out is said once', () => {
    const writer = new PacketWriter();
    const tables = [
      [0, 0x10],
      [7, 0x200],
      [1, PMT],
      [2, 0x210],
    ] as const;
    const pat = printPat(tables);
    const empty = printSection(2, 7, [0xe1, 1, 0xf0, 0, 0x0d, 0xe3, 0, 0xf0, 0]);
    const other = printSection(2, 2, [0xe1, 1, 0xf0, 0, 0x0f, 0xe3, 1, 0xf0, 0]);
    const head = [writer.section(0, pat), writer.section(0x210, other), writer.section(0x200, empty)];
    const { damage, frames } = demuxAll(
      concatBytes([...head, ...second(writer).slice(1), ...head, writer.pes(0x301, printAdts(9), { pts: 180_000 })]),
    );
    assert.deepEqual(damage, ['3 programs: program 1 is taken, left out: 7 (no media), 2']);
    assert.equal(frames.length, 50);
  });

  test('a program whose PMT never comes does not hold back the next one', () => {
    const writer = new PacketWriter();
    const pat = printPat([
      [9, 0x200],
      [1, PMT],
    ]);
    const packets = [writer.section(0, pat), ...second(writer).slice(1), writer.section(PMT, AV), ...second(writer)];
    const { demuxer, tracks } = collect();
    demuxer.push(concatBytes(packets.slice(0, 52)));
    assert.equal(tracks.length, 0);
    demuxer.push(concatBytes([...packets.slice(52, 53), ...second(writer, { from: 180_000 }).slice(2)]));
    assert.equal(tracks.length, 1);
  });

  test('a program that is declared and never sent is given up for one that is', () => {
    const writer = new PacketWriter();
    const pat = printPat([
      [9, 0x200],
      [1, PMT],
    ]);
    const silent = printSection(2, 9, [0xe1, 1, 0xf0, 0, 0x1b, 0xe3, 0, 0xf0, 0]);
    const tables = [writer.section(0, pat), writer.section(0x200, silent), writer.section(PMT, AV)];
    const { demuxer, tracks, damage } = collect();
    const unit = printUnit(printSps(), PPS, printSlice(true, 100_000));
    for (let i = 0; i < 40; i++) demuxer.push(concatBytes([...tables, writer.pes(VIDEO, unit, { pts: i * 3600 })]));
    demuxer.flush();
    assert.deepEqual(damage, [
      '2 programs: program 9 is taken, left out: 1',
      '2 programs: program 1 is taken, left out: 9',
    ]);
    assert.equal(tracks.length, 1);
  });

  test('media that oxbow does not take is named, data is passed over in silence', () => {
    const writer = new PacketWriter();
    const pmt = printPmt([
      [0x1b, VIDEO],
      [0x1b, 0x110],
      [0x0f, AUDIO],
      [0x11, 0x111],
      [0x05, 0x112],
    ]);
    const { damage, leftOut, tracks } = demuxAll(concatBytes(second(writer, { pmt })));
    assert.deepEqual(damage, []);
    assert.deepEqual(leftOut, [
      [
        { kind: 'audio', name: 'AAC in LATM audio' },
        { kind: 'video', name: 'a second video track' },
      ],
    ]);
    assert.deepEqual(
      tracks[0]!.map((track) => track.id),
      [1, 2],
    );
  });

  test('sound that is something else than the PMT says, and sound that is scrambled, are named once a segment or two has passed', () => {
    const writer = new PacketWriter();
    const { demuxer, leftOut, tracks } = collect();
    const names = () => leftOut.map((set) => set.map(({ name }) => name).join());
    const latm = new Uint8Array(400).fill(0x56);
    const segment = (n: number, sound: Uint8Array) => {
      const head = [writer.section(0, printPat()), writer.section(PMT, AV)];
      const pts = 90_000 * (n + 1);
      demuxer.push(concatBytes([...head, writer.pes(VIDEO, key(), { pts }), writer.pes(AUDIO, sound, { pts })]));
      demuxer.flush();
    };
    segment(0, latm);
    assert.deepEqual(names(), [], 'a segment may begin in the middle of a frame');
    segment(1, latm);
    assert.deepEqual(names(), ['AAC audio that cannot be read']);
    segment(2, printAdts(3));
    assert.deepEqual(names(), ['AAC audio that cannot be read', ''], 'it is there now');
    assert.equal(tracks.at(-1)!.length, 2);

    const scrambled = collect();
    const packets = second(new PacketWriter()).map((bytes) => {
      const isSound = (((bytes[1]! & 0x1f) << 8) | bytes[2]!) === AUDIO;
      if (isSound) for (let at = 3; at < bytes.length; at += 188) bytes[at]! |= 0x80;
      return bytes;
    });
    scrambled.demuxer.push(concatBytes(packets));
    assert.deepEqual(scrambled.leftOut, [[{ kind: 'audio', name: 'scrambled audio' }]]);
  });

  test('a PMT of a new version with another audio track: tracks again', () => {
    const writer = new PacketWriter();
    const { demuxer, tracks, damage } = collect();
    demuxer.push(concatBytes(second(writer)));
    const other = printPmt(
      [
        [0x1b, VIDEO],
        [0x0f, 0x105, 'eng'],
      ],
      1,
    );
    demuxer.push(concatBytes([writer.section(PMT, other), writer.pes(0x105, printAdts(50, 4, 1), { pts: 180_000 })]));
    demuxer.push(concatBytes([writer.section(PMT, other)]));
    demuxer.flush();
    assert.deepEqual(
      tracks.map((set) => set.map((track) => `${track.id} ${track.language} ${track.timescale}`)),
      [
        ['1 und 90000', '2 deu 48000'],
        ['1 und 90000', '2 eng 44100'],
      ],
    );
    assert.deepEqual(damage, []);
  });

  test('a PMT on another PID is followed', () => {
    const writer = new PacketWriter();
    const moved = [writer.section(0, printPat([[1, 0x120]])), writer.section(0x120, printPmt([[0x0f, AUDIO]]))];
    const { tracks } = demuxAll(
      concatBytes([...second(writer), ...moved, writer.pes(AUDIO, printAdts(9), { pts: 180_000 })]),
    );
    assert.deepEqual(
      tracks.map((set) => set.length),
      [2, 1],
    );
  });

  test('a section over two packets, and two sections in one packet, are read', () => {
    const long = printPmt(Array.from({ length: 40 }, (_, i) => [i === 0 ? 0x1b : 0x05, VIDEO + i] as const));
    assert.ok(long.length > 184);
    const writer = new PacketWriter();
    const both = concatBytes([printSection(0x42, 1, [1, 2, 3]), printPat()]);
    const packets = [writer.section(0, both), writer.section(PMT, long), writer.pes(VIDEO, key(), { pts: 90_000 })];
    const { tracks, frames } = demuxAll(concatBytes(packets));
    assert.deepEqual([tracks.length, frames.length], [1, 1]);
  });
});

suite('which tracks there are', () => {
  test('a declared track that shows nothing is left out after a second of media, and joins when it comes', () => {
    const writer = new PacketWriter();
    const { demuxer, tracks, frames } = collect();
    demuxer.push(concatBytes([writer.section(0, printPat()), writer.section(PMT, AV)]));
    let at = 90_000;
    for (; tracks.length === 0 && at < 900_000; at += 3600) {
      assert.equal(frames.length, 0);
      demuxer.push(writer.pes(VIDEO, key(), { pts: at }));
    }
    assert.ok(at - 90_000 >= 90_000 && at - 90_000 <= 90_000 + 3 * 3600, `after ${at - 90_000} ticks`);
    assert.ok(frames.length >= 25);
    demuxer.push(writer.pes(AUDIO, printAdts(20), { pts: at }));
    assert.deepEqual(
      tracks.map((set) => set.map((track) => track.id)),
      [[1], [1, 2]],
    );
  });

  test('16 MiB are held back at most', () => {
    const writer = new PacketWriter();
    const { demuxer, tracks } = collect();
    demuxer.push(concatBytes([writer.section(0, printPat()), writer.section(PMT, AV)]));
    const big = printUnit(printSps(), PPS, printSlice(true, 2_400_000));
    for (let i = 0; i < 9; i++) {
      assert.equal(tracks.length, i < 8 ? 0 : 1, `${i} pushed`);
      demuxer.push(writer.pes(VIDEO, big, { pts: 90_000 + i }));
    }
  });

  test('sound 0.8 s behind a video of 50 Mbps is in the first set of tracks', () => {
    const writer = new PacketWriter();
    const { demuxer, tracks, frames } = collect();
    demuxer.push(concatBytes([writer.section(0, printPat()), writer.section(PMT, AV)]));
    for (let i = 0; i < 20; i++) {
      const unit =
        i === 0 ? printUnit(printSps(), PPS, printSlice(true, 1_000_000)) : printUnit(printSlice(false, 250_000));
      demuxer.push(writer.pes(VIDEO, unit, { pts: 90_000 + i * 3600 }));
    }
    demuxer.push(writer.pes(AUDIO, printAdts(20), { pts: 90_000 }));
    assert.deepEqual(
      tracks.map((set) => set.map((track) => track.id)),
      [[1, 2]],
    );
    assert.ok(frames.length >= 18);
  });

  test('frames before the first parameter sets are not delivered and are no damage', () => {
    const writer = new PacketWriter();
    const head = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x1b, VIDEO]]))];
    const late = [1, 2].map((i) => writer.pes(VIDEO, printUnit(printSlice(false)), { pts: i * 3600 }));
    const { frames, damage } = demuxAll(concatBytes([...head, ...late, writer.pes(VIDEO, key(), { pts: 90_000 })]));
    assert.deepEqual([frames.length, damage], [1, []]);
  });

  test('parameter sets and access unit delimiters are not in the samples; a repeated set is no change', () => {
    const writer = new PacketWriter();
    const aud = Uint8Array.of(9, 0xf0);
    const filler = Uint8Array.of(12, 0xff, 0x80);
    const unit = printUnit(aud, printSps(), PPS, printSlice(true), filler);
    const packets = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x1b, VIDEO]]))];
    for (let i = 0; i < 4; i++) packets.push(writer.pes(VIDEO, unit, { pts: i * 3600 }));
    const { tracks, frames } = demuxAll(concatBytes(packets));
    assert.equal(tracks.length, 1);
    for (const { data } of frames) assert.deepEqual(data, concatBytes([Uint8Array.of(0, 0, 0, 40), printSlice(true)]));
  });

  test('changed parameter sets: tracks again right before the frame that brings them', () => {
    const writer = new PacketWriter();
    const packets = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x1b, VIDEO]]))];
    for (let i = 0; i < 6; i++) packets.push(writer.pes(VIDEO, key(printSps(i < 3 ? 4 : 5)), { pts: i * 3600 }));
    const calls: string[] = [];
    const { demuxer, tracks, frames } = collect();
    for (const packet of packets) {
      demuxer.push(packet);
      calls.push(`${tracks.length}/${frames.length}`);
    }
    demuxer.flush();
    assert.deepEqual(
      tracks.map((set) => set[0]!.kind === 'video' && set[0]!.config.width),
      [64, 80],
    );
    // A PES without a length is whole when the next begins: the fourth unit's sets show with the fifth, after
    // 3 old frames.
    assert.ok(
      calls.includes('1/2') && calls.includes('2/4') && !calls.includes('2/3') && !calls.includes('1/4'),
      calls.join(),
    );
  });
});
