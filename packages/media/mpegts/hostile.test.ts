import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import { id3Tag } from './forms.fixture.ts';
import {
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
import { RECOVERY_POINT } from './pictures.fixture.ts';
import { adtsFraming } from './track/audio-framing.ts';
import { AudioSplitter } from './track/audio-splitter.ts';
import { ParameterSets } from './track/parameter-sets.ts';
import { h264Codec } from './track/video-codec.ts';

const ID3 = 0x110;
const FRAME = 3600;
/** An I slice, and a P slice of the same picture (7.3.3: first_mb_in_slice, slice_type). */
const INTRA = printSlice(false).fill(0b1_0001_000, 1, 2);
const REST = printSlice(false).fill(0b010_1_0101, 1, 2);
const INTRA_REST = printSlice(false).fill(0b010_011_01, 1, 2);

const head = (writer: PacketWriter, more: readonly (readonly [number, number])[] = []) => [
  writer.section(0, printPat()),
  writer.section(PMT, printPmt([[0x1b, VIDEO], ...more])),
];

suite('pictures in several PES', () => {
  const keyOf = (rest: Uint8Array) => {
    const writer = new PacketWriter();
    const first = printUnit(printSps(), PPS, RECOVERY_POINT, INTRA);
    const { frames, damage } = demuxAll(
      concatBytes([
        ...head(writer),
        writer.pes(VIDEO, first, { pts: 90_000 }),
        writer.pes(VIDEO, printUnit(rest), {}),
        writer.pes(VIDEO, printUnit(printSlice(false)), { pts: 90_000 + FRAME }),
      ]),
    );
    assert.deepEqual(damage, []);
    assert.equal(frames.length, 2);
    return frames[0]!.key;
  };

  test('a recovery point at slices of which a later one is predicted is no key frame', () => {
    assert.equal(keyOf(REST), false);
    assert.equal(keyOf(INTRA_REST), true);
  });

  test('are bounded in pieces, not only in bytes', () => {
    const writer = new PacketWriter();
    const { demuxer, damage } = collect();
    demuxer.push(
      concatBytes([...head(writer), writer.pes(VIDEO, printUnit(printSps(), PPS, printSlice(true)), { pts: 0 })]),
    );
    for (let i = 0; i < 2050; i++) demuxer.push(writer.pes(VIDEO, printUnit(REST.subarray(0, 8)), {}));
    demuxer.flush();
    assert.match(damage.join(), /2048 pieces/);
  });

  test('a PES without a payload delays nothing, however many there are', () => {
    const writer = new PacketWriter();
    const picture = (i: number) =>
      writer.pes(VIDEO, printUnit(printSps(), PPS, printSlice(true)), { pts: 90_000 + i * FRAME });
    const { demuxer, frames, damage } = collect();
    demuxer.push(concatBytes([...head(writer), picture(0), picture(1)]));
    const waiting = 2 - frames.length;
    for (let i = 0; i < 300; i++) demuxer.push(writer.pes(VIDEO, new Uint8Array(0), { pts: 90_000 + FRAME }));
    demuxer.push(concatBytes([picture(2), picture(3)]));
    assert.deepEqual([frames.length, damage], [4 - waiting, []]);
  });
});

suite('metadata', () => {
  test('a tag in thousands of pieces is given up', () => {
    const writer = new PacketWriter();
    const { demuxer, damage } = collect();
    demuxer.push(
      concatBytes([...head(writer, [[0x15, ID3]]), writer.pes(ID3, id3Tag(60_000).subarray(0, 40), { pts: 0 }, true)]),
    );
    for (let i = 0; i < 5000; i++) demuxer.push(writer.pes(ID3, new Uint8Array(0), {}, true));
    assert.match(damage.join(), /metadata without a time/);
  });

  test('before any media a megabyte of it waits', () => {
    const writer = new PacketWriter();
    const { demuxer, damage } = collect();
    demuxer.push(concatBytes(head(writer, [[0x15, ID3]])));
    for (let i = 0; i < 30; i++) demuxer.push(writer.pes(ID3, id3Tag(60_000), { pts: i * FRAME }, true));
    assert.equal(damage.filter((reason) => reason === 'metadata before any media').length, 13);
  });
});

suite('parameter sets', () => {
  test('longer than a record can tell are refused before they are kept', () => {
    const sets = new ParameterSets(h264Codec);
    assert.throws(() => sets.take([concatBytes([PPS, new Uint8Array(70_000).fill(1)])]), { name: 'FormatError' });
  });

  test('more than there are ids of are refused; of one id the last counts', () => {
    const sets = new ParameterSets(h264Codec);
    const other = concatBytes([PPS, Uint8Array.of(1)]);
    assert.equal(sets.take([printSps(), PPS, other]), true);
    assert.deepEqual([sets.has(PPS), sets.has(other)], [false, true]);
    assert.throws(() => sets.take(new Array(2000).fill(PPS)), { name: 'FormatError' });
    assert.equal(sets.has(other), true);
  });
});

test('the search for a frame of sound does not look behind its PES', () => {
  const damage: string[] = [];
  const splitter = new AudioSplitter(adtsFraming, { frame() {}, damage: (reason) => damage.push(reason) });
  const slab = new Uint8Array(1000);
  slab.set(printAdts(90), 500);
  slab.indexOf = () => assert.fail('the whole slab was searched');
  splitter.push(slab, 10, 100, 0);
  assert.equal(damage.length, 1);
});

test('of zeros in tiny PES packets each byte is searched a few times, not once for each packet', () => {
  const writer = new PacketWriter();
  const { demuxer } = collect();
  demuxer.push(writer.section(0, printPat()));
  demuxer.push(writer.section(PMT, printPmt([[0x1b, VIDEO]])));
  demuxer.push(writer.pes(VIDEO, printUnit(printSps(), PPS), { pts: 90_000 }));
  const zeros = printUnit(new Uint8Array(150));
  const count = 3000;
  const packets = Array.from({ length: count }, () => writer.pes(VIDEO, zeros, {}));
  const indexOf = Buffer.prototype.indexOf;
  let searched = 0;
  Buffer.prototype.indexOf = function (this: Buffer, ...args: Parameters<typeof indexOf>): number {
    const found = indexOf.apply(this, args);
    searched += (found < 0 ? this.length : found) - Number(args[1] ?? 0);
    return found;
  } as typeof indexOf;
  try {
    for (const packet of packets) demuxer.push(packet);
  } finally {
    Buffer.prototype.indexOf = indexOf;
  }
  const input = count * zeros.length;
  assert.ok(searched < 8 * input, `${searched} bytes searched of ${input}`);
});
