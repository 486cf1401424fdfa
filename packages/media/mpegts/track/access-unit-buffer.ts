/**
 * Holds the video bytes of PES packets until the end of their last access unit is known: usually with the
 * packet, otherwise in a later one.
 * In: PES payloads, and whether each continues a NAL unit. Out: ranges of complete access units, with their
 * PES timestamps. ISO/IEC 13818-1, 2.4.3.7 (the time is that of the first access unit that begins in the PES)
 * and 2.14.
 */
import { findBytes, searchView } from '../../byte-search.ts';
import type { PictureTime } from './reorder-queue.ts';
import type { VideoCodec } from './video-codec.ts';

/** Space before the held bytes that may be overwritten (PesSink.unit, toSample). */
export const HEADROOM = 32;
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** Most timestamps of the held bytes; further ones are dropped. */
const MAX_MARKS = 256;
/** Bytes of a start code and of the slice header fields that show the first slice of a picture. */
const PROBE_BYTES = 6;
/** Most bytes before the slices of an access unit. */
const MAX_HEAD_BYTES = 65_536;
const START_CODE = Uint8Array.of(0, 0, 1);

/** A timestamp, and the offset from which on the first access unit has it. */
interface Mark {
  readonly at: number;
  readonly time: PictureTime;
}

/** A range of bytes with complete access units; bytes from `from - 32` on may be overwritten and kept. */
export interface Stretch {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Of the first access unit; undefined without one, or if it is among `marks`. */
  readonly time: PictureTime | undefined;
  readonly marks: readonly Mark[];
}

const NOTHING = new Uint8Array(0);
const NO_MARKS: readonly Mark[] = [];

/** Whether a payload begins with a start code; undefined while it is too short. */
export function isAligned(bytes: Uint8Array, from: number, to: number): boolean | undefined {
  let at = from;
  while (at < to && bytes[at] === 0) at++;
  if (at === to) return to - from > PROBE_BYTES ? false : undefined;
  return at - from >= 2 && bytes[at] === 1;
}

/** The held bytes of one track. */
export class AccessUnitBuffer {
  readonly #codec: VideoCodec;
  #bytes: Uint8Array = NOTHING;
  #from = 0;
  #to = 0;
  /** Of the first access unit, while nothing was appended to it. */
  #time: PictureTime | undefined;
  #marks: readonly Mark[] = NO_MARKS;
  /** Set when payloads were joined: `#bytes` is a copy, scanned up to here. */
  #isOwn = false;
  /** Bytes from the first held one in which `isHead` found no slice. */
  #headScanned = 0;
  #scanned = 0;
  #sawSlice = false;
  /** Offsets of the last access unit found, and of the previous one. */
  #lastUnit = 0;
  #unitBefore = 0;

  constructor(codec: VideoCodec) {
    this.#codec = codec;
  }

  /** Nothing is held. */
  get isEmpty(): boolean {
    return this.#to === this.#from;
  }

