import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { withStride } from './forms.fixture.ts';
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
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from './packets.fixture.ts';
import { parsePesHeader } from './pes.ts';

const key = () => printUnit(printSps(), PPS, printSlice(true, 600));

/** Tables for one video track, then `count` access units of several packets each. */
function video(count = 6): Uint8Array[] {
  const writer = new PacketWriter();
  const packets = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x1b, VIDEO]]))];
  for (let i = 0; i < count; i++) packets.push(writer.pes(VIDEO, key(), { pts: 90_000 + i * 3600 }));
  return packets;
}

const dtsOf = (bytes: Uint8Array) => demuxAll(bytes).frames.map((frame) => (frame.dts - 90_000) / 3600);

suite('finding packets', () => {
  for (const stride of [192, 204] as const) {
    test(`packets of ${stride} bytes are the same packets, however the bytes are cut, also in segments`, () => {
      const bytes = concatBytes(video(60));
      const whole = demuxAll(bytes);
      const wide = withStride(bytes, stride);
      for (const size of [1, 188, stride, 1000, 5001, wide.length]) {
        assert.deepEqual(demuxAll(wide, size), whole, `pieces of ${size}`);
      }
      assert.deepEqual(demuxAll(wide.subarray(stride === 192 ? 4 : 0)), whole);
      const { demuxer, ...delivered } = collect();
      const middle = stride * Math.floor(wide.length / stride / 2);
      demuxer.push(wide.subarray(0, middle));
      demuxer.flush();
      demuxer.push(wide.subarray(middle));
      demuxer.flush();
      assert.ok(delivered.damage.every((reason) => !/sync|no transport packet|cut off after/.test(reason)));
      const { damage, frames } = demuxAll(
        concatBytes([wide.subarray(0, 100 * stride), wide.subarray(101 * stride + 50)]),
      );
      assert.ok(damage.length >= 1 && frames.length > whole.frames.length - 4);
    });
  }

  test('bytes between packets are stepped over, and counted once', () => {
    const units = video();
    const junk = new Uint8Array(333).fill(0x47, 100, 103);
    const delivered = demuxAll(concatBytes([...units.slice(0, 4), junk, ...units.slice(4)]));
    assert.deepEqual(delivered.damage, ['sync lost, 333 bytes stepped over']);
    assert.equal(delivered.frames.length, 6);
  });

  test('64 KiB without a packet are a FormatError, however they are cut', () => {
    for (const size of [1000, 65_536, 100_000]) {
      const { demuxer } = collect();
      const page = new Uint8Array(size).fill(0x20);
      assert.throws(
        () => {
          for (let i = 0; i < 100_000; i += size) demuxer.push(page);
        },
        { name: 'FormatError', message: /no MPEG-TS packet/ },
      );
    }
  });

  test('a short page instead of a segment is damage at its end', () => {
    const { demuxer, damage } = collect();
    demuxer.push(new TextEncoder().encode('<html>not found</html>'));
    demuxer.flush();
    assert.deepEqual(damage, ['no transport packet in 22 bytes']);
  });

  test('a packet cut off at the end of a segment is damage, and the next segment is whole', () => {
    const { demuxer, damage, frames } = collect();
    const bytes = concatBytes(video());
    demuxer.push(bytes.subarray(0, bytes.length - 100));
    demuxer.flush();
    assert.equal(damage[0], 'a transport packet was cut off after 88 bytes');
    const before = frames.length;
    demuxer.discontinuity();
    demuxer.push(bytes);
    demuxer.flush();
    assert.equal(frames.length - before, 6);
  });

  test('16 MiB without a program are a FormatError', () => {
    const { demuxer } = collect();
    const nulls = new Uint8Array(188 * 1000);
    for (let at = 0; at < nulls.length; at += 188) nulls.set([0x47, 0x1f, 0xff, 0x10], at);
    assert.throws(
      () => {
        for (let i = 0; i < 100; i++) demuxer.push(nulls);
      },
      { name: 'FormatError', message: /no program/ },
    );
  });
});

