/**
 * Harmed transport streams for the demuxer, and scrambled splice information.
 * In: a seed. Out: nothing, or what failed: no error but FormatError, times rise, nothing is larger than what
 * came in. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { concatBytes } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import { FormatError } from '../errors.ts';
import type { Frame } from '../frame.ts';
import { printOpusControl } from '../opus/packet.ts';
import { seeded } from '../random.fixture.ts';
import { id3Tag, printAc3, printMp3, printSpliceInsert, withStride } from './forms.fixture.ts';
import {
  AUDIO,
  collect,
  PacketWriter,
  PMT,
  PPS,
  printAdts,
  printPat,
  printPmt,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from './packets.fixture.ts';
import { fieldFrames, fieldPps, fieldSps, recut, streamOf } from './pictures.fixture.ts';
import { spliceTime } from './splice.ts';

/** A second of video and AAC, tables twice. */
function plain(): Uint8Array {
  const writer = new PacketWriter();
  const streams = [[0x1b, VIDEO] as const, [0x0f, AUDIO, 'eng'] as const];
  const packets: Uint8Array[] = [];
  for (let i = 0; i < 24; i++) {
    if (i % 12 === 0) packets.push(writer.section(0, printPat()), writer.section(PMT, printPmt(streams, i / 12)));
    const pts = 90_000 + i * 3600;
    const unit = i % 8 === 0 ? printUnit(printSps(), PPS, printSlice(true, 700)) : printUnit(printSlice(false, 200));
    packets.push(writer.pes(VIDEO, unit, { pts: pts + 7200, dts: pts }));
    packets.push(writer.pes(AUDIO, concatBytes([printAdts(90), printAdts(70)]), { pts: 90_000 + i * 3840 }));
  }
  return concatBytes(packets);
}

/** Every other kind of track, in two programs of which the second is taken. */
function varied(): Uint8Array {
  const writer = new PacketWriter();
  const registered = (name: string) => [5, 4, ...new TextEncoder().encode(name)];
  const streams = [
    [0x1b, VIDEO],
    [0x03, 0x110],
    [0x81, 0x111],
    [0x87, 0x112],
    [0x06, 0x113, [...registered('Opus'), 0x7f, 2, 0x80, 2]],
    [0x15, 0x114],
    [0x86, 0x115],
  ] as const;
  const pat = printPat([
    [9, 0x200],
    [1, PMT],
  ]);
  const packets = [
    writer.section(0, pat),
    writer.section(PMT, printPmt(streams)),
    writer.section(PMT, printPmt(streams)),
  ];
  for (let i = 0; i < 10; i++) {
    const pts = 90_000 + i * 3600;
    packets.push(writer.pes(VIDEO, printUnit(printSps(), PPS, printSlice(true, 300)), { pts }));
    packets.push(writer.pes(0x110, concatBytes([printMp3(), printMp3()]), { pts }));
    packets.push(writer.pes(0x111, printAc3(), { pts }), writer.pes(0x112, printAc3('eac3', 1), { pts }));
    const packet = new Uint8Array(260).fill(0xfc, 0, 1);
    packets.push(writer.pes(0x113, concatBytes([printOpusControl(packet.length), packet]), { pts }));
    packets.push(writer.pes(0x114, id3Tag(30), { pts }), writer.section(0x115, printSpliceInsert(i, pts + 90_000)));
  }
  return concatBytes(packets);
}

/** Field pictures in PES packets that begin anywhere. */
function stitched(): Uint8Array {
  const pes = fieldFrames(6).map(({ top, bottom, idr }, i) => ({
    payload: printUnit(...(idr ? [fieldSps(), fieldPps()] : []), top, bottom),
    times: { pts: 90_000 + i * 3600 },
  }));
  return streamOf(recut(pes, 1500), { told: true });
}

