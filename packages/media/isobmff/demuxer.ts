/**
 * Demuxes fragmented MP4: HLS and DASH segments, CMAF chunks, complete files.
 * In: init segments, media fragments and their events, in pieces of any length. Out: DemuxerOutput.
 * Pure. ISO/IEC 14496-12, 8.8; ISO/IEC 23000-19. What is held: one moof (4 MiB) and its mdat (64 MiB), and
 * events to come (1 MiB).
 */

import { sameBytes } from '../bytes.ts';
import { FormatError, OxbowError } from '../errors.ts';
import type { Demuxer, DemuxerOutput, Frame, Track } from '../frame.ts';
import { type LeftOutTrack, namesOf } from '../left-out.ts';
import { type Box, fourccAt, readBoxHead, u32At } from './box.ts';
import { ByteQueue } from './byte-queue.ts';
import { createDecodeOrder, type DecodeOrder } from './decode-order.ts';
import { parseEmsg } from './emsg.ts';
import { EventQueue } from './event-queue.ts';
import { isSync, parseMoof } from './fragment-reader.ts';
import { type MovieTrack, parseMoov, printInit } from './init.ts';
import { chooseTracks } from './movie/movie-choice.ts';
import { SampleForm } from './movie/sample-form.ts';

const MAX_HEAD_BYTES = 4 * 1024 * 1024;
const MAX_DATA_BYTES = 64 * 1024 * 1024;
const MAX_EVENT_BYTES = 256 * 1024;
/** Frames of other tracks that wait for the parameter sets of the first picture, and their bytes. */
const MAX_HELD = 2048;
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** mdat boxes that the samples of one moof lie in. */
const MAX_MDATS = 64;
/** What a segment or file may begin with; anything else is not this container. */
const FIRST_TYPES = new Set(
  'ftyp styp moov moof sidx ssix emsg prft free skip uuid mdat meta pdin wide mfra'.split(' '),
);

interface Line extends MovieTrack {
  /** As in the init; `form` has the last reported one. */
  readonly track: Track;
  readonly order: DecodeOrder;
  readonly form: SampleForm;
  /** Decode time at which the next fragment begins if it does not say, ticks as in the file. */
  next: number;
}

interface Sample {
  readonly line: Line;
  /** First byte, counted from the start of the moof. */
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  readonly absolute: boolean;
  readonly frame: Omit<Frame, 'data'>;
}

/** A demuxer whose input may have breaks in the timestamps. */
export interface Fmp4Demuxer extends Demuxer {
  /** The next bytes do not continue the timestamps: a new run. Delivers the held frames. */
  discontinuity(): void;
}

/**
 * Track ids in the output: video 1, others 2, 3, … in the order of the moov; a second video track and unknown
 * codecs are `leftOut`. Events of known schemes are `data` tracks from 250 on, which join when the first of
 * them comes. Where parameter sets stand in the samples (avc3, hev1) they are taken out, and new ones make a
 * new track. A frame's `dts` may be negative where an edit list or a shifted decode time reaches before 0.
 * Encrypted media is refused: `push` throws OxbowError `unsupported-media`.
 *
 * @param output gets `tracks` before the first fragment's frames and whenever the set differs
 */
export function createFmp4Demuxer(output: DemuxerOutput): Fmp4Demuxer {
  return new FragmentDemuxer(output);
}

/** Bytes to skip of a box that reaches to the end of the segment. */
const TO_THE_END = Number.POSITIVE_INFINITY;

/** Whether an mdat begins here that reaches to the end of the file or segment (4.2.2). */
function isOpenData(start: Uint8Array): boolean {
  return start.length >= 8 && u32At(start, 0) === 0 && fourccAt(start, 4) === 'mdat';
}

class FragmentDemuxer implements Fmp4Demuxer {
  readonly #output: DemuxerOutput;
  readonly #queue = new ByteQueue();
  /** Bytes of a box that is stepped over and have not come yet. */
  #skipping = 0;
  /** Bytes since the start of the file or segment. */
  #position = 0;
  #started = false;
  #failure: FormatError | OxbowError | undefined;
  /** The init that is in force, as we would print it. */
  #init: Uint8Array | undefined;
  #lines = new Map<number, Line>();
  #movie = new Map<number, MovieTrack>();
  /** Samples of the last moof whose bytes have not come yet. */
  #waiting: Sample[] = [];
  #moofPosition = 0;
  /** mdat boxes since then. */
  #mdats = 0;
  #reported = new Set<string>();
  /** Names of the tracks that `output` knows to be left out. */
  #leftOut = '';
  readonly #events = new EventQueue();
  /** The set of tracks that `output` knows is the one in force. */
  #announced = false;
  /** Frames that arrived before the tracks are known. */
  #held: Frame[] = [];
  #heldBytes = 0;

