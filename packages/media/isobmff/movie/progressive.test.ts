import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../../test/fixtures/need.ts';
import { type Box, BoxWriter, readBoxes } from '../box.ts';
import { fuzzSampleTables } from '../fuzz.fixture.ts';
import { audioTrack, framesOf, videoTrack } from '../media.fixture.ts';
import { bytesOf, makeReal, packetsOf, realPairs, remux, sealedFile } from '../real-media.fixture.ts';
import { type FileMovie, parseMovie, SampleWalk } from './progressive.ts';
import { SampleCursor } from './sample-cursor.ts';

function movieOf(file: Uint8Array): FileMovie {
  const moov = readBoxes(file).find(({ type }) => type === 'moov')!;
  return parseMovie(file, moov);
}

/** An stbl of boxes with the words given. */
function stblOf(boxes: Readonly<Record<string, readonly number[]>>): { bytes: Uint8Array; stbl: Box } {
  const writer = new BoxWriter(new Uint8Array(2048));
  const start = writer.open('stbl');
  for (const [type, words] of Object.entries(boxes)) {
    const box = writer.openFull(type, 0, 0);
    for (const word of words) writer.u32(word);
    writer.close(box);
  }
  writer.close(start);
  return { bytes: writer.bytes, stbl: { type: 'stbl', start: 0, body: 8, end: writer.offset } };
}

function samplesOf(boxes: Readonly<Record<string, readonly number[]>>) {
  const { bytes, stbl } = stblOf(boxes);
  const cursor = new SampleCursor(bytes, stbl);
  return Array.from({ length: cursor.count }, () => cursor.next()!);
}

const tables = { stts: [1, 4, 10], stsc: [1, 1, 4, 1], stco: [1, 100], stsz: [0, 4, 5, 6, 7, 8] };

suite('sample tables', () => {
  test('say when and where each sample is', () => {
    assert.deepEqual(
      samplesOf(tables).map(({ dts, offset, length, key }) => [dts, offset, length, key]),
      [
        [0, 100, 5, true],
        [10, 105, 6, true],
        [20, 111, 7, true],
        [30, 118, 8, true],
      ],
    );
  });

  test('hold runs of chunks, each with its number of samples (8.7.4)', () => {
    const boxes = { ...tables, stsc: [2, 1, 1, 1, 3, 2, 1], stco: [3, 100, 200, 300] };
    assert.deepEqual(
      samplesOf(boxes).map(({ offset }) => offset),
      [100, 200, 300, 307],
    );
  });

  test('may give all samples one size, and offsets of 64 bits', () => {
    const { stco: _, ...rest } = tables;
    const samples = samplesOf({ ...rest, stsz: [9, 4], co64: [1, 1, 0] });
    assert.deepEqual(
      samples.map(({ offset, length }) => [offset - 2 ** 32, length]),
      [
        [0, 9],
        [9, 9],
        [18, 9],
        [27, 9],
      ],
    );
  });

  test('name key frames by number, from 1 (8.6.2), and may move pictures back', () => {
    const samples = samplesOf({ ...tables, stss: [2, 1, 3], ctts: [2, 3, 5, 1, -10 >>> 0] });
    assert.deepEqual(
      samples.map(({ key, composition }) => [key, composition]),
      [
        [true, 5],
        [false, 5],
        [true, 5],
        [false, -10],
      ],
    );
  });

  for (const [what, boxes] of Object.entries({
    'a table that is shorter than it says': { ...tables, stsz: [0, 400, 5] },
    'more samples than chunks': { ...tables, stsc: [1, 1, 2, 1] },
    'durations that end early': { ...tables, stts: [1, 2, 10] },
    'more samples than a day has': { ...tables, stsz: [1, 100_000_000] },
  })) {
    test(`are refused with ${what}`, () => {
      assert.throws(() => samplesOf(boxes), { name: 'FormatError' });
    });
  }

  test('name the sample entry of each sample; all but the first are refused unless the caller takes them (8.7.4)', () => {
    const { bytes, stbl } = stblOf({ ...tables, stsc: [2, 1, 3, 1, 2, 1, 2], stco: [2, 100, 200] });
    const cursor = new SampleCursor(bytes, stbl);
    assert.equal(cursor.entries, 2);
    const all = new SampleWalk(cursor, 1, { editShift: 0 }, { allEntries: true });
    const entries: number[] = [];
    for (let next = all.next(); next; next = all.next()) entries.push(next.entry);
    assert.deepEqual(entries, [1, 1, 1, 2]);
    all.rewind();
    const first = new SampleWalk(cursor, 1, { editShift: 0 });
    for (let i = 0; i < 3; i++) first.next();
    assert.throws(() => first.next(), { name: 'FormatError', message: /second sample entry/ });
  });

  suite('what an edit list hides is left out, except for what others are decoded from (8.6.6)', () => {
    /** Ten pictures of 10 ticks, a key frame every fourth. */
    const film = { stts: [1, 10, 10], stsc: [1, 1, 10, 1], stco: [1, 100], stsz: [1, 10], stss: [3, 1, 5, 9] };
    /** Ten seconds of sound in pieces of 0.1 s. */
    const sound = { stts: [1, 100, 4800], stsc: [1, 1, 100, 1], stco: [1, 100], stsz: [1, 100] };
    const walkOf = (
      boxes: Readonly<Record<string, readonly number[]>>,
      edit: { editShift: number; editEnd?: number },
    ) => {
      const { bytes, stbl } = stblOf(boxes);
      return new SampleWalk(new SampleCursor(bytes, stbl), 1, { editEnd: undefined, ...edit });
    };
    const timesOf = (walk: SampleWalk) => {
      const times: number[] = [];
      for (let sample = walk.next(); sample; sample = walk.next()) times.push(sample.pts);
      return times;
    };
    for (const [cut, hidden, first] of [
      [0, 0, 0],
      // At a key frame, or within its picture, nothing is hidden.
      [40, 0, 0],
      [45, 0, -5],
      [60, 20, -20],
      [79, 39, -39],
      [95, 0, 5 - 20],
    ] as const) {
      test(`a picture cut at ${cut} of 100 begins at the last key frame before it`, () => {
        const walk = walkOf(film, { editShift: -cut });
        assert.equal(walk.skipHidden(videoTrack), cut === 95 ? 15 : hidden);
        const times = timesOf(walk);
        assert.equal(times[0], first + 0);
        walk.rewind();
        assert.deepEqual(timesOf(walk), times);
      });
    }
    test('a picture that is cut at its end stops there, except for what comes before the end in decode order', () => {
      assert.deepEqual(timesOf(walkOf(film, { editShift: 0, editEnd: 35 })), [0, 10, 20, 30]);
      // The third picture is shown after the end, and the fourth, before the end, is decoded from it.
      const reordered = { ...film, ctts: [4, 2, 0, 1, 20, 1, -10 >>> 0, 6, 0] };
      assert.deepEqual(timesOf(walkOf(reordered, { editShift: 0, editEnd: 25 })), [0, 10, 40, 20]);
    });
    test('sound is left out up to what primes its decoder', () => {
      const walk = walkOf(sound, { editShift: -48_000, editEnd: 96_000 });
      assert.equal(walk.skipHidden(audioTrack), 0);
      const times = timesOf(walk);
      assert.deepEqual([times[0], times.at(-1)], [-9600, 91_200]);
    });
  });

  test('that claim millions of samples cost nothing until they are walked', () => {
    const { bytes, stbl } = stblOf({
      stts: [1, 15_000_000, 1],
      stsc: [1, 1, 15_000_000, 1],
      stco: [1, 0],
      stsz: [1, 15_000_000],
    });
    const before = process.memoryUsage().heapUsed;
    const cursor = new SampleCursor(bytes, stbl);
    assert.equal(cursor.next()!.offset, 0);
    assert.ok(process.memoryUsage().heapUsed - before < 4_000_000);
  });

  test('2,000 damaged moovs end in nothing worse than FormatError', () => fuzzSampleTables(2, 2000));
});

