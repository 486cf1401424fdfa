/**
 * Cuts the frames of an original at key frames of its reference track, and puts them on the clock of the
 * asset.
 * In: frames on the clock of the container. Out: groups of frames between two cuts; the list of cuts.
 * docs/media.md 6.
 */
import { assetRun, assetTicks, clockStartFor } from '@oxbow/media/asset-time';
import type { Frame, Track } from '@oxbow/media/frame';
import { Column } from '@oxbow/media/isobmff/movie/sample-table';
import { type Run, ticksToUs, usToTicks } from '@oxbow/media/run';
import { type ImportLimits, refused } from './limits.ts';
import { APART_US } from './sound-span.ts';

/**
 * A key frame begins a segment after at least this: GOPs of 2 s make segments of 4 s, also where a frame is
 * missing. µs
 */
const TARGET_US = 4_000_000;
const LEAST_US = 3_500_000;
/** A picture without a key frame for longer is not cut: players could not seek in it. µs */
const MOST_US = 20_000_000;
/** Tracks that are later than the reference by more are not waited for. µs */
const LATE_US = 10_000_000;
/** Frames that wait for other tracks, bytes. */
const MAX_WAITING_BYTES = 192 * 1024 * 1024;
/** Sound that begins earlier than the picture by less is kept, e.g. what primes its decoder. µs */
const EARLY_US = 200_000;
/** Sound that ends later than the picture by less belongs to the last segment. µs */
const OVERHANG_US = 10_000_000;
/** An encoder with B-frames decodes pictures at most this many earlier than it shows them. */
export const REORDERED = 2;

/** The frames between two cuts. */
export interface CutGroup {
  /** µs since the start of the asset. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly run: Run;
  /** On the clock of the asset, by track id; a track without frames is absent. */
  readonly frames: ReadonlyMap<number, readonly Frame[]>;
}

/** A stretch that begins with a key frame of the reference. */
interface Open {
  readonly startUs: number;
  /** On the clock of the container, as all frames that wait. */
  readonly reference: Frame[];
  /** Start of the next one. */
  endUs: number | undefined;
}

interface Follower {
  readonly track: Track;
  /** Ticks that the clock of the container is behind the times of the asset. */
  readonly shift: number;
  frames: Frame[];
  /** Time of the newest frame, µs. */
  edgeUs: number;
}

/** Cuts one original. */
export class Cutter {
  readonly #reference: Track;
  readonly #limits: ImportLimits;
  readonly #tracks: readonly Track[];
  #followers: readonly Follower[] = [];
  #shift = 0;
  #originUs: number | undefined;
  #clockStartUs: number | undefined;
  /** Frames of other tracks before the origin is known. */
  #early: Frame[] = [];
  #open: Open[] = [];
  #edgeUs = 0;
  #waitingBytes = 0;
  #lastKeyUs = 0;
  #hasRareKeys = false;
  #skipped = 0;
  /** Time of the first frame of another track that was left out, µs. */
  #earliestUs = 0;
  #apartUs = 0;
  #cutUs: number[] = [];
  #ready: CutGroup[] = [];
  #endUs = 0;
  /** Times of all frames of the reference, µs since the start of the asset. */
  readonly times: Column<Float64Array> = new Column(new Float64Array(1024));

  /** @param tracks the first is the reference */
  constructor(tracks: readonly Track[], limits: ImportLimits) {
    this.#tracks = tracks;
    this.#reference = tracks[0]!;
    this.#limits = limits;
  }

  /** Time of the container at which the asset begins, µs. */
  get originUs(): number {
    return this.#originUs ?? 0;
  }

  /** Time of the media clock when the asset begins, µs: known with the first group. */
  get clockStartUs(): number {
    return this.#clockStartUs ?? clockStartFor(0, this.#reference.timescale);
  }

  /** There is a stretch of 20 s without a key frame: the tracks cannot be stored as they are. */
  get hasRareKeys(): boolean {
    return this.#hasRareKeys;
  }

  /** Frames before the first key frame. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Sound before the first picture that was left out, µs. */
  get earlyUs(): number {
    return -this.#earliestUs;
  }

  /** Sound with another clock, behind everything else, that was left out; µs. */
  get apartUs(): number {
    return this.#apartUs;
  }

  /** Start of each group, µs. */
  get cuts(): readonly number[] {
    return this.#cutUs;
  }

  /** End of the last frame, µs. */
  get endUs(): number {
    return this.#endUs;
  }

  /** Takes frames; each track in decode order. */
  push(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.trackId === this.#reference.id) this.#cut(frame);
      else if (this.#originUs === undefined) this.#hold(frame);
      else this.#follow(frame);
    }
    this.#settle(false);
  }

  /** No more frames come. */
  end(): void {
    const last = this.#open.at(-1);
    if (last) this.#endUs = Math.max(this.#endUs, this.#edgeUs);
    this.#settle(true);
  }

