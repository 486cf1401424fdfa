/**
 * Makes one track's parts and segments: frames in, fMP4 bytes out, each byte copied once into a slab.
 * In: packager/packager, which says where to cut. Out: Part and TrackSegment. ISO/IEC 14496-12, 8.8; docs/media.md 24.
 */
import { crc32 } from 'node:zlib';
import type { Frame, Track } from '../media/frame.ts';
import { type FragmentSlot, fragmentLength, printFragment, sequenceNumber } from '../media/isobmff/fragment.ts';
import type { Part, TrackSegment } from '../media/segment.ts';

/** A slab is a third larger than the last segment was, so that most segments need one. */
const SLAB_SLACK = 1.3;
const FIRST_SLAB_BYTES = 64 * 1024;

/** How a track's segments are made. */
export interface SegmentShape {
  /** MSN of the first segment; each further one is the next. */
  readonly firstMsn: number;
  /** Numbers of its fragments. */
  readonly slot: FragmentSlot;
  /** Segments have one part, so slabs are made exactly as long as they need be. */
  readonly exact: boolean;
  /** Slabs lie in shared memory, for copies of the list in other threads. V8 counts plain ones alone. */
  readonly shared: boolean;
  /** No part says that it is longer, seconds; not even one of a single frame that lasts longer. */
  readonly maxPartS?: number;
  /** No segment is longer, seconds. */
  readonly maxSegmentS?: number;
}

/** The segment in the making of one track. */
export class TrackWriter {
  readonly track: Track;
  /** Frames of the part in the making. */
  #frames: Frame[] = [];
  #slab: Uint8Array | undefined;
  #used = 0;
  #lastSegmentBytes = FIRST_SLAB_BYTES;
  #first: Frame | undefined;
  #end = 0;
  #samples = 0;
  #damaged = false;
  /** Of the parts so far. */
  #crc = 0;
  #msn: number;
  /** Fragments of the segment in the making. */
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
    this.#shared = shared;
    this.#maxPartTicks = ticksOf(maxPartS, track.timescale);
    this.#maxSegmentTicks = ticksOf(maxSegmentS, track.timescale);
  }

  /** Whether the part in the making stays as short as was promised if `frame` were added to it. */
  fitsPart(frame: Frame): boolean {
    return this.ticksWith(frame) <= this.#maxPartTicks;
  }

  /**
   * Whether the segment in the making stays as short as was promised if `frame` were added to it.
   *
   * @param from where it begins if it has no frame yet, ticks
   */
  fitsSegment(frame: Frame, from = frame.dts): boolean {
    return frame.dts + frame.duration - (this.#first?.dts ?? from) <= this.#maxSegmentTicks;
  }

  /** Frames in the part in the making. */
  get waiting(): number {
    return this.#frames.length;
  }

  /** Ticks of the part in the making if `frame` were added to it. */
  ticksWith(frame: Frame): number {
    return frame.dts + frame.duration - (this.#frames[0] ?? frame).dts;
  }

  /** First frame of the segment in the making. */
  get first(): Frame | undefined {
    return this.#first;
  }

  /** dts + duration of the last frame, ticks. */
  get end(): number {
    return this.#end;
  }

  /** The segment in the making has a fault. */
  damage(): void {
    this.#damaged = true;
  }

  /** Appends a frame to the part in the making. */
  add(frame: Frame): void {
    this.#first ??= frame;
    this.#frames.push(frame);
    this.#end = frame.dts + frame.duration;
    this.#samples++;
  }

  /** Closes the part in the making; undefined when it has no frame. */
  closePart(): Part | undefined {
    const frames = this.#frames;
    const first = frames[0];
    if (!first) return undefined;
    const length = fragmentLength(frames);
    const slab = this.#room(length);
    const at = this.#used;
    const sequence = sequenceNumber(this.#msn, this.#slot, this.#fragments++);
    printFragment(slab, at, { sequence, trackId: this.track.id, tfdt: first.dts, frames });
    this.#used += length;
    this.#frames = [];
    const bytes = slab.subarray(at, at + length);
    const crc = crc32(bytes);
    this.#crc = at === 0 ? crc : crc32(bytes, this.#crc);
    const part: Part = {
      bytes,
      crc,
      pts: first.pts,
      duration: Math.min(this.#end - first.dts, this.#maxPartTicks),
      independent: first.key,
    };
    return part;
  }

  /** Closes the segment; undefined when it has no frame. To be called once for each MSN. The writer is then ready for the next one. */
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
      firstPtsOffset: first.pts - first.dts,
      samples: this.#samples,
      independent: first.key,
      damaged: this.#damaged,
      crc: this.#crc,
    };
    this.#lastSegmentBytes = this.#used;
    this.#slab = undefined;
    this.#used = 0;
    this.#first = undefined;
    this.#samples = 0;
    this.#damaged = false;
    return segment;
  }

  /** A slab with `length` bytes free behind what is used. Parts of a slab that was outgrown stay valid where they are. */
  #room(length: number): Uint8Array {
    const need = this.#used + length;
    if (this.#slab && need <= this.#slab.length) return this.#slab;
    const wished = this.#slab ? need * 2 : Math.ceil(this.#lastSegmentBytes * SLAB_SLACK);
    const size = this.#exact ? need : Math.max(need, wished);
    const roomy = new Uint8Array(this.#shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size));
    if (this.#slab) roomy.set(this.#slab.subarray(0, this.#used));
    this.#slab = roomy;
    return roomy;
  }
}

function ticksOf(s: number | undefined, timescale: number): number {
  return s === undefined ? Number.POSITIVE_INFINITY : Math.floor(s * timescale + 1e-6);
}