/** Sound and metadata that continue in the next PES, pictures without a time, metadata before all others. */
function crossing(): Uint8Array {
  const writer = new PacketWriter();
  const streams = [[0x1b, VIDEO] as const, [0x0f, AUDIO] as const, [0x15, 0x114] as const];
  const tables = [writer.section(0, printPat()), writer.section(PMT, printPmt(streams))];
  const sound = concatBytes(Array.from({ length: 40 }, (_, i) => printAdts(83 + (i % 20))));
  const packets = [...tables, writer.pes(0x114, id3Tag(20, 0x33), { pts: 90_000 })];
  for (let i = 0; i * 150 < sound.length; i++) {
    const pts = 90_000 + i * 2880;
    const unit = printUnit(printSps(), PPS, printSlice(true, 300));
    packets.push(writer.pes(VIDEO, unit, i % 3 === 2 ? {} : { pts }));
    packets.push(writer.pes(AUDIO, sound.subarray(i * 150, (i + 1) * 150), { pts }));
    const tag = id3Tag(60, 0x40 + i);
    packets.push(writer.pes(0x114, tag.subarray(0, 40), { pts }), writer.pes(0x114, tag.subarray(40), {}));
  }
  return concatBytes(packets);
}

let templates: readonly Uint8Array[] | undefined;
const templatesOf = () => [
  plain(),
  varied(),
  stitched(),
  withStride(plain(), 192),
  withStride(varied(), 204),
  crossing(),
];

/** Bit flips, lost, doubled and moved packets, cut ends, zeros. */
function harm(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  let harmed: Uint8Array = bytes.slice();
  for (let times = 1 + random(8); times > 0; times--) {
    const at = random(harmed.length);
    const packet = at - (at % 188);
    const split = (from: number, to: number, middle: Uint8Array = new Uint8Array(0)) =>
      concatBytes([harmed.subarray(0, from), middle, harmed.subarray(to)]);
    switch (random(7)) {
      case 0:
        harmed = split(packet, packet + 188);
        break;
      case 1:
        harmed = split(packet, packet, harmed.slice(packet, packet + 188));
        break;
      case 2:
        harmed = harmed.slice(0, Math.max(1, at));
        break;
      case 3:
        harmed = split(at, at + random(400));
        break;
      case 4:
        harmed.fill(random(2) * 0xff, at, at + random(400));
        break;
      default:
        // Headers are where it hurts.
        harmed[random(2) === 0 ? at : Math.min(harmed.length - 1, packet + random(24))]! ^= 1 << random(8);
    }
  }
  return harmed;
}

/**
 * Demuxes `count` harmed streams.
 *
 * @param live as feeds: pieces of a few packets, assembly deadlines, interruptions and checks in between
 * @returns how many were found to be damaged
 */
export function fuzzTransportStream(seed: number, count: number, { live = false } = {}): number {
  templates ??= templatesOf();
  const random = seeded(seed);
  let damaged = 0;
  for (let round = 0; round < count; round++) {
    const bytes = harm(templates[random(2) && random(templates.length)]!, random);
    const { demuxer, frames, damage, tracks } = collect({ live });
    const size = live ? 188 * (1 + random(7)) : 1 + random(4000);
    let interruptions = 0;
    let timeMs = 0;
    try {
      for (let at = 0; at < bytes.length; at += size) {
        demuxer.push(bytes.subarray(at, at + size));
        if (live && random(4) === 0) {
          for (let ticks = random(4); ticks > 0; ticks--) {
            timeMs += 100;
            demuxer.settle({ timeMs, fedMs: timeMs }, 200);
          }
        }
        if (!live || random(12) > 0) continue;
        if (random(2) === 0) demuxer.check();
        else {
          demuxer.discontinuity();
          interruptions++;
        }
      }
      if (random(8) === 0) demuxer.discontinuity();
      else demuxer.flush();
    } catch (error) {
      assert.ok(error instanceof FormatError, `round ${round}: ${(error as Error).stack}`);
    }
    if (damage.length > 0) damaged++;
    assert.ok(
      damage.length < 3 + 4 * interruptions + bytes.length / 20,
      `round ${round}: ${damage.length} times damage`,
    );
    assert.ok(tracks.length < 40);
    const last = new Map<number, number>();
    let sum = 0;
    for (const frame of frames) {
      sum += frame.data.length;
      const track = tracks.flat().find(({ id }) => id === frame.trackId);
      assert.ok(track, `round ${round}: a frame without a track`);
      assert.ok(frame.dts >= 0 && frame.dts <= frame.pts, `round ${round}`);
      assert.ok(Number.isSafeInteger(frame.dts) && Number.isSafeInteger(frame.pts), `round ${round}`);
      assert.ok(Number.isSafeInteger(frame.duration) && (frame.duration > 0 || track.kind === 'data'));
      // After an interruption the times are those of the source, which may have gone back.
      if (tracks.length === 1 && interruptions === 0)
        assert.ok(frame.dts > (last.get(frame.trackId) ?? -1), `round ${round}: times do not rise`);
      last.set(frame.trackId, frame.dts);
    }
    assert.ok(sum <= bytes.length + 4 * frames.length + 4 * 2048);
  }
  return damaged;
}

