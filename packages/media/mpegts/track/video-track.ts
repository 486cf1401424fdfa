/**
 * Video of one PID: parses PES payloads into frames.
 * In: PES units in byte stream format: one access unit each, or several, or pieces of one.
 * Out: length-prefixed samples, each one access unit late, because its duration follows from the next one.
 * Two fields are one sample.
 */
import { FormatError } from '../../errors.ts';
import { findNals, MAX_NALS, NalList, toSample } from '../../h264/annexb.ts';
import { isSecondField } from '../../h264/slice.ts';
import type { Elementary, ElementaryOutput } from '../elementary.ts';
import type { PesHeader } from '../pes.ts';
import { PES_TIMESCALE, type ProgramClock, signedTurn, TrackClock } from '../timestamps.ts';
import { AccessUnitBuffer, HEADROOM, isAligned, type Stretch } from './access-unit-buffer.ts';
import { DecodeDelay } from './decode-delay.ts';
import { ParameterSets } from './parameter-sets.ts';
import { type PictureTime, ReorderQueue } from './reorder-queue.ts';
import type { PictureHead, VideoCodec } from './video-codec.ts';

const MAX_ACCESS_UNIT_BYTES = 8 * 1024 * 1024;
/** Most access units that wait for a timestamp. */
const MAX_WAITING = 64;
/** No stream reorders by more than this, ticks: 20 s. */
const MAX_REORDER = 20 * PES_TIMESCALE;
/** Nor does any encoder leave out a delay of more than this, ticks: 2 s. */
const MAX_LEAD = 2 * PES_TIMESCALE;
/** A waiting time this far after its successor is invalid, ticks: 1 s. */
const MAX_STEP_BACK = PES_TIMESCALE;
const USUAL_STEP = PES_TIMESCALE / 30;

// Shared by all tracks, because they are used only within a call.
const stretchNals = new NalList();
const unitNals = new NalList();

/** Parses frames of one video stream. */
export class VideoTrack implements Elementary {
  readonly #codec: VideoCodec;
  readonly #out: ElementaryOutput;
  readonly #clock: TrackClock;
  readonly #sets: ParameterSets;
  readonly #units: AccessUnitBuffer;
  readonly #queue: ReorderQueue;
  readonly #delay: DecodeDelay;
  /** Time of the open PES. */
  #open: PictureTime | undefined;
  /** The open PES has an invalid time. */
  #dropped = false;
  /** PES packets are not aligned to access units: only slices show where pictures begin. */
  #stitched = false;
  /** Some access units have no timestamp. */
  #untimed = false;
  /** Times of the last access unit, if it was delivered before its successor began. */
  #settled: PictureTime | undefined;
  /** Packets were lost: slices that do not begin a picture belong to a lost one. */
  #broken = true;
  readonly #scale: { readonly step: number; bits: number };

  constructor(codec: VideoCodec, clock: ProgramClock, out: ElementaryOutput) {
    this.#codec = codec;
    this.#scale = { step: codec.orderStep, bits: 0 };
    this.#out = out;
    this.#clock = new TrackClock(clock);
    this.#sets = new ParameterSets(codec);
    this.#units = new AccessUnitBuffer(codec);
    this.#delay = new DecodeDelay((frame) => out.frame(frame), out.damage);
    this.#queue = new ReorderQueue((frame) => this.#delay.push(frame));
  }