suite('continuity (2.4.3.3)', () => {
  test('a missing packet drops its unit only', () => {
    const units = video();
    const third = units[4]!;
    units[4] = concatBytes([third.subarray(0, 188), third.subarray(376)]);
    const { damage } = demuxAll(concatBytes(units));
    assert.deepEqual(damage, ['packets of PID 257 are missing']);
    assert.deepEqual(dtsOf(concatBytes(units)), [0, 1, 3, 4, 5]);
  });

  test('a missing unit is damage once, and its hole stays visible', () => {
    const units = video();
    units.splice(4, 1);
    const { damage, frames } = demuxAll(concatBytes(units));
    // Without a length the unit before it may lack its end too, so it goes as well.
    assert.deepEqual(damage, ['packets of PID 257 are missing']);
    assert.deepEqual(
      frames.map((frame) => frame.duration / 3600),
      [1, 1, 1, 1],
    );
    assert.deepEqual(dtsOf(concatBytes(units)), [0, 3, 4, 5]);
  });

  test('a packet sent twice is taken once', () => {
    const units = video();
    for (const i of [0, 188]) {
      const third = units[4]!;
      const twice = concatBytes([
        ...units.slice(0, 4),
        third.subarray(0, i + 188),
        third.subarray(i),
        ...units.slice(5),
      ]);
      const { damage, frames } = demuxAll(twice);
      assert.deepEqual([damage, frames.length], [[], 6]);
      assert.equal(new Set(frames.map((frame) => frame.data.length)).size, 1);
    }
  });

  test('the same counter on other bytes is a loss and no duplicate', () => {
    const units = video();
    const third = units[4]!.slice();
    third[188 + 3] = third[3]!;
    units[4] = third;
    assert.deepEqual(demuxAll(concatBytes(units)).damage, ['packets of PID 257 are missing']);
  });

  test('a step that discontinuity_indicator announces is no loss', () => {
    const first = video(3);
    const again = video(3).slice(2); // counters begin at 0 again
    const packet = again[0]!.subarray(0, 188);
    const head = Uint8Array.of(
      ...packet.subarray(0, 3),
      0x30 | (packet[3]! & 0x0f),
      1,
      0x80,
      ...packet.subarray(4, 186),
    );
    const rest = Uint8Array.of(
      ...packet.subarray(0, 3),
      0x30 | 1,
      181,
      0,
      ...new Uint8Array(180).fill(0xff),
      ...packet.subarray(186),
    );
    const { damage, frames } = demuxAll(concatBytes([...first, head, rest]));
    assert.deepEqual([damage.filter((reason) => reason.includes('missing')), frames.length > 2], [[], true]);
  });

  test('packets marked as broken, scrambled or without payload are not taken', () => {
    const writer = new PacketWriter();
    const odd = (flags: number, third: number) => {
      const packet = new Uint8Array(188).fill(0xff);
      packet.set([0x47, flags | (VIDEO >> 8), VIDEO & 0xff, third, 183, 0]);
      return packet;
    };
    const units = video();
    const extra = [odd(0x80, 0x10), odd(0, 0x20), odd(0, 0xd0), odd(0, 0xd0), odd(0, 0x00), odd(0, 0x30)];
    const { damage, frames } = demuxAll(concatBytes([...units.slice(0, 5), ...extra, ...units.slice(5)]));
    assert.deepEqual(damage, ['PID 257 is scrambled']);
    assert.equal(frames.length, 6);
    assert.ok(writer);
  });
});

