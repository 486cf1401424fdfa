/**
 * Demuxes the segments of one rendition; one demuxer is used while the container stays the same.
 * In: bytes of segments. Out: frames in groups, one per set of tracks.
 */

import { freeBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import type { Demuxer, DemuxerOutput, Frame, Track } from '@oxbow/media/frame';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { type LeftOutTrack, namesOf } from '@oxbow/media/left-out';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { createPackedAudioDemuxer } from '@oxbow/media/packed-audio/demuxer';
import { slabPool } from '../../../lib/memory/slab-pool.ts';
import { sameTrack } from '../../same-tracks.ts';
import { TrackChange } from '../../track-change.ts';
import { type Container, contentOf, describeForeign, withoutFront } from './container.ts';
import type { FetchedInit } from './segment-download.ts';
import type { SegmentMemory } from './segment-memory.ts';

/**
 * Frees the received bytes of a segment at once, or keeps their memory for the next one: left to collections,
 * which see only that buffers grow, it would cause more of them. The MPEG-TS demuxer has copied what it
 * keeps. Shorter pieces may be in a buffer that Node shares among small ones.
 */
function freeReceived(pieces: readonly Uint8Array[]): void {
  for (const piece of pieces) if (!slabPool.give(piece) && piece.length >= Buffer.poolSize / 2) freeBytes(piece);
}

/** Frames of one set of tracks, in the order of the container. */
export interface MediaGroup {
  readonly tracks: readonly Track[];
  readonly frames: Frame[];
  /**
   * Where its first picture is after the beginning of its segment, µs; default: after the groups before it.
   */
  readonly offsetUs?: number;
}

export interface DemuxedSegment {
  /** Its container; undefined for the rest of a segment after its parts. */
  readonly container?: Container;
  readonly groups: readonly MediaGroup[];
  /** Damage that the demuxer skipped. */
  readonly damages: readonly string[];
  /** The memory of its frames, if all of it may be used again; the next segment of the demuxer leaves it. */
  readonly memory?: SegmentMemory;
}

/**
 * Drops the frames of a published segment: variables of the caller's loop would keep them in memory until the
 * next segment.
 */
export function releaseFrames({ groups }: DemuxedSegment): void {
  for (const { frames } of groups) frames.length = 0;
}

const makers = { fmp4: createFmp4Demuxer, 'packed-audio': createPackedAudioDemuxer } as const;

export class SegmentDemux {
  #container: Container | undefined;
  #demuxer: (Demuxer & { discontinuity(): void; readonly holds?: boolean }) | undefined;
  #initId: string | undefined;
  #tracks: readonly Track[] = [];
  #groups: { tracks: readonly Track[]; frames: Frame[] }[] = [];
  #damages: string[] = [];
  #leftOut: readonly LeftOutTrack[] = [];
  readonly #onLeftOut: (tracks: readonly LeftOutTrack[]) => void;

  readonly #mpeg2: boolean;
  readonly #memory: SegmentMemory | undefined;

  /**
   * @param onLeftOut receives all tracks that oxbow cannot take, each time they change
   * @param options.mpeg2 MPEG-2 video of MPEG-TS is taken, to be converted
   * @param options.memory of the frames of MPEG-TS; default: new buffers
   */
  constructor(
    onLeftOut: (tracks: readonly LeftOutTrack[]) => void = () => {},
    {
      mpeg2 = false,
      memory,
    }: { readonly mpeg2?: boolean | undefined; readonly memory?: SegmentMemory | undefined } = {},
  ) {
    this.#onLeftOut = onLeftOut;
    this.#mpeg2 = mpeg2;
    this.#memory = memory;
  }

  /** Tracks of the segments that oxbow cannot take. */
  get leftOut(): readonly LeftOutTrack[] {
    return this.#leftOut;
  }

  /** Frames wait in it where the tracks change within a segment. */
  readonly #change = new TrackChange<undefined>({
    start: (tracks) => {
      this.#tracks = tracks;
      const group = this.#groups.at(-1);
      if (group && !hasOtherFrames(group, tracks)) group.tracks = tracks;
      else this.#groups.push({ tracks, frames: [] });
    },
    frame: (frame) => this.#add(frame),
    damage: (reason) => this.#damages.push(reason),
    requestKeyFrame() {},
  });

  readonly #output: DemuxerOutput = {
    tracks: (tracks) => {
      const group = this.#groups.at(-1);
      // At the beginning of a segment, sound and picture of the same change are reported one after the other.
      const begins = !this.#change.isOpen && !(group && hasOtherFrames(group, tracks));
      if (begins) this.#change.begin(tracks);
      else this.#change.take(tracks);
    },
    frame: (frame) => {
      if (this.#change.isOpen) this.#change.frame(frame, undefined);
      else this.#add(frame);
    },
    damage: (reason) => {
      this.#damages.push(reason);
    },
    mayChange: () => this.#change.expect(),
    leftOut: (tracks) => {
      if (namesOf(tracks) === namesOf(this.#leftOut)) return;
      this.#leftOut = tracks;
      this.#onLeftOut(tracks);
    },
  };

  #add(frame: Frame): void {
    let group = this.#groups.at(-1);
    if (!group) {
      group = { tracks: this.#tracks, frames: [] };
      this.#groups.push(group);
    }
    group.frames.push(frame);
  }

  /** The next segment does not continue the last one. */
  discontinuity(): void {
    this.#demuxer?.discontinuity();
    this.#change.end();
    // Access units that the demuxer still holds belong before the discontinuity; their segment has been
    // delivered.
    this.#groups = [];
  }

  /**
   * @param pieces a segment or a part, in order; emptied, so that the bytes are freed early: nothing else may
   *   use their buffers
   * @param init its Media Initialization Section
   * @param part index of the part within its segment; undefined for a complete segment
   * @throws FormatError for an unsupported container or too much damage; the next segment gets a new demuxer
   */
  demux(pieces: Uint8Array[], init: FetchedInit | undefined, part?: number): DemuxedSegment {
    this.#groups = [];
    this.#damages = [];
    this.#memory?.leave();
    try {
      const { head, container, front } = contentOf(pieces);
      if (!container) throw new FormatError(`the segment is ${describeForeign(head)}`, 0);
      const demuxer = this.#demuxerFor(container);
      if (init && init.id !== this.#initId) {
        demuxer.push(init.bytes);
        this.#initId = init.id;
      }
      for (const piece of withoutFront(pieces, front)) demuxer.push(piece);
      // A part of MPEG-TS may end within a frame; fragments are whole.
      if (part === undefined || container === 'fmp4') demuxer.flush();
      if (container === 'mpegts') freeReceived(pieces);
    } catch (error) {
      // What waits is of this segment; the next one begins with other groups.
      this.#change.end();
      this.#demuxer = undefined;
      this.#container = undefined;
      throw error;
    } finally {
      pieces.length = 0;
    }
    const media = { container: this.#container!, ...this.#take() };
    const isWhole = part === undefined && this.#demuxer?.holds === false;
    return this.#memory && isWhole ? Object.assign(media, { memory: this.#memory }) : media;
  }

  /** Flushes the demuxer at the end of a segment whose parts were demuxed. */
  end(): DemuxedSegment {
    this.#groups = [];
    this.#damages = [];
    this.#demuxer?.flush();
    return this.#take();
  }

  #take(): DemuxedSegment {
    this.#change.end();
    const groups = this.#groups.filter(({ frames }) => frames.length > 0);
    this.#groups = [];
    return { groups, damages: this.#damages };
  }

  #demuxerFor(container: Container): Demuxer {
    if (this.#demuxer && this.#container === container) return this.#demuxer;
    this.#container = container;
    this.#initId = undefined;
    this.#tracks = [];
    this.#demuxer =
      container === 'mpegts'
        ? createTsDemuxer(this.#output, { mpeg2: this.#mpeg2, memory: this.#memory })
        : makers[container](this.#output);
    return this.#demuxer;
  }
}

/** Whether a group has frames of tracks that are no longer the same, or are gone. */
function hasOtherFrames(group: MediaGroup, tracks: readonly Track[]): boolean {
  const ids = new Set<number>();
  for (const before of group.tracks) if (!tracks.some((track) => sameTrack(track, before))) ids.add(before.id);
  return ids.size > 0 && group.frames.some(({ trackId }) => ids.has(trackId));
}