  header(header: PesHeader, bytes: Uint8Array, from: number, to: number): void {
    const aligned = isAligned(bytes, from, to);
    if (aligned === true && !this.#hasHeadFor(header, bytes, from)) this.#takeHeld();
    this.#open = undefined;
    this.#dropped = false;
    if (header.pts === undefined || header.dts === undefined) return;
    const dts = this.#place(header.dts);
    const reorder = signedTurn(header.pts - header.dts);
    if (reorder < -MAX_LEAD || reorder > MAX_REORDER) {
      this.#out.damage(`a presentation time ${reorder} ticks after the decode time`);
      this.#dropped = true;
      return;
    }
    this.#open = { dts, pts: dts + reorder };
    const { newest, time } = this.#queue;
    // Only its bytes show whether it is the rest of a picture, or its other field.
    const isOver = aligned === true && !this.#stitched && newest?.isHalf === false;
    if (isOver && time && dts > time.dts) this.#deliver(dts);
  }

  unit(header: PesHeader, bytes: Uint8Array, from: number, to: number): void {
    const time = this.#open;
    this.#open = undefined;
    if (this.#dropped) {
      if (this.#stitched) this.lost();
      return;
    }
    if (from === to) return; // a time for nothing
    const aligned = isAligned(bytes, from, to) === true;
    const continues = !aligned || this.#hasHeadFor(header, bytes, from);
    if (!continues || this.#units.isEmpty) {
      this.#takeHeld();
      this.#units.start(bytes, from, to, time);
      return;
    }
    this.#stitched ||= !aligned;
    if (!this.#units.append(bytes, from, to, time)) {
      this.#broken = true;
      this.#out.damage(`an access unit of more than ${MAX_ACCESS_UNIT_BYTES} bytes`);
    }
    const whole = this.#stitched ? this.#units.takeWhole() : undefined;
    if (whole) this.#takeStretch(whole);
  }

  lost(): void {
    this.#open = undefined;
    // If PES packets are aligned to access units, the one before the loss is complete.
    if (this.#stitched) this.#units.clear();
    else this.#takeHeld();
    this.#broken = true;
  }

  flush(): void {
    this.#takeHeld();
    this.#deliver(undefined);
    this.#delay.flush();
    this.#broken = true;
  }

  get holds(): boolean {
    return !this.#units.isEmpty || this.#queue.length > 0 || this.#delay.holds;
  }

  get settles(): boolean {
    return !this.#stitched && !this.#untimed && this.#queue.isSteady;
  }

  settle(): boolean {
    if (this.#units.isHead) return false;
    this.#takeHeld();
    const { newest, time } = this.#queue;
    if (!newest || !time || newest.isHalf || !this.settles) return false;
    this.#settled = { ...time };
    this.#deliver(undefined);
    this.#queue.expectNext();
    return true;
  }

  restart(): void {
    this.#settled = undefined;
    this.#units.clear();
    this.#queue.restart();
    this.#delay.restart();
    this.#open = undefined;
    this.#broken = true;
  }

  /**
   * A PES without a time has the slices of the held access unit: the PES in which that begins has its time
   * (ISO/IEC 13818-1, 2.4.3.7).
   */
  #hasHeadFor(header: PesHeader, bytes: Uint8Array, from: number): boolean {
    if (header.pts !== undefined) return false;
    let at = from;
    while (bytes[at] === 0) at++;
    const first = bytes[at + 1];
    if (first !== undefined && this.#codec.continues?.(this.#codec.type(first)) === true) return true;
    return this.#units.isHead;
  }

  /** Decode time on the timeline; a waiting access unit with an invalid time is dropped. */
  #place(raw: number): number {
    const { time: waiting, lastDts: delivered } = this.#queue;
    if (waiting && delivered !== undefined) {
      const dts = this.#clock.peek(raw, delivered);
      if (dts < waiting.dts - MAX_STEP_BACK && dts > delivered && dts < delivered + 10 * PES_TIMESCALE) {
        this.#queue.drop();
        this.#out.damage(`a decode time ${waiting.dts - dts} ticks ahead of its successor`);
      }
    }
    const last = this.#queue.time?.dts ?? delivered;
    const placed = this.#clock.place(raw, last, (last ?? 0) + (this.#queue.step ?? USUAL_STEP));
    if (this.#clock.isSetBack) {
      this.#out.damage('the clock of the source was set back');
      this.#out.mayChange?.();
    }
    return placed;
  }

  #takeHeld(): void {
    const stretch = this.#units.take();
    if (stretch) this.#takeStretch(stretch);
  }

  /** Splits a range at its access units (H.264 7.4.1.2.3, HEVC 7.4.2.4.4). */
  #takeStretch({ bytes, from, to, time: firstTime, marks }: Stretch): void {
    try {
      findNals(bytes, from, to, stretchNals);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#out.damage(error.message);
      return;
    }
    let firstLeft = firstTime;
    let free = from - HEADROOM;
    let mark = 0;
    const { count, starts, ends } = stretchNals;
    for (let first = 0; first < count; ) {
      const end = this.#endOfUnit(bytes, first);
      const start = starts[first]! - 3; // of the start code
      let time = firstLeft;
      for (; mark < marks.length && marks[mark]!.at <= start; mark++) time = marks[mark]!.time;
      const used = this.#takeUnit(bytes, first, end, free, time);
      // A time that was not used is that of the next one, which begins in the same PES.
      if (used) firstLeft = undefined;
      else if (time && !firstLeft) mark--;
      first = end;
      free = ends[end - 1]!;
    }
  }

  /** The access unit that begins with a NAL unit of `stretchNals` ends before the one of this index. */
  #endOfUnit(bytes: Uint8Array, first: number): number {
    const codec = this.#codec;
    const { count, starts } = stretchNals;
    let sawSlice = false;
    for (let i = first; i < count; i++) {
      const start = starts[i]!;
      const type = codec.type(bytes[start]!);
      const isSlice = codec.role(type) === 'slice';
      if (sawSlice && (isSlice ? codec.startsPicture(bytes, start) : codec.beginsUnit(type))) return i;
      sawSlice ||= isSlice;
    }
    return count;
  }