  constructor(output: DemuxerOutput) {
    this.#output = output;
  }

  push(bytes: Uint8Array): void {
    if (this.#failure) throw this.#failure;
    this.#queue.push(bytes);
    try {
      while (this.#step());
    } catch (error) {
      if (error instanceof FormatError || error instanceof OxbowError) {
        this.#failure = error;
        this.#queue.clear();
      }
      throw error;
    }
  }

  flush(): void {
    const head = this.#queue.peek(8);
    if (this.#waiting.length > 0 && isOpenData(head)) {
      this.#readMdat(this.#queue.take(this.#queue.length), head.length);
    } else if (this.#queue.length > 0 || (this.#skipping > 0 && this.#skipping !== TO_THE_END)) {
      this.#output.damage('the segment ended inside a box');
    }
    this.#queue.clear();
    this.#skipping = 0;
    this.#position = 0;
    this.#dropWaiting();
    for (const line of this.#lines.values()) line.order.flush();
    if (this.#held.length > 0) this.#announce({ incomplete: true });
  }

  discontinuity(): void {
    this.#dropWaiting();
    const events = this.#events.reset();
    if (events > 0) this.#output.damage(`${events} events lay behind the end of their media`);
    for (const line of this.#lines.values()) {
      line.order.reset();
      line.next = 0;
    }
  }

  /** Takes one box, or as much of it as has come; false when more bytes are needed. */
  #step(): boolean {
    if (this.#skipping > 0) {
      const skipped = this.#queue.skip(this.#skipping);
      this.#skipping -= skipped;
      this.#position += skipped;
      if (this.#skipping > 0) return false;
    }
    const start = this.#queue.peek(16);
    if (isOpenData(start)) return this.#waitForEnd();
    const head = start.length >= 8 ? this.#readHead(start) : undefined;
    if (!head) return false;
    const { type, size } = head;
    const isData = type === 'mdat' && this.#waiting.length > 0;
    const isHead = type === 'moov' || type === 'moof' || (type === 'emsg' && size <= MAX_EVENT_BYTES);
    if (!isData && !isHead) {
      if (type === 'mdat') this.#tellOnce('an mdat without a moof before it was stepped over');
      this.#started = true;
      this.#skipping = size;
      return true;
    }
    if (size > (isHead ? MAX_HEAD_BYTES : MAX_DATA_BYTES)) {
      throw new FormatError(`box '${type}' of ${size} bytes is too large`, this.#position);
    }
    if (this.#queue.length < size) return false;
    this.#started = true;
    const bytes = this.#queue.take(size);
    const box: Box = { type, start: 0, body: head.headLength, end: size };
    if (type === 'moov') this.#readMoov(bytes, box);
    else if (type === 'moof') this.#readMoof(bytes, box);
    else if (type === 'emsg') this.#readEmsg(bytes, box);
    else this.#readMdat(bytes, head.headLength);
    this.#position += size;
    return true;
  }

  /**
   * An mdat reaches to the end, where `flush` takes it; without samples that wait for it, it is stepped over.
   */
  #waitForEnd(): false {
    if (this.#queue.length > MAX_DATA_BYTES) {
      throw new FormatError(`box 'mdat' of ${this.#queue.length} bytes is too large`, this.#position);
    }
    if (this.#waiting.length === 0) {
      this.#tellOnce('an mdat without a moof before it was stepped over');
      this.#skipping = TO_THE_END;
      this.#queue.clear();
    }
    return false;
  }

  #readHead(start: Uint8Array): { type: string; size: number; headLength: number } | undefined {
    const head = readBoxHead(start, 0);
    if (!head) return undefined;
    if (!this.#started && !FIRST_TYPES.has(head.type))
      throw new FormatError('this is not fragmented MP4', this.#position);
    if (!/^[\x20-\x7e\xa9]{4}$/.test(head.type)) throw new FormatError('a box has no readable type', this.#position);
    return head;
  }

  #readMoov(bytes: Uint8Array, box: Box): void {
    this.#dropWaiting();
    const movie = parseMoov(bytes, box, { keepsOthers: true });
    const { chosen, leftOut } = chooseTracks(movie);
    this.#tellLeftOut(leftOut);
    const tracks: Track[] = [];
    const lines = new Map<number, Line>();
    for (const { source, track } of chosen) {
      if (source.manyEdits) this.#tellOnce(`track ${source.sourceId}: only the first edit is applied`);
      tracks.push(track);
      const form = new SampleForm(source, track);
      lines.set(source.sourceId, { ...source, track, order: this.#createOrder(track), form, next: 0 });
    }
    if (tracks.length === 0) {
      throw new FormatError(`no track that oxbow can take (${namesOf(leftOut) || 'no media'})`, this.#position);
    }
    tracks.sort((a, b) => a.id - b.id);
    const init = printInit(tracks);
    const same = this.#init !== undefined && sameBytes(init, this.#init);
    this.#movie = new Map(movie.map((item) => [item.sourceId, item]));
    if (same) {
      // The same init before each segment: lines keep their decode times, and take up ids and edits as they
      // are now.
      const before = [...this.#lines.values()];
      for (const line of lines.values()) {
        const old = before.find((other) => other.track.id === line.track.id)!;
        const { order, form, next } = old;
        lines.set(line.sourceId, { ...line, order, form, next });
      }
      this.#lines = lines;
      return;
    }
    this.#changeTracks(() => {
      this.#lines = lines;
      this.#init = init;
    });
  }

  /** Delivers the held frames under their tracks, before these change. */
  #changeTracks(change: () => void): void {
    for (const line of this.#lines.values()) line.order.flush();
    if (this.#held.length > 0) this.#announce({ incomplete: true });
    change();
    this.#announced = false;
  }

  /** @param incomplete tracks whose parameter sets have not come are left out; else they are waited for */
  #announce({ incomplete }: { incomplete: boolean }): void {
    const lines = [...this.#lines.values()];
    const complete = lines.filter(({ form }) => form.complete);
    if (!incomplete && complete.length < lines.length) return;
    if (complete.length < lines.length) this.#output.damage('pictures came without parameter sets');
    const tracks = complete.map(({ form }) => form.track).sort((a, b) => a.id - b.id);
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    if (tracks.length === 0) return;
    this.#announced = true;
    this.#output.tracks([...tracks, ...this.#events.tracks]);
    for (const frame of held) this.#output.frame(frame);
    if (complete.length < lines.length) this.#announced = false;
  }

  #emit(frame: Frame): void {
    if (this.#announced) {
      this.#output.frame(frame);
      return;
    }
    // A copy: a small sample would hold on to its whole mdat.
    this.#held.push({ ...frame, data: new Uint8Array(frame.data) });
    this.#heldBytes += frame.data.length;
    if (this.#held.length > MAX_HELD || this.#heldBytes > MAX_HELD_BYTES) this.#announce({ incomplete: true });
  }

  #readEmsg(bytes: Uint8Array, box: Box): void {
    const trackCount = this.#events.tracks.length;
    try {
      if (!this.#events.push(parseEmsg(bytes, box))) this.#tellOnce('too many events wait for their time');
    } catch (error) {
      // Other boxes do not end the media.
      if (!(error instanceof FormatError)) throw error;
      this.#output.damage(error.message);
    }
    if (this.#events.tracks.length > trackCount) this.#changeTracks(() => {});
  }

  #createOrder(track: Track): DecodeOrder {
    return createDecodeOrder(
      track.timescale,
      (frame) => this.#emit(frame),
      (reason) => this.#output.damage(`track ${track.id}: ${reason}`),
    );
  }

  #readMoof(bytes: Uint8Array, box: Box): void {
    this.#dropWaiting();
    this.#moofPosition = this.#position;
    this.#mdats = 0;
    if (this.#lines.size === 0) {
      this.#tellOnce('a fragment came before its init segment');
      return;
    }
    const fragments = parseMoof(bytes, box, (id) => this.#movie.get(id)?.defaults, this.#position);
    const samples: Sample[] = [];
    for (const fragment of fragments) {
      const line = this.#lines.get(fragment.trackId);
      if (!line) {
        if (!this.#movie.has(fragment.trackId)) this.#tellOnce(`a fragment of unknown track ${fragment.trackId}`);
        continue;
      }
      const { track, editShift } = line;
      let dts = (fragment.tfdt ?? line.next) + editShift;
      for (let i = 0; i < fragment.sizes.length; i++) {
        const duration = fragment.durations[i]!;
        const key = track.kind !== 'video' || isSync(fragment.flags[i]!);
        samples.push({
          line,
          offset: fragment.offsets[i]!,
          size: fragment.sizes[i]!,
          absolute: fragment.absolute,
          signed: fragment.signed && track.kind === 'video',
          frame: { trackId: track.id, dts, pts: dts + fragment.compositions[i]!, duration, key },
        });
        dts += duration;
      }
      if (!Number.isSafeInteger(dts)) throw new FormatError('decode times pass 2^53', this.#position);
      line.next = dts - editShift;
    }
    if (fragments.length > 1) {
      samples.sort((a, b) => a.frame.dts / a.line.track.timescale - b.frame.dts / b.line.track.timescale);
    }
    this.#waiting = samples;
    if (!this.#announced) this.#announce({ incomplete: false });
    if (samples.length > 0 && this.#events.tracks.length > 0) this.#takeEvents(samples);
  }

  #takeEvents(samples: readonly Sample[]): void {
    let [startS, endS] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { line, frame } of samples) {
      const { timescale } = line.track;
      startS = Math.min(startS, frame.pts / timescale);
      endS = Math.max(endS, (frame.pts + frame.duration) / timescale);
    }
    for (const frame of this.#events.take(startS, endS)) this.#emit(frame);
  }

  #readMdat(bytes: Uint8Array, headLength: number): void {
    // Each looks through all that wait.
    if (++this.#mdats > MAX_MDATS) {
      this.#dropWaiting();
      return;
    }
    const start = this.#position - this.#moofPosition;
    const from = start + headLength;
    const end = start + bytes.length;
    const slide = this.#waiting[0]?.absolute ? this.#slideInto(start, from, end) : 0;
    const later: Sample[] = [];
    let lost = 0;
    for (const sample of this.#waiting) {
      const at = sample.offset + slide - start;
      if (at >= bytes.length) later.push(sample);
      else if (at < headLength || at + sample.size > bytes.length || sample.size === 0) lost++;
      else this.#deliver(sample, bytes.subarray(at, at + sample.size));
    }
    this.#waiting = slide === 0 ? later : [];
    if (slide !== 0) lost += later.length;
    if (lost > 0) this.#output.damage(`${lost} samples lie outside their mdat`);
  }

  /**
   * How far samples with a base-data-offset are from where they say: it may count from the start of a file
   * that this is only a piece of. Then their data is taken from the mdat's start, also where some of it would
   * lie inside by chance.
   */
  #slideInto(start: number, from: number, end: number): number {
    let [first, last] = [Number.POSITIVE_INFINITY, 0];
    for (const { offset, size } of this.#waiting) {
      first = Math.min(first, offset);
      last = Math.max(last, offset + size);
    }
    const inside = first >= start && first <= end;
    const fitsOnlyMoved = last > end && last - first <= end - from;
    return inside && !fitsOnlyMoved ? 0 : from - first;
  }

  #deliver({ line, frame, signed }: Sample, bytes: Uint8Array): void {
    try {
      const { data, changed } = line.form.take(bytes, line.nalLengthBytes);
      if (changed && this.#announced) this.#changeTracks(() => {});
      if (changed) this.#announce({ incomplete: false });
      if (line.form.complete) line.order.push({ ...frame, data }, signed);
      else this.#tellOnce('pictures before the first parameter sets are left out');
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#output.damage(error.message);
    }
  }

  #dropWaiting(): void {
    if (this.#waiting.length > 0) this.#output.damage(`${this.#waiting.length} samples came without their bytes`);
    this.#waiting = [];
  }

  #tellLeftOut(tracks: readonly LeftOutTrack[]): void {
    const names = namesOf(tracks);
    if (names === this.#leftOut) return;
    this.#leftOut = names;
    this.#output.leftOut?.(tracks);
  }

  #tellOnce(reason: string): void {
    if (this.#reported.size > 100 || this.#reported.has(reason)) return;
    this.#reported.add(reason);
    this.#output.damage(reason);
  }
}
