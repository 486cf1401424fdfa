/**
 * Turns the segments of one rendition into tracks and frames; one demuxer lives as long as the container stays the same.
 * In: bytes of whole segments. Out: frames in groups of one set of tracks.
 */
import { type LeftOutTrack, namesOf } from '../../../api/left-out.ts';
import { concatBytes } from '../../../lib/bytes.ts';
import { FormatError } from '../../../lib/errors.ts';
import type { Demuxer, DemuxerOutput, Frame, Track } from '../../../media/frame.ts';
import { createFmp4Demuxer } from '../../../media/isobmff/demuxer.ts';
import { createTsDemuxer } from '../../../media/mpegts/demuxer.ts';
import { createPackedAudioDemuxer } from '../../../media/packed-audio/demuxer.ts';
import { type Container, describeForeign, detectContainer } from './container.ts';
import type { FetchedInit } from './segment-download.ts';

/** So many bytes tell what a segment is. */
const HEAD_BYTES = 1024;

/** Frames of one set of tracks, in the order of the container. */
export interface MediaGroup {
  readonly tracks: readonly Track[];
  readonly frames: Frame[];
}

/** A segment, taken apart. */
export interface DemuxedSegment {
  /** What it came in. */
  readonly container?: Container;
  readonly groups: readonly MediaGroup[];
  /** What was wrong and stepped over. */
  readonly damages: readonly string[];
}

/** Forgets the frames of a segment that was published: a loop's variables live until the next one comes, and would hold them. */
export function releaseFrames({ groups }: DemuxedSegment): void {
  for (const { frames } of groups) frames.length = 0;
}

/** The first bytes, or all there are; without a copy where the first piece has them. */
function headOf(pieces: readonly Uint8Array[]): Uint8Array {
  let count = 0;
  for (let length = 0; count < pieces.length && length < HEAD_BYTES; count++) length += pieces[count]!.length;
  return count === 1 ? pieces[0]! : concatBytes(pieces.slice(0, count));
}

const makers = { mpegts: createTsDemuxer, fmp4: createFmp4Demuxer, 'packed-audio': createPackedAudioDemuxer } as const;

/** Takes segments apart. */
export class SegmentDemux {
  #container: Container | undefined;
  #demuxer: (Demuxer & { discontinuity(): void }) | undefined;
  #initId: string | undefined;
  #tracks: readonly Track[] = [];
  #groups: { tracks: readonly Track[]; frames: Frame[] }[] = [];
  #damages: string[] = [];
  #leftOut: readonly LeftOutTrack[] = [];
  readonly #onLeftOut: (tracks: readonly LeftOutTrack[]) => void;

  /** @param onLeftOut gets the tracks that cannot be taken, complete, each time they change */
  constructor(onLeftOut: (tracks: readonly LeftOutTrack[]) => void = () => {}) {
    this.#onLeftOut = onLeftOut;
  }

  /** The tracks of the segments that cannot be taken. */
  get leftOut(): readonly LeftOutTrack[] {
    return this.#leftOut;
  }

  readonly #output: DemuxerOutput = {
    tracks: (tracks) => {
      this.#tracks = tracks;
      this.#groups.push({ tracks, frames: [] });
    },
    frame: (frame) => {
      let group = this.#groups.at(-1);
      if (!group) {
        group = { tracks: this.#tracks, frames: [] };
        this.#groups.push(group);
      }
      group.frames.push(frame);
    },
    damage: (reason) => {
      this.#damages.push(reason);
    },
    leftOut: (tracks) => {
      if (namesOf(tracks) === namesOf(this.#leftOut)) return;
      this.#leftOut = tracks;
      this.#onLeftOut(tracks);
    },
  };

  /** What comes next does not continue what came. */
  discontinuity(): void {
    this.#demuxer?.discontinuity();
    // Access units that the demuxer still held belong before the break, and their segment has been delivered.
    this.#groups = [];
  }

  /**
   * @param pieces a whole segment, or a part of one, in order; the list is emptied, so that nobody holds its bytes longer than needed
   * @param init its Media Initialization Section
   * @param part index of the part within its segment, which goes on; undefined for a whole segment
   * @throws FormatError when it is no container that oxbow takes, or too damaged; the next segment is tried afresh
   */
  demux(pieces: Uint8Array[], init: FetchedInit | undefined, part?: number): DemuxedSegment {
    this.#groups = [];
    this.#damages = [];
    try {
      const head = headOf(pieces);
      const container = detectContainer(head);
      if (!container) throw new FormatError(`the segment is ${describeForeign(head)}`, 0);
      const demuxer = this.#demuxerFor(container);
      if (init && init.id !== this.#initId) {
        demuxer.push(init.bytes);
        this.#initId = init.id;
      }
      for (const piece of pieces) demuxer.push(piece);
      // A part of MPEG-TS may end within a frame; fragments are whole.
      if (part === undefined || container === 'fmp4') demuxer.flush();
    } catch (error) {
      this.#demuxer = undefined;
      this.#container = undefined;
      throw error;
    } finally {
      pieces.length = 0;
    }
    const groups = this.#groups.filter(({ frames }) => frames.length > 0);
    this.#groups = [];
    return { container: this.#container!, groups, damages: this.#damages };
  }

  /** The segment whose parts were given has ended: what the demuxer still held. */
  end(): DemuxedSegment {
    this.#groups = [];
    this.#damages = [];
    this.#demuxer?.flush();
    const groups = this.#groups.filter(({ frames }) => frames.length > 0);
    this.#groups = [];
    return { groups, damages: this.#damages };
  }

  #demuxerFor(container: Container): Demuxer {
    if (this.#demuxer && this.#container === container) return this.#demuxer;
    this.#container = container;
    this.#initId = undefined;
    this.#tracks = [];
    this.#demuxer = makers[container](this.#output);
    return this.#demuxer;
  }
}
