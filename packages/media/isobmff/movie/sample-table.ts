/**
 * Offsets of every sample of a chunk file, collected while the file is written, or read from its moofs after
 * a crash.
 * In: the segments' bytes, or their samples as their writer has them, with their place in the file. Out:
 * columns of numbers for the final moov. Pure. ISO/IEC 14496-12, 8.7.
 */
import { FormatError } from '../../errors.ts';
import type { Track } from '../../frame.ts';
import type { SampleRows } from '../../segment.ts';
import { readBoxes } from '../box.ts';
import { isSync, parseMoof, type TrackFragment } from '../fragment-reader.ts';

/** A growing column of numbers. */
export class Column<A extends Uint8Array | Uint32Array | Float64Array> {
  #array: A;
  #length = 0;

  /** @param array the first room; doubled whenever it is full */
  constructor(array: A) {
    this.#array = array;
  }

  /** Numbers in it. */
  get length(): number {
    return this.#length;
  }

  /** Adds a number at the end. */
  push(value: number): void {
    if (this.#length === this.#array.length) {
      const larger = new (this.#array.constructor as new (length: number) => A)(this.#length * 2);
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.#length++] = value;
  }

  /** Removes all numbers. Returns them in a separate array. */
  take(): A {
    const taken = this.#array.slice(0, this.#length) as A;
    this.#length = 0;
    return taken;
  }

  /** The number at `index`, which must exist. */
  at(index: number): number {
    return this.#array[index]!;
  }
}

/** The samples of one track, in decode order. */
export interface TrackSamples {
  readonly track: Track;
  /** Bytes. */
  readonly sizes: Column<Uint32Array>;
  /** Decode times as in the fragments, ticks. */
  readonly dts: Column<Float64Array>;
  /** pts − dts, ticks, 0 or more. */
  readonly compositions: Column<Uint32Array>;
  /** 1 for a sync sample. */
  readonly syncs: Column<Uint8Array>;
  /** Duration of the last sample, ticks; those of the others follow from `dts`. */
  lastDuration: number;
  /** Offset in the file of each chunk (one per Part). */
  readonly chunkOffsets: Column<Float64Array>;
  readonly chunkSamples: Column<Uint32Array>;
}

/** A range of the file with complete fragments. */
export interface FilePiece {
  readonly bytes: Uint8Array;
  /** Where `bytes` begin in the file. */
  readonly offset: number;
  /** Of a segment that its writer described: `bytes` are not parsed. */
  readonly known?: { readonly trackId: number; readonly rows: SampleRows };
}

/** Numbers of a sample in `SampleRows`. */
const PER_SAMPLE = 4;

/** The sample tables of one chunk file. */
export class SampleTable {
  readonly #tracks = new Map<number, TrackSamples>();

  /** @param tracks those of the file's init; fragments of other tracks are refused */
  constructor(tracks: readonly Track[]) {
    for (const track of tracks) {
      this.#tracks.set(track.id, {
        track,
        sizes: new Column(new Uint32Array(256)),
        dts: new Column(new Float64Array(256)),
        compositions: new Column(new Uint32Array(256)),
        syncs: new Column(new Uint8Array(256)),
        lastDuration: 0,
        chunkOffsets: new Column(new Float64Array(64)),
        chunkSamples: new Column(new Uint32Array(64)),
      });
    }
  }