  /** The held bytes have no slice yet: the slices of the access unit are still to come. */
  get isHead(): boolean {
    if (this.isEmpty || this.#to - this.#from > MAX_HEAD_BYTES) return false;
    const view = searchView(this.#bytes, 0, this.#to);
    for (let at = this.#from + this.#headScanned; ; ) {
      const codeAt = findBytes(view, START_CODE, at);
      at = codeAt + START_CODE.length;
      if (codeAt < 0 || at >= this.#to) {
        // Each byte is searched once: a start code may begin in the last ones.
        const unsearched = codeAt < 0 ? START_CODE.length - 1 : START_CODE.length;
        this.#headScanned = Math.max(this.#headScanned, this.#to - this.#from - unsearched);
        return true;
      }
      if (this.#codec.role(this.#codec.type(view[at]!)) === 'slice') return false;
    }
  }

  /** Begins with a payload that starts with a start code; the buffer is empty. */
  start(bytes: Uint8Array, from: number, to: number, time: PictureTime | undefined): void {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    this.#isOwn = false;
    this.#headScanned = 0;
    this.#time = time;
  }

  /** Appends a continued payload; false if the buffer would exceed its limit and was cleared. */
  append(bytes: Uint8Array, from: number, to: number, time: PictureTime | undefined): boolean {
    if (this.#to - this.#from + to - from > MAX_HELD_BYTES) {
      this.clear();
      return false;
    }
    if (this.#time) this.#marks = [{ at: this.#from, time: this.#time }];
    this.#time = undefined;
    this.#room(to - from);
    if (time && this.#marks.length < MAX_MARKS) this.#marks = [...this.#marks, { at: this.#to, time }];
    this.#bytes.set(bytes.subarray(from, to), this.#to);
    this.#to += to - from;
    return true;
  }

  /** Returns all held bytes: another access unit follows. */
  take(): Stretch | undefined {
    if (this.isEmpty) return undefined;
    const stretch = { bytes: this.#bytes, from: this.#from, to: this.#to, time: this.#time, marks: this.#marks };
    this.clear();
    return stretch;
  }

  /** Returns the complete access units, and keeps the last one, which may continue. */
  takeWhole(): Stretch | undefined {
    this.#scan();
    const cut = this.#lastUnit;
    if (cut <= this.#from) return undefined;
    const [bytes, from, to, marks, before] = [this.#bytes, this.#from, this.#to, this.#marks, this.#unitBefore];
    this.clear();
    this.#bytes = bytes;
    this.#from = cut;
    this.#to = to;
    // A time after the beginning of the previous unit is that of the kept one.
    this.#marks = marks.filter(({ at }) => at > before);
    this.#room(0);
    this.#marks = this.#marks.map(({ at, time }) => ({ at: Math.max(at, this.#from), time }));
    return { bytes, from, to: cut, time: undefined, marks: marks.filter(({ at }) => at <= before) };
  }

  /** Drops the held bytes. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#from = this.#to = 0;
    this.#time = undefined;
    this.#marks = NO_MARKS;
    this.#isOwn = false;
    this.#headScanned = 0;
  }

  #room(more: number): void {
    const held = this.#to - this.#from;
    if (this.#isOwn && this.#to + more <= this.#bytes.length) return;
    const bytes = new Uint8Array(HEADROOM + 2 * (held + more));
    bytes.set(this.#bytes.subarray(this.#from, this.#to), HEADROOM);
    const shift = HEADROOM - this.#from;
    this.#marks = this.#marks.map(({ at, time }) => ({ at: at + shift, time }));
    this.#scanned = this.#isOwn ? this.#scanned + shift : HEADROOM;
    this.#lastUnit = this.#isOwn ? this.#lastUnit + shift : HEADROOM;
    this.#unitBefore = this.#isOwn ? this.#unitBefore + shift : HEADROOM;
    if (!this.#isOwn) this.#sawSlice = false;
    this.#bytes = bytes;
    this.#from = HEADROOM;
    this.#to = HEADROOM + held;
    this.#isOwn = true;
  }

  /** Scans the new bytes; each byte is scanned once. */
  #scan(): void {
    const view = searchView(this.#bytes, 0, this.#to);
    for (;;) {
      const at = findBytes(view, START_CODE, this.#scanned);
      if (at < 0 || at + PROBE_BYTES > this.#to) {
        this.#scanned = at < 0 ? Math.max(this.#scanned, this.#to - 2) : at;
        return;
      }
      this.#scanned = at + START_CODE.length;
      const start = at + START_CODE.length;
      const type = this.#codec.type(view[start]!);
      const isSlice = this.#codec.role(type) === 'slice';
      const begins = isSlice ? this.#codec.startsPicture(view, start) : this.#codec.beginsUnit(type);
      if (this.#sawSlice && begins) {
        this.#unitBefore = this.#lastUnit;
        this.#lastUnit = at;
        this.#sawSlice = false;
      }
      if (isSlice) this.#sawSlice = true;
    }
  }
}