suite('PES', () => {
  test('a header with a wrong marker bit, another stream id or no room for its times is refused', () => {
    const good = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1];
    assert.equal(parsePesHeader(Uint8Array.from(good), 0, good.length)?.pts, 0);
    for (const [at, value] of [
      [2, 2],
      [3, 0xbe],
      [6, 0x40],
      [8, 4],
      [9, 0x20],
      [13, 0],
    ] as const) {
      const bad = Uint8Array.from(good);
      bad[at] = value;
      assert.throws(() => parsePesHeader(bad, 0, bad.length), { name: 'FormatError' }, `byte ${at}`);
    }
    assert.equal(parsePesHeader(Uint8Array.from(good), 0, 13), undefined);
  });

  test('a header over two packets is read', () => {
    const units = video(2);
    const first = units[2]!;
    const payload = first.subarray(4, 188);
    const split = (piece: Uint8Array, start: boolean, counter: number) => {
      const packet = new Uint8Array(188).fill(0xff);
      packet.set([0x47, (start ? 0x40 : 0) | (VIDEO >> 8), VIDEO & 0xff, 0x30 | counter, 183 - piece.length, 0]);
      packet.set(piece, 188 - piece.length);
      return packet;
    };
    const head = [
      split(payload.subarray(0, 5), true, 0),
      split(payload.subarray(5, 150), false, 1),
      split(payload.subarray(150), false, 2),
    ];
    const rest = first.slice(188);
    for (let at = 0; at < rest.length; at += 188) rest[at + 3]! += 2;
    const { frames } = demuxAll(concatBytes([...units.slice(0, 2), ...head, rest]));
    assert.deepEqual(
      frames.map((frame) => [frame.pts, frame.data.length]),
      [[90_000, 604]],
    );
  });

  test('a PES without PTS continues the previous access unit', () => {
    const writer = new PacketWriter();
    const units = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x1b, VIDEO]]))];
    for (let i = 0; i < 3; i++) {
      units.push(
        writer.pes(VIDEO, key(), { pts: i * 3600 }),
        writer.pes(VIDEO, printUnit(printSlice(true, 99, false)), {}),
      );
    }
    const { frames } = demuxAll(concatBytes(units));
    assert.deepEqual(
      frames.map((frame) => frame.data.length),
      [707, 707, 707],
    );
  });

  test('a PES of more than 8 MiB is dropped and the next is taken', () => {
    const writer = new PacketWriter();
    const head = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x1b, VIDEO]]))];
    const big = writer.pes(VIDEO, printUnit(printSps(), PPS, printSlice(true, 8 * 1024 * 1024)), { pts: 0 });
    const { damage, frames } = demuxAll(concatBytes([...head, big, writer.pes(VIDEO, key(), { pts: 3600 })]));
    assert.deepEqual(damage, ['a PES packet of more than 8388608 bytes']);
    assert.equal(frames.length, 1);
  });

  test('delivered samples stay unchanged while the demuxer continues', () => {
    const { demuxer, frames } = collect();
    const units = video(200);
    const copies: Uint8Array[] = [];
    for (const unit of units) {
      demuxer.push(unit);
      while (copies.length < frames.length) copies.push(frames[copies.length]!.data.slice());
    }
    assert.ok(copies.length > 190);
    assert.deepEqual(
      frames.map((frame) => frame.data),
      copies,
    );
  });

  test('AAC frames lie across PES packets; the time belongs to the first that begins (2.4.3.7)', () => {
    const writer = new PacketWriter();
    const stream = concatBytes(Array.from({ length: 20 }, (_, i) => printAdts(100 + i)));
    const parts = [0, 250, 251, 255, 700, 701, 1500, stream.length];
    const units = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x0f, AUDIO]]))];
    for (let i = 0; i + 1 < parts.length; i++) {
      const starts = Array.from({ length: 20 }, (_, k) => k).filter(
        (k) => startOf(k) >= parts[i]! && startOf(k) < parts[i + 1]!,
      );
      const times = starts[0] === undefined ? {} : { pts: 90_000 + starts[0] * 1920 };
      units.push(writer.pes(AUDIO, stream.subarray(parts[i], parts[i + 1]), times));
    }
    const { frames, damage } = demuxAll(concatBytes(units));
    assert.deepEqual(damage, []);
    assert.deepEqual(
      frames.map((frame) => [frame.pts, frame.data.length]),
      Array.from({ length: 20 }, (_, i) => [48_000 + i * 1024, 100 + i]),
    );
  });

  test('after bytes that are no AAC the next frame is found', () => {
    const writer = new PacketWriter();
    const units = [writer.section(0, printPat()), writer.section(PMT, printPmt([[0x0f, AUDIO]]))];
    const junk = new Uint8Array(50).fill(0xff);
    units.push(writer.pes(AUDIO, concatBytes([printAdts(40), junk, printAdts(41), printAdts(42)]), { pts: 0 }));
    const { frames, damage } = demuxAll(concatBytes(units));
    assert.deepEqual(damage, ['bytes between AAC frames']);
    assert.deepEqual(frames.map((frame) => frame.data.length).slice(-1), [42]);
  });
});

/** Offset of frame `k` of the stream above. */
function startOf(k: number): number {
  let at = 0;
  for (let i = 0; i < k; i++) at += 107 + i;
  return at;
}