  /** All tracks of the init, also those without samples. */
  get tracks(): readonly TrackSamples[] {
    return [...this.#tracks.values()];
  }

  /**
   * Adds the segments of one group, all or none.
   *
   * @param pieces segments with their offsets in the file
   * @throws FormatError if a piece is not made of moof and mdat pairs of known tracks, a sample is outside
   *   its piece, has a negative composition offset, or does not follow in decode order
   */
  addGroup(pieces: readonly FilePiece[]): void {
    const fragments: { fragment: TrackFragment; dts: number; base: number }[] = [];
    const last = new Map<number, number>();
    for (const { bytes, offset, known: description } of pieces) {
      if (description) {
        this.#checkRows(description.trackId, description.rows, last);
        continue;
      }
      for (const box of readBoxes(bytes)) {
        if (box.type !== 'moof') continue;
        for (const fragment of parseMoof(bytes, box)) {
          this.#check(fragment, last, bytes.length - box.start, box.start);
          fragments.push({ fragment, dts: fragment.tfdt!, base: offset + box.start });
        }
      }
    }
    for (const { fragment, dts, base } of fragments) this.#add(fragment, dts, base);
    for (const { known: description, offset } of pieces) {
      if (description) this.#addRows(description.trackId, description.rows, offset);
    }
  }

  #check(fragment: TrackFragment, last: Map<number, number>, room: number, at: number): void {
    const { trackId, tfdt, sizes } = fragment;
    let previous = this.#lastDts(trackId, last, at);
    if (tfdt === undefined || sizes.length === 0)
      throw new FormatError('a fragment has no decode time or no sample', at);
    let dts = tfdt;
    for (let i = 0; i < sizes.length; i++) {
      const end = fragment.offsets[i]! + sizes[i]!;
      if (fragment.offsets[i]! < 0 || end > room) throw new FormatError('a sample is outside its segment', at);
      if (fragment.compositions[i]! < 0) throw new FormatError('a composition offset is negative', at);
      // A chunk is contiguous: samples of one fragment follow each other without a hole.
      if (i > 0 && fragment.offsets[i] !== fragment.offsets[i - 1]! + sizes[i - 1]!) {
        throw new FormatError('samples of a fragment do not lie side by side', at);
      }
      checkOrder(previous, dts, at);
      previous = dts;
      dts += fragment.durations[i]!;
    }
    last.set(trackId, previous);
  }

  #checkRows(trackId: number, { samples }: SampleRows, last: Map<number, number>): void {
    let previous = this.#lastDts(trackId, last, 0);
    for (let i = 0; i < samples.length; i += PER_SAMPLE) {
      checkOrder(previous, samples[i]!, 0);
      previous = samples[i]!;
    }
    last.set(trackId, previous);
  }

  /** Decode time of the last sample of a track, also of those that are not added yet; -1 before the first. */
  #lastDts(trackId: number, last: ReadonlyMap<number, number>, at: number): number {
    const samples = this.#tracks.get(trackId);
    if (!samples) throw new FormatError(`a fragment belongs to track ${trackId}, which the init does not have`, at);
    const count = samples.dts.length;
    return last.get(trackId) ?? (count > 0 ? samples.dts.at(count - 1) : -1);
  }

  #addRows(trackId: number, { samples: rows, fragments, lastDuration }: SampleRows, offset: number): void {
    const samples = this.#tracks.get(trackId)!;
    for (let i = 0; i < rows.length; i += PER_SAMPLE) {
      samples.dts.push(rows[i]!);
      samples.sizes.push(rows[i + 1]!);
      samples.compositions.push(rows[i + 2]!);
      samples.syncs.push(rows[i + 3]!);
    }
    for (let i = 0; i < fragments.length; i += 2) {
      samples.chunkOffsets.push(offset + fragments[i]!);
      samples.chunkSamples.push(fragments[i + 1]!);
    }
    samples.lastDuration = lastDuration;
  }

  #add(fragment: TrackFragment, tfdt: number, base: number): void {
    const samples = this.#tracks.get(fragment.trackId)!;
    let dts = tfdt;
    for (let i = 0; i < fragment.sizes.length; i++) {
      samples.sizes.push(fragment.sizes[i]!);
      samples.dts.push(dts);
      samples.compositions.push(fragment.compositions[i]!);
      samples.syncs.push(isSync(fragment.flags[i]!) ? 1 : 0);
      dts += fragment.durations[i]!;
    }
    samples.lastDuration = fragment.durations.at(-1)!;
    samples.chunkOffsets.push(base + fragment.offsets[0]!);
    samples.chunkSamples.push(fragment.sizes.length);
  }
}

function checkOrder(previous: number, dts: number, at: number): void {
  if (dts <= previous || dts - previous > 0xffffffff + (previous < 0 ? Number.MAX_SAFE_INTEGER : 0)) {
    throw new FormatError(`decode time ${dts} does not follow ${previous}`, at);
  }
}
