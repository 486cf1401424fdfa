/**
 * The set of tracks: holds frames until the configurations of all tracks are known.
 * In: the streams that the PMT declares, their configurations and frames. Out: `tracks` before the first
 * frame of any of them.
 */

import type { DemuxerOutput, Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { rescale } from '../rescale.ts';
import type { TrackFrame, TrackSetup } from './elementary.ts';
import { PES_TIMESCALE, TURN } from './timestamps.ts';

/** A second of 50 Mbps with its key frame, the longest wait of a track, and as much again. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
const MAX_HELD_FRAMES = 4096;
/**
 * A track without a configuration within this much media is omitted until it has one, ticks of 90 kHz: 1 s.
 */
const MAX_HELD_MEDIA = PES_TIMESCALE;
/** The same for the sound of a live feed, which the PMT names before it comes, ticks of 90 kHz: 2 s. */
const MAX_HELD_FOR_SOUND = 2 * PES_TIMESCALE;
/**
 * The same for the video of a live feed, which has its parameter sets with the next key frame, ticks of 90
 * kHz: 10 s.
 */
const MAX_HELD_FOR_VIDEO = 10 * PES_TIMESCALE;

/** One declared stream. */
export interface Slot {
  /** Track id. */
  readonly id: number;
  readonly kind: Track['kind'];
  readonly language: string;
  /** Undefined until its parameter sets or first header arrive; metadata has it from the start. */
  setup: TrackSetup | undefined;
  /** Its media is not supported. */
  refused?: LeftOutTrack | undefined;
  /** Segments with packets of it but no frame; undefined before the first packet. */
  unread?: number;
}

/** Holds frames until the tracks are known, then passes them on. */
export class TrackSet {
  readonly #out: DemuxerOutput;
  readonly #isLive: boolean;
  #slots: readonly Slot[] = [];
  #announced = false;
  #held: { slot: Slot; frame: TrackFrame }[] = [];
  #heldBytes = 0;
  /** Time of the first held video or audio frame, ticks of 90 kHz. */
  #heldFrom: number | undefined;
  /** Clock periods added so that no time is below 0, ticks of 90 kHz. */
  #base = 0;

  /**
   * @param options.live a feed that was joined in the middle: what comes long before the first video is
   *   dropped
   */
  constructor(out: DemuxerOutput, { live }: { readonly live: boolean }) {
    this.#out = out;
    this.#isLive = live;
  }

  /** Frames wait for the configuration of a track. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Declares other streams: passes on the held frames of the old ones, then waits for the new ones. */
  declare(slots: readonly Slot[]): void {
    this.announce();
    this.#slots = slots;
    this.#announced = false;
    this.#announceIfComplete();
  }

  /** A stream has a new configuration. */
  configured(slot: Slot, setup: TrackSetup): void {
    if (slot.setup && !this.#announced) this.announce(); // waiting frames belong to the previous configuration
    slot.setup = setup;
    if (!this.#slots.includes(slot)) return;
    if (this.#announced) this.#tracks();
    else this.#announceIfComplete();
  }

  /** A frame of a configured stream. */
  frame(slot: Slot, frame: TrackFrame): void {
    if (this.#announced) {
      this.#deliver(slot, frame);
      return;
    }
    this.#held.push({ slot, frame });
    this.#heldBytes += frame.data.length;
    const full = this.#heldBytes >= MAX_HELD_BYTES || this.#held.length >= MAX_HELD_FRAMES;
    // Metadata may have any time, so it does not measure the wait.
    const isData = slot.setup?.kind === 'data';
    const dts90 = dts90Of(slot, frame);
    if (!isData) this.#heldFrom ??= dts90;
    const media = isData ? 0 : Math.abs(dts90 - this.#heldFrom!);
    const waitsForVideo = this.#isLive && this.#slots.some(isVideoToCome);
    if (waitsForVideo && !isData) this.#dropBefore(dts90 - MAX_HELD_MEDIA);
    const waitsForSound = this.#isLive && this.#slots.some(isSoundToCome);
    const most = waitsForVideo ? MAX_HELD_FOR_VIDEO : waitsForSound ? MAX_HELD_FOR_SOUND : MAX_HELD_MEDIA;
    if (media >= most || full) this.announce();
    if (full && !this.#announced) this.#dropHeld();
  }

  /** Drops held frames that no video will accompany. */
  #dropBefore(dts90: number): void {
    let count = 0;
    for (const { slot, frame } of this.#held) {
      if (dts90Of(slot, frame) >= dts90) break;
      this.#heldBytes -= frame.data.length;
      count++;
    }
    if (count > 0) this.#held.splice(0, count);
  }

  /** Drops the held frames: too much metadata before any media. */
  #dropHeld(): void {
    this.#out.damage(`${this.#held.length} frames of metadata before any media`);
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Ends the wait: reports the known tracks, if any, and passes on their frames. */
  announce(): void {
    if (this.#announced || !this.#slots.some((slot) => slot.setup && slot.setup.kind !== 'data')) return;
    this.#announced = true;
    this.#tracks();
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#heldFrom = undefined;
    if (held.some(({ slot, frame }) => slot.setup?.kind !== 'data' && dts90Of(slot, frame) + this.#base < 0))
      this.#base += TURN;
    for (const { slot, frame } of held) this.#deliver(slot, frame);
  }

  /** A new timeline begins. */
  restart(): void {
    this.#base = 0;
  }

  #announceIfComplete(): void {
    if (this.#slots.every((slot) => slot.setup)) this.announce();
  }

  #tracks(): void {
    const tracks: Track[] = [];
    for (const { id, language, setup } of this.#slots) {
      if (setup) tracks.push({ id, language, label: '', ...setup } as Track);
    }
    this.#out.tracks(tracks);
  }

  #deliver(slot: Slot, frame: TrackFrame): void {
    const shift = this.#base === 0 ? 0 : rescale(this.#base, PES_TIMESCALE, slot.setup!.timescale);
    const { dts, pts, duration, key, data } = frame;
    if (dts + shift < 0) {
      this.#out.damage('a frame before the start of the timeline');
      return;
    }
    frame.trackId = slot.id;
    if (shift === 0) this.#out.frame(frame);
    else this.#out.frame({ trackId: slot.id, dts: dts + shift, pts: pts + shift, duration, key, data });
  }
}

/** Decode time of a frame of a configured stream, ticks of 90 kHz. */
function dts90Of({ setup }: Slot, { dts }: TrackFrame): number {
  return setup ? rescale(dts, setup.timescale, PES_TIMESCALE) : dts;
}

/** Whether a slot is of sound that has not come. */
function isSoundToCome({ kind, setup, refused }: Slot): boolean {
  return kind === 'audio' && !setup && !refused;
}

/** Whether a slot is of video that has not had its parameter sets. */
function isVideoToCome({ kind, setup, refused }: Slot): boolean {
  return kind === 'video' && !setup && !refused;
}
