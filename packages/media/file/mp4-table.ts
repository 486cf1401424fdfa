/**
 * The movie header of a progressive MP4 whose tracks may change their configuration: sample tables with
 * several sample entries.
 * In: chunks of samples in the order of the file. Out: the moov. Pure. ISO/IEC 14496-12, 8.5.2 (stsd), 8.6
 * and 8.7.
 */
import { BoxWriter } from '../isobmff/box.ts';
import { type Edit, movieRoom, movieTimescale, printMvhd, printTrak } from '../isobmff/movie/movie.ts';
import { Column } from '../isobmff/movie/sample-table.ts';
import { rescale } from '../rescale.ts';
import type { FileTrack } from './file-tracks.ts';
import type { FileBatch, FileSample } from './joiner.ts';

/** Interleaving of tracks, seconds. */
const CHUNK_S = 1;

/** Consecutive samples of one track. */
interface Chunk {
  readonly fileTrack: FileTrack;
  /** Index of the configuration. */
  readonly config: number;
  readonly samples: readonly FileSample[];
}

/** The samples of a batch in file order: a second of each track, one track after the other. */
export function chunksOf(batch: FileBatch): Chunk[] {
  const placed: { chunk: Chunk; atS: number }[] = [];
  for (const { place, samples } of batch) {
    const { fileTrack, config } = place;
    const ticks = CHUNK_S * fileTrack.track.timescale;
    for (let from = 0; from < samples.length; ) {
      const start = samples[from]!.dts;
      let to = from + 1;
      while (to < samples.length && samples[to]!.dts - start < ticks) to++;
      placed.push({
        chunk: { fileTrack, config, samples: samples.slice(from, to) },
        atS: start / fileTrack.track.timescale,
      });
      from = to;
    }
  }
  return placed.sort((a, b) => a.atS - b.atS).map(({ chunk }) => chunk);
}

/** Runs of equal values. */
class Runs {
  readonly counts = new Column(new Uint32Array(64));
  readonly values = new Column(new Uint32Array(64));
  #count = 0;
  #value = -1;

