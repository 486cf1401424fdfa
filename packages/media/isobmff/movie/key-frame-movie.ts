/**
 * The head of a progressive MP4 of key frames, shown at a constant rate.
 * In: a video track, the sizes of the frames, a duration. Out: ftyp, moov and the head of the mdat, which the
 * frames follow in order. Pure. ISO/IEC 14496-12, 8.6 and 8.7. Without `stss` every sample is a sync sample
 * (8.6.2.1); without `edts` the first one is shown at 0.
 */
import type { VideoTrack } from '../../frame.ts';
import { BoxWriter } from '../box.ts';
import { movieRoom, movieTimescale, printFtyp, printMvhd, printTrak } from './movie.ts';

/** Ticks per frame and second of film: the duration of a frame is a whole number for any number of frames. */
const TICKS = 1_000;

/**
 * Prints the head.
 *
 * @param track its id, timescale and label are not used
 * @param sizes of the frames, bytes; at least one, at most 4 million
 * @param seconds duration of the film, a whole number
 */
export function printKeyFrameMovie(track: VideoTrack, sizes: readonly number[], seconds: number): Uint8Array {
  const count = sizes.length;
  const { rung: _, ...source } = track;
  const shown: VideoTrack = { ...source, id: 1, timescale: count * TICKS, label: '' };
  const writer = new BoxWriter(new Uint8Array(movieRoom([shown]) + count * 4 + 256));
  printFtyp(writer);
  const moov = writer.open('moov');
  printMvhd(writer, seconds * movieTimescale, 2);
  let offset: BoxWriter | undefined;
  const tables = () => {
    printTable(writer, 'stts', [count, seconds * TICKS]);
    printTable(writer, 'stsc', [1, count, 1]);
    const stsz = writer.openFull('stsz', 0, 0);
    writer.u32(0);
    writer.u32(count);
    for (const size of sizes) writer.u32(size);
    writer.close(stsz);
    const co64 = writer.openFull('co64', 0, 0);
    writer.u32(1);
    offset = new BoxWriter(writer.bytes, writer.offset);
    writer.u64(0);
    writer.close(co64);
  };
  printTrak(writer, {
    track: shown,
    duration: count * seconds * TICKS,
    presented: seconds * movieTimescale,
    edits: [],
    tables,
  });
  writer.close(moov);
  // A box of 64 bits (4.2.2): its size, and so the head, has the same length for every film.
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  writer.u32(1);
  writer.fourcc('mdat');
  writer.u64(16 + bytes);
  offset!.u64(writer.offset);
  return writer.bytes.slice(0, writer.offset);
}

/** A full box with one entry. */
function printTable(writer: BoxWriter, type: string, entry: readonly number[]): void {
  const table = writer.openFull(type, 0, 0);
  writer.u32(1);
  for (const field of entry) writer.u32(field);
  writer.close(table);
}
