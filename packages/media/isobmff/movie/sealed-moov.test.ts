import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../../frame.ts';
import { readBoxes, u32At } from '../box.ts';
import { fragmentLength, printFragment } from '../fragment.ts';
import { parseMoov } from '../init.ts';
import { audioTrack, framesOf, fuzz, videoTrack } from '../media.fixture.ts';
import { type FilePiece, SampleTable } from './sample-table.ts';
import { printSealedMoov } from './sealed-moov.ts';

/** A segment of fragments of five frames. */
function piece(frames: readonly Frame[], offset: number): FilePiece {
  const parts: Frame[][] = [];
  for (let i = 0; i < frames.length; i += 5) parts.push(frames.slice(i, i + 5));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + fragmentLength(part), 0));
  let at = 0;
  for (const part of parts) {
    at = printFragment(bytes, at, { sequence: 1, trackId: part[0]!.trackId, tfdt: part[0]!.dts, frames: part });
  }
  return { bytes, offset };
}

/**
 * The body of the n-th box of a type, behind version and flags, as 32-bit words; undefined if there is none.
 */
function words(moov: Uint8Array, type: string, index = 0): number[] | undefined {
  let at = -1;
  for (let i = 0; i <= index; i++) {
    at = Buffer.from(moov).indexOf(type, at + 1);
    if (at < 0) return undefined;
  }
  const end = at - 4 + u32At(moov, at - 4);
  const found: number[] = [];
  for (let p = at + 8; p + 4 <= end; p += 4) found.push(u32At(moov, p));
  return found;
}

function sealed(...pieces: FilePiece[]): Uint8Array {
  const table = new SampleTable([videoTrack, audioTrack]);
  for (const item of pieces) table.addGroup([item]);
  return printSealedMoov(table);
}

suite('the moov of a sealed file', () => {
  test('starts at 0 whatever the absolute time, and names each Part as a chunk', () => {
    const video = piece(framesOf(videoTrack, 25, 60_000_000 * 90_000), 4000);
    const moov = sealed(video);
    const [box] = readBoxes(moov);
    assert.equal(parseMoov(moov, box!)[0]!.editShift, -7200);
    assert.deepEqual(words(moov, 'stts'), [1, 25, 3600]);
    assert.deepEqual(words(moov, 'stss'), [1, 1]);
    assert.deepEqual(words(moov, 'stsc'), [1, 1, 5, 1]);
    const offsets = words(moov, 'co64')!;
    assert.equal(offsets[0], 5);
    const bytes = video.bytes;
    const mdats = readBoxes(bytes).filter(({ type }) => type === 'mdat');
    assert.deepEqual(
      offsets.slice(1).filter((_, i) => i % 2 === 1),
      mdats.map(({ body }) => body + 4000),
    );
    // version 1: mediaTime is the composition offset of the first picture, the duration ends with the last
    // picture shown
    assert.deepEqual(words(moov, 'elst'), [1, 0, 86_400, 0, 7200, 0x10000]);
  });

  test('a gap inside a run lengthens the sample before it and shifts nothing behind it', () => {
    const a = framesOf(audioTrack, 5);
    const b = framesOf(audioTrack, 5, 5 * 1024 + 24_000);
    assert.deepEqual(words(sealed(piece(a, 0), piece(b, 10_000)), 'stts'), [3, 4, 1024, 1, 25_024, 5, 1024]);
  });

  test('audio needs no ctts, no stss and no edit; sizes that are all the same are said once', () => {
    const frames = framesOf(audioTrack, 10).map((frame) => ({ ...frame, data: new Uint8Array(33) }));
    const moov = sealed(piece(frames, 0));
    for (const type of ['ctts', 'stss', 'elst']) assert.equal(words(moov, type), undefined);
    assert.deepEqual(words(moov, 'stsz'), [33, 10]);
  });

  test('audio that begins later waits in an empty edit', () => {
    const video = piece(framesOf(videoTrack, 25), 0);
    const audio = piece(framesOf(audioTrack, 40, 4096 + 700), 20_000);
    const moov = sealed(video, audio);
    // Video is first shown at 7200 of 90 kHz, audio heard at 4796 of 48 kHz, which is 8992.5 of 90 kHz.
    assert.deepEqual(words(moov, 'elst', 1), [2, 0, 1793, 0xffffffff, 0xffffffff, 0x10000, 0, 76_800, 0, 0, 0x10000]);
  });

  test('leading pictures before the first key sample are hidden: media_time is the cts of the key sample', () => {
    const frames = framesOf(videoTrack, 6);
    const open = frames.map((frame, i) => (i === 0 ? { ...frame, pts: frame.dts + 3 * 3600 } : frame));
    assert.deepEqual(words(sealed(piece(open, 0)), 'elst')!.slice(3, 5), [0, 3 * 3600]);
    const late = frames.map((frame, i) => ({ ...frame, key: i === 2 }));
    assert.deepEqual(words(sealed(piece(late, 0)), 'elst')!.slice(3, 5), [0, late[2]!.pts]);
    const none = frames.map((frame) => ({ ...frame, key: false }));
    assert.deepEqual(words(sealed(piece(none, 0)), 'elst')!.slice(3, 5), [0, 7200]);
  });

  test('without a sample there is nothing to seal', () => {
    assert.throws(() => printSealedMoov(new SampleTable([videoTrack])), RangeError);
  });
});

suite('a sample table', () => {
  test('takes all segments of a group or none', () => {
    const table = new SampleTable([videoTrack, audioTrack]);
    const good = piece(framesOf(videoTrack, 5), 0);
    const unknown = piece(framesOf({ ...audioTrack, id: 9 }, 5), 5000);
    assert.throws(() => table.addGroup([good, unknown]), { name: 'FormatError', message: /track 9/ });
    assert.equal(table.tracks[0]!.sizes.length, 0);
    table.addGroup([good]);
    assert.equal(table.tracks[0]!.sizes.length, 5);
    assert.throws(() => table.addGroup([good]), { name: 'FormatError', message: /does not follow/ });
  });

  test('damaged segments are refused with FormatError and nothing else, and what is taken can be sealed', () => {
    const good = piece(framesOf(videoTrack, 15), 0);
    fuzz(good.bytes, 2000, (bytes) => {
      const table = new SampleTable([videoTrack, audioTrack]);
      table.addGroup([{ bytes, offset: 100 }]);
      if (table.tracks.some(({ sizes }) => sizes.length > 0)) printSealedMoov(table);
    });
  });
});
