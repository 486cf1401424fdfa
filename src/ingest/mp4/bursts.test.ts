import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import type { FileMovie } from '@oxbow/media/isobmff/movie/progressive';
import { type Burst, readBursts, readFragments, readTables } from './bursts.ts';
import type { FileBytes } from './file-bytes.ts';

const signal = new AbortController().signal;

function fileOf(bytes: Uint8Array): FileBytes {
  return {
    length: bytes.length,
    ranged: true,
    read: async (at, count) => bytes.subarray(at, at + count),
    async [Symbol.asyncDispose]() {},
  };
}

/** Samples without duration and size, of which a small table can claim millions. */
function emptySamples(trackId: number): FileMovie['tracks'][number]['walk'] {
  let given = 0;
  const peek = () => ({ trackId, dts: 0, pts: 0, duration: 0, key: given === 0, offset: 0, length: 0 });
  const next = () => {
    given += 1;
    assert.ok(given < 500_000, 'they are gathered without end');
    return peek();
  };
  return { peek, next, rewind() {} } as unknown as FileMovie['tracks'][number]['walk'];
}

const sourced = (track: typeof videoTrack, walk: FileMovie['tracks'][number]['walk']) =>
  ({ track, walk, source: { nalLengthBytes: 4 }, count: 1, durationS: 1 }) as unknown as FileMovie['tracks'][number];

test('samples without duration are limited in number', async () => {
  const movie: FileMovie = {
    tracks: [sourced(videoTrack, emptySamples(1))],
    leftOut: [],
    notes: [],
    chapters: { listed: [], samples: [] },
    fragmented: false,
  };
  await assert.rejects(readTables(fileOf(new Uint8Array(8)), movie, { signal }).next(), { name: 'FormatError' });
  let left = 1;
  const one = { ...emptySamples(1), next: () => movieSample(left--), peek: () => movieSample(left) };
  const both: FileMovie = {
    tracks: [sourced(videoTrack, one as never), sourced(audioTrack, emptySamples(2))],
    leftOut: [],
    notes: [],
    chapters: { listed: [], samples: [] },
    fragmented: false,
  };
  await assert.rejects(readTables(fileOf(new Uint8Array(8)), both, { signal }).next(), { name: 'FormatError' });
});

const movieSample = (left: number) =>
  left > 0 ? { trackId: 1, dts: 0, pts: 0, duration: 90_000, key: true, offset: 0, length: 8 } : undefined;

test('the audio of a fragmented file without video frames is limited in size', async () => {
  const data = new Uint8Array(1024 * 1024);
  const pieces = [printInit([videoTrack, audioTrack])];
  for (let i = 0; i < 120; i++) {
    const frame = { trackId: 2, dts: i * 1024, pts: i * 1024, duration: 1024, key: true, data };
    const piece = new Uint8Array(fragmentLength([frame]));
    printFragment(piece, 0, { sequence: i + 1, trackId: 2, tfdt: frame.dts, frames: [frame] });
    pieces.push(piece);
  }
  const bursts: Burst[] = [];
  const picture = { trackId: 1, dts: 0, pts: 0, duration: 3000, key: true, data: Uint8Array.of(0, 0, 0, 1, 0x65) };
  const last = new Uint8Array(fragmentLength([picture]));
  printFragment(last, 0, { sequence: 200, trackId: 1, tfdt: 0, frames: [picture] });
  pieces.push(last);
  for await (const burst of readFragments(fileOf(concatBytes(pieces)), { signal })) bursts.push(burst);
  const held = bursts.flatMap(({ frames }) => frames).reduce((sum, frame) => sum + frame.data.length, 0);
  assert.ok(held < 64 * 1024 * 1024, `${held} bytes in one burst`);
  assert.match(bursts[0]!.damages.join(), /without a frame of the reference track/);
});

for (const ranged of [true, false]) {
  for (const between of ['', 'free', 'mdat']) {
    test(`fragments that continue the tables of a file are read to the end, ${ranged ? 'by ranges' : 'from front to back'}, behind ${between || 'nothing'}`, async () => {
      const init = printInit([videoTrack]);
      const data = Uint8Array.of(0, 0, 0, 2, 0x65, 7);
      const pictures = Array.from({ length: 6 }, (_, i) => {
        return { trackId: 1, dts: i * 180_000, pts: i * 180_000, duration: 180_000, key: true, data };
      });
      const box = (type: string, body: Uint8Array) => {
        const head = Buffer.alloc(8);
        head.writeUInt32BE(8 + body.length);
        head.write(type, 4, 'latin1');
        return concatBytes([head, body]);
      };
      const fragments = pictures.slice(2).map((frame, i) => {
        const bytes = new Uint8Array(fragmentLength([frame]));
        printFragment(bytes, 0, { sequence: i + 1, trackId: 1, tfdt: frame.dts, frames: [frame] });
        return bytes;
      });
      const more = ranged && between ? [box(between, new Uint8Array(9))] : [];
      const file = concatBytes([init, box('mdat', concatBytes([data, data])), ...more, ...fragments]);
      let at = 0;
      const listed = pictures.slice(0, 2).map(({ data: _, ...frame }, i) => {
        return { ...frame, offset: init.length + 8 + i * data.length, length: data.length };
      });
      const walk = { peek: () => listed[at], next: () => listed[at++], rewind() {} };
      const moovAt = Buffer.from(init).indexOf('moov') - 4;
      const movie: FileMovie = {
        tracks: [sourced(videoTrack, walk as never)],
        leftOut: [],
        notes: [],
        chapters: { listed: [], samples: [] },
        fragmented: true,
        moov: { bytes: init.subarray(moovAt), endsAt: init.length },
      };
      const bursts: Burst[] = [];
      for await (const burst of readBursts({ ...fileOf(file), ranged }, movie, { signal })) bursts.push(burst);
      assert.deepEqual(
        bursts.flatMap(({ frames }) => frames.map(({ dts }) => dts)),
        pictures.map(({ dts }) => dts),
      );
      assert.deepEqual(
        bursts.map(({ startS, endS, damages }) => [startS, endS, damages]),
        pictures.map(({ dts }) => [dts / 90_000, dts / 90_000 + 2, []]),
      );
    });
  }
}
