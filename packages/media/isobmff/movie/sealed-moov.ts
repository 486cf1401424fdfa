/**
 * The moov with full sample tables that makes a sealed chunk file a progressive MP4.
 * In: the SampleTable of the file. Out: bytes to append. Pure. ISO/IEC 14496-12, 8.6 and 8.7; layout: docs of
 * the chunk file.
 */
import { rescale } from '../../rescale.ts';
import { BoxWriter } from '../box.ts';
import { type Edit, movieRoom, movieTimescale, printMvhd, printTrak } from './movie.ts';
import type { SampleTable, TrackSamples } from './sample-table.ts';

/** Presented range of one track, in its timescale. */
interface Shown {
  readonly samples: TrackSamples;
  /** pts of the first picture to show, ticks as in the fragments. */
  readonly start: number;
  /** End of the last one. */
  readonly end: number;
  /** Decode time of the first sample: 0 in the tables. */
  readonly zero: number;
}

/**
 * Writes the final moov: mvhd at 90 kHz, one chunk per Part, 64-bit offsets, decode times from the
 * differences of `tfdt` and trun.
 *
 * @param table at least one track with a sample; tracks without one are left out
 * @throws RangeError if there is no sample at all
 */
export function printSealedMoov(table: SampleTable): Uint8Array {
  const shown = table.tracks.filter(({ sizes }) => sizes.length > 0).map(shownOf);
  if (shown.length === 0) throw new RangeError('a sealed file needs a sample');
  let room = movieRoom(shown.map(({ samples }) => samples.track));
  for (const { samples } of shown) room += samples.sizes.length * 24 + samples.chunkOffsets.length * 20 + 128;
  const writer = new BoxWriter(new Uint8Array(room));

  // The movie begins with the first track; the others begin with an empty edit. Late metadata may refer to
  // earlier times.
  const media = shown.filter(({ samples: { track } }) => track.kind === 'video' || track.kind === 'audio');
  const origin = (media.length > 0 ? media : shown).reduce((a, b) =>
    seconds(b.start, b) < seconds(a.start, a) ? b : a,
  );
  const tracks = shown.map((item) => {
    const { timescale } = item.samples.track;
    const wait = toMovie(item.start, item) - toMovie(origin.start, origin);
    const before = wait < 0 ? rescale(0 - wait, movieTimescale, timescale) : 0;
    const duration = rescale(Math.max(0, item.end - item.start - before), timescale, movieTimescale);
    const mediaTime = item.start + before - item.zero;
    const edits: Edit[] = [];
    if (wait > 0) edits.push({ duration: wait, mediaTime: -1 });
    if (wait > 0 || mediaTime > 0) edits.push({ duration, mediaTime });
    return { item, edits, presented: Math.max(0, wait) + duration };
  });

  const moov = writer.open('moov');
  const ids = tracks.map(({ item }) => item.samples.track.id);
  printMvhd(writer, Math.max(...tracks.map(({ presented }) => presented)), Math.max(...ids) + 1);
  for (const { item, edits, presented } of tracks) {
    const { track, dts, lastDuration } = item.samples;
    const duration = dts.at(dts.length - 1) - item.zero + lastDuration;
    printTrak(writer, { track, duration, presented, edits, tables: () => printTables(writer, item.samples) });
  }
  writer.close(moov);
  return writer.bytes.subarray(0, writer.offset);
}

function seconds(ticks: number, { samples }: Shown): number {
  return ticks / samples.track.timescale;
}

function toMovie(ticks: number, { samples }: Shown): number {
  return rescale(ticks, samples.track.timescale, movieTimescale);
}

function shownOf(samples: TrackSamples): Shown {
  const { dts, compositions, syncs, lastDuration } = samples;
  const count = dts.length;
  // Not the lowest pts: with an open GOP leading pictures precede the first key sample, and cannot be
  // decoded.
  let first = 0;
  while (first < count && syncs.at(first) === 0) first++;
  if (first === count) first = 0;
  let end = 0;
  for (let i = 0; i < count; i++) {
    // Metadata may have no duration; players skip samples that begin at the end of the edit.
    const duration = i + 1 < count ? dts.at(i + 1) - dts.at(i) : Math.max(1, lastDuration);
    end = Math.max(end, dts.at(i) + compositions.at(i) + duration);
  }
  return { samples, start: dts.at(first) + compositions.at(first), end, zero: dts.at(0) };
}

function printTables(writer: BoxWriter, samples: TrackSamples): void {
  const { dts, compositions, syncs, sizes, chunkSamples, chunkOffsets, lastDuration } = samples;
  const count = sizes.length;
  printRuns(writer, 'stts', 0, count, (i) => (i + 1 < count ? dts.at(i + 1) - dts.at(i) : lastDuration));
  if (!every(count, (i) => compositions.at(i) === 0)) printRuns(writer, 'ctts', 1, count, (i) => compositions.at(i));
  if (!every(count, (i) => syncs.at(i) === 1)) {
    const stss = printCounted(writer, 'stss');
    for (let i = 0; i < count; i++) if (syncs.at(i) === 1) stss.add(i + 1);
    stss.close();
  }
  const stsc = printCounted(writer, 'stsc');
  for (let i = 0; i < chunkSamples.length; i++) {
    if (i > 0 && chunkSamples.at(i) === chunkSamples.at(i - 1)) continue;
    stsc.add(i + 1, chunkSamples.at(i), 1);
  }
  stsc.close();
  const uniform = every(count, (i) => sizes.at(i) === sizes.at(0));
  const stsz = writer.openFull('stsz', 0, 0);
  writer.u32(uniform ? sizes.at(0) : 0);
  writer.u32(count);
  for (let i = 0; i < count && !uniform; i++) writer.u32(sizes.at(i));
  writer.close(stsz);
  const co64 = writer.openFull('co64', 0, 0);
  writer.u32(chunkOffsets.length);
  for (let i = 0; i < chunkOffsets.length; i++) writer.u64(chunkOffsets.at(i));
  writer.close(co64);
}

function every(count: number, holds: (index: number) => boolean): boolean {
  for (let i = 0; i < count; i++) if (!holds(i)) return false;
  return true;
}

/** A table of (count, value) pairs: stts and ctts. */
function printRuns(
  writer: BoxWriter,
  type: string,
  version: number,
  count: number,
  valueAt: (i: number) => number,
): void {
  const table = printCounted(writer, type, version);
  for (let i = 0; i < count; ) {
    const value = valueAt(i);
    const start = i;
    while (i < count && valueAt(i) === value) i++;
    table.add(i - start, value);
  }
  table.close();
}

/** A full box that counts its entries; the count is known when it is closed. */
function printCounted(writer: BoxWriter, type: string, version = 0) {
  const start = writer.openFull(type, version, 0);
  const count = new BoxWriter(writer.bytes, writer.offset);
  writer.u32(0);
  let entries = 0;
  return {
    add(...fields: number[]) {
      for (const field of fields) writer.u32(field);
      entries++;
    },
    close() {
      count.u32(entries);
      writer.close(start);
    },
  };
}