  push(value: number): void {
    if (value !== this.#value) this.close();
    this.#value = value;
    this.#count++;
  }

  /** Ends the last run. */
  close(): void {
    if (this.#count > 0) {
      this.counts.push(this.#count);
      this.values.push(this.#value);
    }
    this.#count = 0;
    this.#value = -1;
  }
}

/** One track's tables. */
class Line {
  readonly fileTrack: FileTrack;
  readonly sizes = new Column(new Uint32Array(256));
  readonly durations = new Runs();
  readonly compositions = new Runs();
  readonly syncs = new Column(new Uint32Array(64));
  readonly chunkOffsets = new Column(new Float64Array(64));
  readonly chunkSamples = new Column(new Uint32Array(64));
  readonly chunkEntries = new Column(new Uint8Array(64));
  isReordered = false;
  readonly first: FileSample;
  last: FileSample;
  /** End of the last presented sample, ticks. */
  end = 0;

  constructor(fileTrack: FileTrack, first: FileSample) {
    this.fileTrack = fileTrack;
    this.first = first;
    this.last = first;
  }

  add(sample: FileSample): void {
    const { dts, pts, duration, key, length } = sample;
    if (this.sizes.length > 0) this.durations.push(dts - this.last.dts);
    this.sizes.push(length);
    this.compositions.push(pts - dts);
    if (pts !== dts) this.isReordered = true;
    if (key) this.syncs.push(this.sizes.length);
    this.end = Math.max(this.end, pts + duration);
    this.last = withoutBytes(sample);
  }

  /** No sample follows. */
  close(): void {
    this.durations.push(this.last.duration);
    this.durations.close();
    this.compositions.close();
  }
}

function withoutBytes(sample: FileSample): FileSample {
  return { ...sample, data: undefined };
}

/** The sample tables of one file. */
export class Mp4Table {
  readonly #lines = new Map<number, Line>();
  #length = 0;
  #isWhole = false;

  /** Bytes of all samples. */
  get length(): number {
    return this.#length;
  }

  /** Whether there is any sample. */
  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /**
   * Adds a chunk.
   *
   * @param offset bytes from the base offset of `print`; after the last chunk if not given
   */
  add({ fileTrack, config, samples }: Chunk, offset: number = this.#length): void {
    const first = samples[0];
    if (!first) return;
    let line = this.#lines.get(fileTrack.number);
    if (!line) {
      line = new Line(fileTrack, withoutBytes(first));
      this.#lines.set(fileTrack.number, line);
    }
    for (const sample of samples) {
      line.add(sample);
      this.#length += sample.length;
    }
    line.chunkOffsets.push(offset);
    line.chunkSamples.push(samples.length);
    line.chunkEntries.push(config + 1);
  }

  /** Presented duration, ticks of 90 kHz; `trim` as for `print`. */
  presented({ trim = false }: { trim?: boolean } = {}): number {
    return Math.max(0, ...this.#shown([...this.#lines.values()], trim).map(({ presented }) => presented));
  }

  #shown(lines: readonly Line[], trim: boolean) {
    const pictures = lines.filter(({ fileTrack }) => fileTrack.track.kind === 'video');
    const limit = trim && pictures.length > 0 ? Math.max(...pictures.map(endOf)) : Number.POSITIVE_INFINITY;
    return lines.map((line) => ({ line, ...showing(line, limit) }));
  }

  /**
   * Writes the moov, after the last `add`. Its length does not depend on `base`.
   *
   * @param base offset of the samples in the file
   * @param options.trim audio ends with the last video frame: the file was cut to the frame
   */
  print(base: number, { trim = false }: { trim?: boolean } = {}): Uint8Array {
    const lines = [...this.#lines.values()].sort((a, b) => a.fileTrack.number - b.fileTrack.number);
    if (!this.#isWhole) for (const line of lines) line.close();
    this.#isWhole = true;
    const configs = lines.flatMap(({ fileTrack }) => fileTrack.configs);
    const writer = new BoxWriter(
      new Uint8Array(movieRoom(configs) + lines.reduce((sum, line) => sum + roomOf(line), 0)),
    );
    const shown = this.#shown(lines, trim);
    const moov = writer.open('moov');
    printMvhd(writer, Math.max(...shown.map(({ presented }) => presented)), Math.max(...this.#lines.keys()) + 1);
    for (const { line, edits, presented } of shown) {
      const { fileTrack, first, last } = line;
      printTrak(writer, {
        track: fileTrack.track,
        further: fileTrack.configs.slice(1),
        duration: last.dts + last.duration - first.dts,
        edits,
        presented,
        tables: () => printTables(writer, line, base),
      });
    }
    writer.close(moov);
    return writer.bytes.subarray(0, writer.offset);
  }
}

/** End of a track, ticks of 90 kHz. */
function endOf({ fileTrack, end }: Line): number {
  return rescale(end, fileTrack.track.timescale, movieTimescale);
}

/**
 * The edit list of a track: its start delay, and the samples before time 0 and after `limit` (ticks of 90
 * kHz) that are not shown.
 */
function showing(line: Line, limit: number): { edits: Edit[]; presented: number } {
  const { fileTrack, first } = line;
  const toMovie = (ticks: number) => rescale(ticks, fileTrack.track.timescale, movieTimescale);
  const wait = Math.max(0, toMovie(first.pts));
  const mediaTime = (wait > 0 ? first.pts : 0) - first.dts;
  const presented = Math.min(limit, endOf(line));
  const edits: Edit[] = [];
  if (wait > 0) edits.push({ duration: wait, mediaTime: -1 });
  if (wait > 0 || mediaTime > 0 || presented < endOf(line)) edits.push({ duration: presented - wait, mediaTime });
  return { edits, presented };
}

function roomOf({ sizes, durations, compositions, syncs, chunkOffsets }: Line): number {
  const runs = durations.counts.length + compositions.counts.length;
  return 256 + sizes.length * 4 + runs * 8 + syncs.length * 4 + chunkOffsets.length * 20;
}

function printTables(writer: BoxWriter, line: Line, base: number): void {
  const { sizes, syncs, chunkOffsets, chunkSamples, chunkEntries } = line;
  printRuns(writer, 'stts', 0, line.durations);
  if (line.isReordered) printRuns(writer, 'ctts', 0, line.compositions);
  if (syncs.length < sizes.length) {
    const stss = writer.openFull('stss', 0, 0);
    writer.u32(syncs.length);
    for (let i = 0; i < syncs.length; i++) writer.u32(syncs.at(i));
    writer.close(stss);
  }
  const begins: number[] = [];
  for (let i = 0; i < chunkSamples.length; i++) {
    const same =
      i > 0 && chunkSamples.at(i) === chunkSamples.at(i - 1) && chunkEntries.at(i) === chunkEntries.at(i - 1);
    if (!same) begins.push(i);
  }
  const stsc = writer.openFull('stsc', 0, 0);
  writer.u32(begins.length);
  for (const i of begins) {
    writer.u32(i + 1);
    writer.u32(chunkSamples.at(i));
    writer.u32(chunkEntries.at(i));
  }
  writer.close(stsc);
  const stsz = writer.openFull('stsz', 0, 0);
  writer.u32(0);
  writer.u32(sizes.length);
  for (let i = 0; i < sizes.length; i++) writer.u32(sizes.at(i));
  writer.close(stsz);
  const co64 = writer.openFull('co64', 0, 0);
  writer.u32(chunkOffsets.length);
  for (let i = 0; i < chunkOffsets.length; i++) writer.u64(base + chunkOffsets.at(i));
  writer.close(co64);
}

function printRuns(writer: BoxWriter, type: string, version: number, { counts, values }: Runs): void {
  const table = writer.openFull(type, version, 0);
  writer.u32(counts.length);
  for (let i = 0; i < counts.length; i++) {
    writer.u32(counts.at(i));
    writer.u32(values.at(i));
  }
  writer.close(table);
}
