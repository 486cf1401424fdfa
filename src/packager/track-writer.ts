/**
 * Writes one track's parts and segments as fMP4; each byte is copied once into a slab.
 * In: frames and cuts of packager/packager. Out: Part and TrackSegment. ISO/IEC 14496-12, 8.8;
 * docs/media.md 24.
 */
import { crc32 } from 'node:zlib';
import type { Frame, Track } from '@oxbow/media/frame';
import {
  columnsLength,
  columnsOf,
  type FragmentSlot,
  NUMBERS_PER_SAMPLE,
  printFragmentHead,
  type SampleColumns,
  sequenceNumber,
} from '@oxbow/media/isobmff/fragment';
import { Column } from '@oxbow/media/isobmff/movie/sample-table';
import type { Part, TrackSegment } from '@oxbow/media/segment';
import { slabPool } from '../lib/memory/slab-pool.ts';
import { CompactFrames } from './compact-frames.ts';

/** Size of a slab relative to the last segment: most segments need one slab. */
const SLAB_SLACK = 1.3;
/**
 * A used slab does with this size. Segments of a constant bitrate differ by 1 %, so every second used slab
 * would be too small otherwise.
 */
const LEAST_SLACK = 1.1;
const FIRST_SLAB_BYTES = 64 * 1024;

/** Constraints on a track's segments. */
export interface SegmentShape {
  /** MSN of the first segment; each further one increases it by 1. */
  readonly firstMsn: number;
  /** Numbering of its fragments. */
  readonly slot: FragmentSlot;
  /** Segments have one part, so a slab has exactly their length. */
  readonly exact: boolean;
  /** Slabs are in shared memory, for replicas in other threads. */
  readonly shared: boolean;
  /** Longest duration that a part states, seconds, even for one longer frame. */
  readonly maxPartS?: number;
  /** Longest segment, seconds. */
  readonly maxSegmentS?: number;
}

/** Where a segment begins. */
type FirstFrame = Pick<Frame, 'dts' | 'pts' | 'key'>;

/** The open segment of one track. */
export class TrackWriter {
  readonly track: Track;
  /**
   * Frames of the open part; emptied, not replaced: an array that V8 has moved to the old generation would
   * keep them until all is collected.
   */
  readonly #frames: Frame[] = [];
  /** The same, of sound in segments without parts; `#frames` is empty then. */
  readonly #compact: CompactFrames | undefined;
  #slab: Uint8Array | undefined;
  #used = 0;
  #lastSegmentBytes = FIRST_SLAB_BYTES;
  /** Of the open segment. Without its bytes, which are in the slab already: a key frame is large. */
  #first: FirstFrame | undefined;
  /** Earliest presentation time of the open segment, ticks. */
  #earliest = 0;
  #end = 0;
  #samples = 0;
  #damaged = false;
  /** See `SampleRows`. */
  readonly #rows = new Column(new Float64Array(256));
  readonly #fragmentRows = new Column(new Float64Array(16));
  #lastDuration = 0;
  /** Of the parts so far. */
  #crc = 0;
  #msn: number;
  /** Fragments of the open segment. */
  #fragments = 0;
  readonly #slot: FragmentSlot;
  readonly #exact: boolean;
  readonly #shared: boolean;
  readonly #maxPartTicks: number;
  readonly #maxSegmentTicks: number;

  constructor(track: Track, { firstMsn, slot, exact, shared, maxPartS, maxSegmentS }: SegmentShape) {
    this.track = track;
    this.#msn = firstMsn;
    this.#slot = slot;
    this.#exact = exact;
    this.#compact = exact && track.kind === 'audio' ? new CompactFrames() : undefined;
    this.#shared = shared;
    this.#maxPartTicks = ticksOf(maxPartS, track.timescale);
    this.#maxSegmentTicks = ticksOf(maxSegmentS, track.timescale);
  }

  /** Whether the open part stays within `maxPartS` with `frame`. */
  fitsPart(frame: Frame): boolean {
    return this.ticksWith(frame) <= this.#maxPartTicks;
  }