  /** The groups that are complete. */
  take(): readonly CutGroup[] {
    return this.#ready.splice(0);
  }

  #hold(frame: Frame): void {
    this.#early.push(frame);
    this.#waitingBytes += frame.data.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) throw refused('The picture begins too late after the sound.');
  }

  #begin(frame: Frame): void {
    const { timescale, kind } = this.#reference;
    const firstUs = ticksToUs(frame.pts, timescale);
    // Sound before zero primes the decoder of what an edit list shows.
    this.#originUs = kind === 'audio' && firstUs < 0 && firstUs > -EARLY_US ? 0 : firstUs;
    const origin = this.#originUs === firstUs ? frame.pts : 0;
    this.#shift = -origin;
    this.#followers = this.#tracks.slice(1).map((track) => ({
      track,
      shift: usToTicks(-this.#originUs!, track.timescale),
      frames: [],
      edgeUs: Number.NEGATIVE_INFINITY,
    }));
    this.#waitingBytes = 0;
    for (const early of this.#early.splice(0)) this.#follow(early);
  }

  /** Takes a frame of the reference. */
  #cut(frame: Frame): void {
    if (this.#originUs === undefined) {
      if (!frame.key) {
        this.#skipped++;
        return;
      }
      this.#begin(frame);
    }
    this.#check(frame, this.#reference);
    const us = ticksToUs(frame.pts + this.#shift, this.#reference.timescale);
    const endUs = ticksToUs(frame.pts + frame.duration + this.#shift, this.#reference.timescale);
    const open = this.#open.at(-1);
    this.times.push(us);
    if (this.times.length > this.#limits.maxFrames) throw refused('The film has too many frames.');
    if (!open) this.#start(Math.max(0, us));
    else if (frame.key && us - open.startUs >= (this.#reference.kind === 'audio' ? TARGET_US : LEAST_US)) {
      open.endUs = us;
      this.#start(us);
    }
    if (frame.key) this.#lastKeyUs = us;
    else if (us - this.#lastKeyUs > MOST_US) this.#hasRareKeys = true;
    this.#open.at(-1)!.reference.push(frame);
    this.#edgeUs = Math.max(this.#edgeUs, endUs);
    this.#endUs = Math.max(this.#endUs, endUs);
    this.#waitingBytes += frame.data.length;
  }

  #start(startUs: number): void {
    this.#cutUs.push(startUs);
    this.#open.push({ startUs, reference: [], endUs: undefined });
  }

  #follow(frame: Frame): void {
    const follower = this.#followers.find(({ track }) => track.id === frame.trackId);
    if (!follower) return;
    const us = timeOf(frame.pts, follower);
    if (us < -EARLY_US) {
      this.#earliestUs = Math.min(this.#earliestUs, us);
      return;
    }
    this.#check(frame, follower.track);
    follower.edgeUs = Math.max(follower.edgeUs, us);
    follower.frames.push(frame);
    this.#waitingBytes += frame.data.length;
  }

  #check({ duration }: Frame, { timescale, id }: Track): void {
    if (duration > this.#limits.maxFrameS * timescale || duration > 0xffff_ffff) {
      const hours = duration / timescale / 3600;
      throw refused(`A frame of track ${id} lasts ${hours.toFixed(1)} hours. At most ten minutes are accepted.`);
    }
  }

  /** The frames of a group on the clock of the asset. @param shift of the track */
  #moved(frames: readonly Frame[], shift: number, { timescale, id }: Track): Frame[] {
    const ticks = shift + assetTicks(0, timescale, this.clockStartUs);
    return frames.map(({ trackId, dts, pts, duration, key, data }) => {
      if (dts + ticks < 0 || pts - dts > 0xffff_ffff) throw refused(`Track ${id} is decoded long before it is shown.`);
      return { trackId, dts: dts + ticks, pts: pts + ticks, duration, key, data };
    });
  }

  /**
   * How much earlier than the asset the decode times of its first group begin, and those of its encoded
   * pictures may. µs
   */
  #neededUs(reference: readonly Frame[], others: ReadonlyMap<Follower, readonly Frame[]>): number {
    const { timescale, kind } = this.#reference;
    const earliest = (frames: readonly Frame[], shift: number, perSecond: number) =>
      frames.reduce((most, { dts }) => Math.max(most, -ticksToUs(dts + shift, perSecond)), 0);
    const referenceUs = earliest(reference, this.#shift, timescale);
    const otherUs = [...others].map(([{ shift, track }, frames]) => earliest(frames, shift, track.timescale));
    const lengthUs = ticksToUs(
      reference.reduce((sum, { duration }) => sum + duration, 0),
      timescale,
    );
    const encodedUs = kind === 'video' ? (REORDERED * lengthUs) / Math.max(1, reference.length) : 0;
    return Math.max(referenceUs, encodedUs, ...otherUs);
  }

  /** Closes the stretches whose other tracks have come. */
  #settle(isEnd: boolean): void {
    for (let first = this.#open[0]; first; first = this.#open[0]) {
      const { endUs } = first;
      if (endUs === undefined) break;
      const waits = this.#followers.some(({ edgeUs }) => edgeUs < endUs) && this.#edgeUs - endUs < LATE_US;
      if (waits && !isEnd && this.#waitingBytes < MAX_WAITING_BYTES) return;
      this.#open.shift();
      this.#emit(first, endUs, endUs);
    }
    const last = this.#open[0];
    if (isEnd && last) {
      this.#open.shift();
      const endUs = this.#edgeUs;
      for (const follower of this.#followers) this.#dropApart(follower, endUs);
      const soundUs = Math.max(endUs, ...this.#followers.map((other) => other.edgeUs));
      const isShort = soundUs - endUs <= OVERHANG_US;
      this.#emit(last, endUs, isShort ? Number.POSITIVE_INFINITY : endUs);
      if (!isShort) this.#emitSound(endUs, soundUs);
    } else if (!isEnd && last && last.reference.length > 0 && this.#waitingBytes > MAX_WAITING_BYTES) {
      throw refused('A stretch without a key frame is too large.');
    }
  }

  /** A track that begins long after everything else has another clock: the distance is no silence. */
  #dropApart(follower: Follower, pictureUs: number): void {
    const { track, frames } = follower;
    const lengthUs = ({ duration }: Frame) => ticksToUs(duration, track.timescale);
    let endUs = pictureUs;
    const first = frames.findIndex((frame) => {
      const us = timeOf(frame.pts, follower);
      if (us > endUs + APART_US) return true;
      endUs = Math.max(endUs, us + lengthUs(frame));
      return false;
    });
    if (first < 0) return;
    follower.frames = frames.slice(0, first);
    follower.edgeUs = timeOf(follower.frames.at(-1)?.pts ?? 0, follower);
    for (const frame of frames.slice(first)) this.#apartUs += lengthUs(frame);
  }

  /** Sound continues after the picture: segments with only sound. */
  #emitSound(fromUs: number, toUs: number): void {
    for (let startUs = fromUs; startUs <= toUs; startUs += TARGET_US) {
      const endUs = Math.min(startUs + TARGET_US, Math.max(toUs, startUs + 1));
      const isLast = startUs + TARGET_US > toUs;
      this.#cutUs.push(startUs);
      this.#emit({ startUs, reference: [], endUs }, endUs, isLast ? Number.POSITIVE_INFINITY : endUs);
    }
  }

  /** @param untilUs frames of other tracks that begin before it belong to the group */
  #emit({ startUs, reference }: Open, endUs: number, untilUs: number): void {
    const others = new Map<Follower, readonly Frame[]>();
    for (const follower of this.#followers) {
      let count = 0;
      while (count < follower.frames.length && timeOf(follower.frames[count]!.pts, follower) < untilUs) count++;
      const taken = follower.frames.slice(0, count);
      follower.frames = follower.frames.slice(count);
      if (taken.length > 0) others.set(follower, taken);
      for (const { pts, duration } of taken) this.#endUs = Math.max(this.#endUs, timeOf(pts + duration, follower));
    }
    this.#clockStartUs ??= clockStartFor(this.#neededUs(reference, others), this.#reference.timescale);
    const frames = new Map<number, readonly Frame[]>();
    if (reference.length > 0) frames.set(this.#reference.id, this.#moved(reference, this.#shift, this.#reference));
    for (const [{ shift, track }, taken] of others) frames.set(track.id, this.#moved(taken, shift, track));
    for (const trackFrames of frames.values()) for (const { data } of trackFrames) this.#waitingBytes -= data.length;
    const run = assetRun(this.#clockStartUs);
    this.#ready.push({ startUs, durationUs: Math.max(1, endUs - startUs), run, frames });
  }
}

/** Time of the asset, µs. @param ticks of the container */
function timeOf(ticks: number, { shift, track }: Pick<Follower, 'shift' | 'track'>): number {
  return ticksToUs(ticks + shift, track.timescale);
}

/**
 * A regular grid on the times of frames, for an original that cannot be cut at its own key frames.
 *
 * @param times in any order, µs since the start of the asset
 * @param endUs of the sound, where it continues after them
 * @returns start of each segment, µs; the first is 0
 */
export function gridOf(times: Float64Array, endUs = 0): number[] {
  const cuts = [0];
  for (const us of times.toSorted()) if (us - cuts.at(-1)! >= TARGET_US) cuts.push(us);
  const last = times.length > 0 ? times.reduce((most, us) => Math.max(most, us)) : 0;
  if (endUs - last > OVERHANG_US) for (let us = last + TARGET_US; us < endUs; us += TARGET_US) cuts.push(us);
  return cuts;
}