/** Demuxes `count` harmed live feeds, which are interrupted. */
export function fuzzLiveTransportStream(seed: number, count: number): number {
  return fuzzTransportStream(seed, count, { live: true });
}

/**
 * Demuxes `count` harmed streams, cut into segments and parts anywhere, with memory that is used again after
 * each segment of which no bytes wait: frames are the same as in new memory.
 *
 * @returns how many gave their memory back, and how many were parts or had bytes that wait
 */
export function fuzzFrameMemory(seed: number, count: number): { given: number; kept: number } {
  templates ??= templatesOf();
  const random = seeded(seed);
  const done = { given: 0, kept: 0 };
  let free: Uint8Array[] = [];
  for (let round = 0; round < count; round++) {
    const template = templates[random(templates.length)]!;
    const bytes = random(3) === 0 ? template : harm(template, random);
    const taken: Uint8Array[] = [];
    const take = (size: number) => {
      const at = free.findIndex(({ length }) => length >= size);
      const block = at < 0 ? new Uint8Array(size) : free.splice(at, 1)[0]!;
      // What an earlier segment left may look like a start code.
      taken.push(block.fill(random(2)));
      return block;
    };
    const own = collect();
    const again = collect({ memory: { take } });
    const found: Frame[] = [];
    const ends = Array.from({ length: random(5) }, () => random(bytes.length)).sort((a, b) => a - b);
    let from = 0;
    for (const to of [...ends, bytes.length]) {
      const end = random(10);
      const isPart = end === 1;
      for (const { demuxer } of [own, again]) {
        demuxer.push(bytes.subarray(from, to));
        if (end === 0) demuxer.discontinuity();
        else if (!isPart) demuxer.flush();
      }
      from = to;
      for (const frame of again.frames.splice(0)) found.push({ ...frame, data: frame.data.slice() });
      if (isPart || again.demuxer.holds) done.kept++;
      else {
        done.given++;
        free = [...free, ...taken.map(({ buffer }) => new Uint8Array((buffer as ArrayBuffer).transfer()))].slice(-8);
      }
      taken.length = 0;
    }
    assert.deepEqual([again.tracks, again.damage], [own.tracks, own.damage], `round ${round}`);
    const expected = own.frames.map((frame) => ({ ...frame, data: frame.data.slice() }));
    assert.deepEqual(found, expected, `round ${round}`);
  }
  return done;
}

/** Demuxes `count` streams of random packets behind sync bytes: no frame comes of them. */
export function fuzzRandomPackets(seed: number, count: number): void {
  const random = seeded(seed);
  for (let round = 0; round < count; round++) {
    const bytes = new Uint8Array(188 * 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = i % 188 === 0 ? 0x47 : random(256);
    for (let i = 0; i < bytes.length; i += 188) if (random(2)) bytes.set([0x47, 0x40, random(2), 0x10 | random(16)], i);
    const { demuxer, frames } = collect();
    demuxer.push(bytes);
    demuxer.flush();
    assert.equal(frames.length, 0);
  }
}

/** Reads the time of `count` harmed splice_info_sections: 33 bits, or none. */
export function fuzzSpliceTime(seed: number, count: number): void {
  const random = seeded(seed);
  for (let round = 0; round < count; round++) {
    const section = printSpliceInsert(random(100), random(2 ** 31));
    for (let times = random(6); times > 0; times--) section[random(section.length)] = random(256);
    const cut = section.subarray(0, random(4) ? section.length : random(section.length));
    const end = cut.length - 4;
    if (end > 0 && random(2)) new DataView(cut.buffer, cut.byteOffset).setUint32(end, crc32Mpeg(cut, 0, end));
    const time = spliceTime(cut);
    assert.ok(time === undefined || (Number.isInteger(time) && time >= 0 && time < 2 ** 33), `round ${round}: ${time}`);
  }
}