  /**
   * Whether the open segment stays within `maxSegmentS` with `frame`.
   *
   * @param from where it begins if it has no frame yet, ticks
   */
  fitsSegment(frame: Frame, from = frame.dts): boolean {
    return frame.dts + frame.duration - (this.#first?.dts ?? from) <= this.#maxSegmentTicks;
  }

  /** MSN of the open or next segment. */
  get nextMsn(): number {
    return this.#msn;
  }

  /** Frames in the open part. */
  get waiting(): number {
    return this.#compact ? this.#compact.count : this.#frames.length;
  }

  /** Whether frames of the open part wait as they came. */
  get holdsFrames(): boolean {
    return this.#frames.length > 0;
  }

  /** Ticks of the open part with `frame`. */
  ticksWith(frame: Frame): number {
    const firstDts = this.#compact ? this.#compact.firstDts : this.#frames[0]?.dts;
    return frame.dts + frame.duration - (firstDts ?? frame.dts);
  }

  /** First frame of the open segment. */
  get first(): FirstFrame | undefined {
    return this.#first;
  }

  /** dts + duration of the last frame, ticks. */
  get end(): number {
    return this.#end;
  }

  /** Flags the open segment as damaged. */
  damage(): void {
    this.#damaged = true;
  }

  /**
   * Appends a frame to the open part.
   *
   * @param earliest earliest presentation time of the frame and those after it, ticks; used of the first
   *   frame of a segment
   */
  add(frame: Frame, earliest = frame.pts): void {
    if (!this.#first) {
      const { dts, pts, key } = frame;
      this.#first = { dts, pts, key };
      this.#earliest = earliest;
    }
    if (this.#compact) this.#compact.push(frame);
    else this.#frames.push(frame);
    this.#end = frame.dts + frame.duration;
    this.#samples++;
  }

  /** The open segment is to last until `end` at least, ticks; its parts state what they hold. */
  extend(end: number): void {
    this.#end = Math.max(this.#end, end);
  }

  /** Closes the open part; undefined if it has no frame. */
  closePart(): Part | undefined {
    if (this.waiting === 0) return undefined;
    const columns = this.#compact ?? columnsOf(this.#frames);
    const { numbers, count } = columns;
    const tfdt = numbers[0]!;
    const last = (count - 1) * NUMBERS_PER_SAMPLE;
    const length = columnsLength(columns);
    const slab = this.#room(length);
    const at = this.#used;
    const sequence = sequenceNumber(this.#msn, this.#slot, this.#fragments++);
    this.#copy(slab, printFragmentHead(slab, at, { sequence, trackId: this.track.id, tfdt }, columns));
    this.#used += length;
    this.#describe(columns);
    const bytes = slab.subarray(at, at + length);
    this.#crc = crc32(bytes, at === 0 ? 0 : this.#crc);
    const part: Part = {
      bytes,
      crc: this.#crc,
      pts: at === 0 ? this.#earliest : numbers[1]!,
      duration: Math.min(numbers[last]! + numbers[last + 2]! - tfdt, this.#maxPartTicks),
      independent: numbers[3] === 1,
    };
    this.#frames.length = 0;
    this.#compact?.clear();
    return part;
  }

  /** Closes the open segment; undefined if it has no frame. Called once for each MSN. */
  closeSegment(): TrackSegment | undefined {
    this.closePart();
    this.#msn++;
    this.#fragments = 0;
    const first = this.#first;
    const slab = this.#slab;
    if (!first || !slab) return undefined;
    const segment: TrackSegment = {
      trackId: this.track.id,
      bytes: slab.subarray(0, this.#used),
      tfdt: first.dts,
      duration: this.#end - first.dts,
      firstPtsOffset: this.#earliest - first.dts,
      samples: this.#samples,
      independent: first.key,
      damaged: this.#damaged,
      crc: this.#crc,
      rows: {
        samples: this.#rows.take(),
        fragments: this.#fragmentRows.take(),
        lastDuration: this.#lastDuration,
      },
    };
    this.#lastSegmentBytes = this.#used;
    this.#slab = undefined;
    this.#used = 0;
    this.#first = undefined;
    this.#samples = 0;
    this.#damaged = false;
    return segment;
  }

  /** Copies the bytes of the open part. */
  #copy(slab: Uint8Array, from: number): void {
    if (this.#compact) {
      slab.set(this.#compact.bytes, from);
      return;
    }
    let at = from;
    for (const { data } of this.#frames) {
      slab.set(data, at);
      at += data.length;
    }
  }

  /** Adds the samples of a fragment that ends at `#used` to the rows. */
  #describe({ numbers, count }: SampleColumns): void {
    const rows = this.#rows;
    const end = count * NUMBERS_PER_SAMPLE;
    let bytes = 0;
    for (let at = 0; at < end; at += NUMBERS_PER_SAMPLE) {
      rows.push(numbers[at]!);
      rows.push(numbers[at + 4]!);
      rows.push(numbers[at + 1]! - numbers[at]!);
      rows.push(numbers[at + 3]!);
      bytes += numbers[at + 4]!;
    }
    this.#lastDuration = numbers[end - NUMBERS_PER_SAMPLE + 2]!;
    this.#fragmentRows.push(this.#used - bytes);
    this.#fragmentRows.push(count);
  }

  /** A slab with `length` free bytes. Parts of an outgrown slab stay valid. */
  #room(length: number): Uint8Array {
    const need = this.#used + length;
    if (this.#slab && need <= this.#slab.length) return this.#slab;
    const roomy = this.#slab ? need * 2 : Math.ceil(this.#lastSegmentBytes * SLAB_SLACK);
    const size = this.#exact ? need : Math.max(need, roomy);
    const least = Math.min(size, Math.max(need, Math.ceil(this.#lastSegmentBytes * LEAST_SLACK)));
    const slab = this.#shared ? new Uint8Array(new SharedArrayBuffer(size)) : slabPool.take(size, { least });
    if (this.#slab) slab.set(this.#slab.subarray(0, this.#used));
    this.#slab = slab;
    return slab;
  }
}

function ticksOf(s: number | undefined, timescale: number): number {
  return s === undefined ? Number.POSITIVE_INFINITY : Math.floor(s * timescale + 1e-6);
}