suite('an ordinary MP4 file', { skip: need('ffmpeg') }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-tables-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, args] of Object.entries({
    'index at the end': '',
    'index in front': '-movflags +faststart',
    'negative composition offsets': '-movflags +negative_cts_offsets',
    'no edit list': '-use_editlist 0',
  })) {
    test(`${name}: every packet at its place and time`, () => {
      const path = remux(makeReal(realPairs[3]!, folder), 'file.mp4', args || '-movflags 0');
      const bytes = bytesOf(path);
      const packets = packetsOf(path);
      const { tracks, leftOut } = movieOf(bytes);
      assert.deepEqual(leftOut, []);
      for (const [stream, { track, walk, count }] of tracks.entries()) {
        const own = packets.filter((packet) => packet.stream === stream);
        assert.equal(count, own.length);
        // ffmpeg shows files with negative offsets later, by what it takes for the decoder's delay.
        const lateS = name === 'negative composition offsets' && stream === 0 ? own[0]!.ptsS : 0;
        let last = Number.NEGATIVE_INFINITY;
        for (const { ptsS, key, bytes: length } of own) {
          const sample = walk.next()!;
          assert.ok(Math.abs(sample.pts / track.timescale - ptsS + lateS) < 0.0001, `${sample.pts} ${ptsS}`);
          assert.deepEqual([sample.key, sample.length], [key, length]);
          assert.ok(sample.dts <= sample.pts && sample.dts > last);
          last = sample.dts;
        }
      }
    });
  }
});

test('a sealed chunk file is read like any other', () => {
  const tracks = [videoTrack, audioTrack];
  const frames = tracks.flatMap((track) => framesOf(track, 60));
  const file = sealedFile(tracks, frames);
  for (const { track, walk } of movieOf(file).tracks) {
    for (const frame of frames.filter(({ trackId }) => trackId === track.id)) {
      const { offset, length, key } = walk.next()!;
      assert.deepEqual(file.slice(offset, offset + length), frame.data);
      assert.equal(key, frame.key);
    }
  }
});