  /**
   * One access unit, or a part of one.
   *
   * @param first of the NAL units in `stretchNals`, up to `end`
   * @param free first byte that may be overwritten
   * @returns whether `time` belongs to this unit
   */
  #takeUnit(bytes: Uint8Array, first: number, end: number, free: number, time: PictureTime | undefined): boolean {
    const codec = this.#codec;
    let sets: Uint8Array[] | undefined;
    let slice = -1;
    unitNals.count = 0;
    for (let i = first; i < end; i++) {
      const start = stretchNals.starts[i]!;
      const role = codec.role(codec.type(bytes[start]!));
      if (role === 'drop') continue;
      if (role === 'set' || role === 'kept set') {
        sets ??= [];
        sets.push(bytes.subarray(start, stretchNals.ends[i]!));
        if (role === 'set') continue;
      }
      const at = unitNals.count++;
      if (role === 'slice' && slice < 0) slice = at;
      unitNals.starts[at] = start;
      unitNals.ends[at] = stretchNals.ends[i]!;
    }
    if (sets?.some((nal) => !this.#sets.has(nal))) this.#takeSets(sets, time);
    // Before the first parameter sets no frame can be decoded: a start in the middle is no damage.
    if (!this.#sets.config || slice < 0) return slice >= 0;
    const sliceStart = unitNals.starts[slice]!;
    const starts = codec.startsPicture(bytes, sliceStart);
    const isFields = this.#sets.pictures?.fields === true;
    const head = isFields ? this.#sets.pictures?.read(bytes, sliceStart, unitNals.ends[slice]!) : undefined;
    const continues = !starts && this.#isRest(time);
    const { newest } = this.#queue;
    const key = codec.isKey(bytes, unitNals, continues && newest?.key === true);
    // After a loss the second field may be that of a later frame.
    const isOther = !continues && !this.#broken && newest?.isHalf === true && isOtherField(newest.head, head);
    if (continues && !newest && this.#settled && !this.#broken) {
      this.#out.damage('a part of an access unit came after the assembly deadline');
      this.#broken = true;
    }
    if (continues && (!newest || this.#broken)) return false;
    const data = toSample(bytes, free, unitNals);
    if (continues || isOther) {
      this.#extend(data, isOther ? undefined : key);
      return isOther;
    }
    if (!time && newest === undefined && this.#broken) return false;
    const isHalf = head?.field !== undefined;
    this.#push(time, { key, data, rest: undefined, bytes: data.length, head, isHalf });
    return true;
  }

  /** Whether slices that do not begin a picture continue the previous one. */
  #isRest(time: PictureTime | undefined): boolean {
    // Some encoders flag a picture with its own time as a continuation; some repeat the time in each PES of a
    // picture.
    const last = this.#queue.time ?? this.#settled;
    return this.#stitched || time === undefined || (time.dts === last?.dts && time.pts === last.pts);
  }

  #push(time: PictureTime | undefined, picture: Parameters<ReorderQueue['push']>[1]): void {
    const queue = this.#queue;
    if (time) {
      if (queue.time && time.dts > queue.time.dts) this.#deliver(time.dts);
      const last = queue.time?.dts ?? queue.lastDts;
      if (last !== undefined && time.dts <= last) {
        this.#out.damage(`a decode time ${last - time.dts} ticks back`);
        if (time.pts <= last) return;
        time.dts = last + 1;
      }
      this.#deliver(time.dts);
    } else {
      this.#untimed = true;
      // A first field without a second, and a full queue.
      if (queue.length >= MAX_WAITING) this.#deliver(undefined);
      if (picture.head === undefined) this.#readHeads(picture);
    }
    this.#broken = false;
    this.#settled = undefined;
    queue.push(time, picture);
  }

  /** Parses the slice headers that order pictures without a timestamp. */
  #readHeads(picture: Parameters<ReorderQueue['push']>[1]): void {
    for (const entry of [this.#queue.newest, picture]) {
      if (entry && !entry.head) entry.head = this.#headOf(entry.data);
    }
  }

  #headOf(sample: Uint8Array): PictureHead | undefined {
    const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
    for (let at = 0; at + 5 < sample.length; ) {
      const end = at + 4 + view.getUint32(at);
      const isSlice = this.#codec.role(this.#codec.type(sample[at + 4]!)) === 'slice';
      if (isSlice) return this.#sets.pictures?.read(sample, at + 4, end);
      at = end;
    }
    return undefined;
  }

  #takeSets(sets: readonly Uint8Array[], time: PictureTime | undefined): void {
    // The waiting pictures belong to the previous configuration.
    this.#deliver(time && this.#queue.time && time.dts > this.#queue.time.dts ? time.dts : undefined);
    this.#delay.flush();
    try {
      if (!this.#sets.take(sets.map((nal) => nal.slice()))) return;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#out.damage(`a malformed parameter set: ${error.message}`);
      if (!this.#sets.config) this.#out.refused(`${this.#codec.name} video (${error.message})`);
      return;
    }
    this.#out.configured({ kind: 'video', config: this.#sets.config!, timescale: PES_TIMESCALE });
  }

  /**
   * Appends to the last access unit.
   *
   * @param key whether it is still a key frame; undefined where the other field of a frame begins, which does
   *   not change that
   */
  #extend(data: Uint8Array, key: boolean | undefined): void {
    const newest = this.#queue.newest!;
    const pieces = 1 + (newest.rest?.length ?? 0);
    if (newest.bytes + data.length > MAX_ACCESS_UNIT_BYTES || pieces >= MAX_NALS) {
      this.#queue.drop();
      this.#broken = true;
      this.#out.damage(`an access unit of more than ${MAX_ACCESS_UNIT_BYTES} bytes or ${MAX_NALS} pieces`);
      return;
    }
    newest.rest ??= [];
    newest.rest.push(data);
    newest.bytes += data.length;
    if (key === undefined) newest.isHalf = false;
    else newest.key = key;
  }

  #deliver(nextDts: number | undefined): void {
    const rate = this.#sets.config?.frameRate;
    const nominal = rate === undefined ? undefined : Math.max(1, Math.round(PES_TIMESCALE / rate));
    this.#scale.bits = this.#sets.pictures?.orderBits ?? 0;
    this.#queue.deliver(nextDts, nominal, this.#scale);
  }
}

function isOtherField(first: PictureHead | undefined, second: PictureHead | undefined): boolean {
  return first !== undefined && second !== undefined && isSecondField(first, second);
}
