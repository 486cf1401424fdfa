/**
 * A segment of a stream as one of its derived qualities follows it: the cuts that are still to be reached,
 * and the audio next to it.
 * In: cuts and parts of the stream. Out: packager/follower. docs/media.md 6 and 15a.
 */
import type { AudioTrack, Track } from '@oxbow/media/frame';
import { isSparse } from '@oxbow/media/rendition-set';
import type { Part, TrackSegment } from '@oxbow/media/segment';
import type { Cut } from './cut-list.ts';
import type { Generation } from './generation.ts';
import type { SegmentOpening } from './live-segment.ts';
import type { LiveWindowWriter } from './live-window-writer.ts';

/** A cut within or at the end of a segment. */
export type Boundary = Extract<Cut, { kind: 'part' | 'close' }>;

/**
 * Media of the quality in a segment: none yet; some; some, and what follows is not decodable; none, listed as
 * a GAP; none, and the quality is not live in this generation yet.
 */
type FollowedState = 'waiting' | 'media' | 'broken' | 'gap' | 'skipped';

export class FollowedSegment {
  readonly opening: SegmentOpening;
  /** Media time at which it begins, µs. */
  readonly atUs: number;
  readonly generation: Generation;
  /** Run of the stream whose timestamps it has, without those that only correct the clock. */
  readonly timeline: number;
  /** Audio that is muxed with the quality; undefined where audio is its own rendition. */
  readonly audio: AudioTrack | undefined;
  /** Audio and video tracks of the stream. */
  readonly mediaTracks: number;
  /** Cuts that the quality has not reached. */
  readonly boundaries: Boundary[] = [];
  state: FollowedState = 'waiting';
  /** µs, when it is closed. */
  durationUs = 0;
  video: TrackSegment | undefined;
  /** The stream has sealed it. */
  sealed: { readonly audio: TrackSegment | undefined } | undefined;
  #audioParts: Part[] = [];
  #isOpen = false;

  constructor({ opening, atUs, generation, tracks }: Extract<Cut, { kind: 'open' }>, timeline: number) {
    this.opening = opening;
    this.atUs = atUs;
    this.generation = generation;
    this.timeline = timeline;
    this.audio = muxedAudio(tracks);
    this.mediaTracks = tracks.filter((track) => !isSparse(track)).length;
  }

  /** The stream has closed it. */
  get isCut(): boolean {
    return this.boundaries.at(-1)?.kind === 'close';
  }

  /** UTC of a media time, µs since 1970. */
  utcOf(us: number): number {
    return this.opening.run.utcOffsetUs + us;
  }

  /** Adds a part of the stream's audio, to the window once the segment is open there. */
  addAudio(trackId: number, part: Part, listWriter: LiveWindowWriter): void {
    if (trackId !== this.audio?.id) return;
    if (this.#isOpen) listWriter.addPart(this.opening.msn, trackId, part);
    else this.#audioParts.push(part);
  }

  /** The window has the segment from now on. */
  opened(listWriter: LiveWindowWriter): void {
    this.#isOpen = true;
    for (const part of this.#audioParts) listWriter.addPart(this.opening.msn, this.audio!.id, part);
    this.#audioParts = [];
  }
}

/** The audio track if there is exactly one: it is muxed with each quality (docs/media.md 15a). */
function muxedAudio(tracks: readonly Track[]): AudioTrack | undefined {
  const audio = tracks.filter((track) => track.kind === 'audio');
  return audio.length === 1 ? audio[0] : undefined;
}
