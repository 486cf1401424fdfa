/**
 * The set of tracks of a connection: holds frames until the configurations of all expected tracks are known.
 * In: the first packet, configurations and frames of each track; the announced tracks. Out: `tracks`
 * before the first frame of any of them, and again when the set changes.
 */

import type { DemuxerOutput, Frame, Track } from '../frame.ts';
import { distinctLeftOut, type LeftOutTrack } from '../left-out.ts';
import type { FlvMetadata } from './metadata.ts';
import type { TrackSetup } from './track-output.ts';

const MAX_HELD_BYTES = 16 * 1024 * 1024;
const MAX_HELD_FRAMES = 4096;
/** A track without a configuration within this much media is omitted until it has one, ms. */
const MAX_WAIT_MS = 1000;
/**
 * The same for one that the metadata announces: a sender that joins within a GOP has the video with the next
 * key frame, ms.
 */
const MAX_ANNOUNCED_WAIT_MS = 2000;
/** Most tracks of each kind: their ids have to fit. */
const MAX_TRACKS = 16;

export type FlvKind = 'video' | 'audio';

/** One track that was seen. */
export interface Slot {
  readonly kind: FlvKind;
  /** As in messages. */
  readonly trackId: number;
  /** Id of the stream's track: the same for the same kind and number, in whatever order they arrive. */
  readonly id: number;
  setup: TrackSetup | undefined;
  refused: LeftOutTrack | undefined;
}

/** Whether tracks with this number are taken: 0 to 15. */
export function isTrackTaken(trackId: number): boolean {
  return trackId < MAX_TRACKS;
}

/** Holds frames until the tracks are known, then passes them on. */
export class FlvTrackSet {
  readonly #out: DemuxerOutput;
  readonly #slots: Slot[] = [];
  #metadata: FlvMetadata | undefined;
  #announced = false;
  #held: Frame[] = [];
  #heldBytes = 0;
  /** Time of the first message, ms. */
  #fromMs: number | undefined;

  constructor(out: DemuxerOutput) {
    this.#out = out;
  }

  /** A track is seen for the first time. */
  add(kind: FlvKind, trackId: number): Slot {
    const id = 1 + 2 * trackId + (kind === 'audio' ? 1 : 0);
    const slot: Slot = { kind, trackId, id, setup: undefined, refused: undefined };
    this.#slots.push(slot);
    this.#slots.sort((a, b) => a.id - b.id);
    return slot;
  }

  /** The sender announces its tracks. */
  announced(metadata: FlvMetadata): void {
    this.#metadata = metadata;
    if (this.#announced) return;
    this.#announceIfComplete();
  }

  configured(slot: Slot, setup: TrackSetup): void {
    // Waiting frames belong to the previous configuration.
    const isFollowed = slot.setup && this.#held.some(({ trackId }) => trackId === slot.id);
    if (isFollowed && !this.#announced) this.announce();
    slot.setup = setup;
    if (slot.refused) {
      slot.refused = undefined;
      this.#leftOut();
    }
    if (this.#announced) this.#tracks();
    else this.#announceIfComplete();
  }

  refused(slot: Slot, track: LeftOutTrack): void {
    if (slot.refused?.name === track.name) return;
    slot.refused = track;
    const had = slot.setup;
    slot.setup = undefined;
    this.#held = this.#held.filter(({ trackId }) => trackId !== slot.id);
    this.#leftOut();
    if (this.#announced && had) this.#tracks();
    else if (!this.#announced) this.#announceIfComplete();
  }

  frame(frame: Frame): void {
    if (this.#announced) {
      this.#out.frame(frame);
      return;
    }
    this.#held.push(frame);
    this.#heldBytes += frame.data.length;
    if (this.#heldBytes >= MAX_HELD_BYTES || this.#held.length >= MAX_HELD_FRAMES) this.announce();
  }

  /**
   * A message arrived: ends the wait after a second of media, after two for tracks that are announced.
   *
   * @param timeMs without wraps
   */
  at(timeMs: number): void {
    if (this.#announced) return;
    this.#fromMs ??= timeMs;
    const waitMs = this.#isAnnouncedToCome ? MAX_ANNOUNCED_WAIT_MS : MAX_WAIT_MS;
    if (Math.abs(timeMs - this.#fromMs) > waitMs) this.announce();
  }

  /** Ends the wait: reports the known tracks, if any, and passes on their frames. */
  announce(): void {
    if (this.#announced || !this.#slots.some(({ setup }) => setup)) return;
    this.#announced = true;
    this.#tracks();
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const frame of held) this.#out.frame(frame);
  }

  #announceIfComplete(): void {
    const { video = [], audio = [] } = this.#metadata ?? {};
    // Metadata that names no codec says nothing about the tracks.
    const isSilent = video.length + audio.length === 0;
    if (!this.#isKnown('video', isSilent ? [0] : video) || !this.#isKnown('audio', isSilent ? [0] : audio)) return;
    if (this.#slots.every(isSettled)) this.announce();
  }

  /** A track that the metadata announces has no configuration yet. */
  get #isAnnouncedToCome(): boolean {
    const { video = [], audio = [] } = this.#metadata ?? {};
    return !this.#isKnown('video', video) || !this.#isKnown('audio', audio);
  }

  #isKnown(kind: FlvKind, ids: readonly number[]): boolean {
    return ids.every((id) => this.#slots.some((slot) => slot.kind === kind && slot.trackId === id && isSettled(slot)));
  }

  #tracks(): void {
    const tracks: Track[] = [];
    for (const { kind, trackId, id, setup } of this.#slots) {
      const language = (kind === 'audio' ? this.#metadata?.languages.get(trackId) : undefined) ?? 'und';
      const label = (kind === 'audio' ? this.#metadata?.labels.get(trackId) : undefined) ?? '';
      if (setup) tracks.push({ id, language, label, ...setup } as Track);
    }
    if (tracks.length > 0) this.#out.tracks(tracks);
  }

  #leftOut(): void {
    const tracks = this.#slots.flatMap(({ refused }) => (refused ? [refused] : []));
    this.#out.leftOut?.(distinctLeftOut(tracks));
  }
}

function isSettled({ setup, refused }: Slot): boolean {
  return setup !== undefined || refused !== undefined;
}
