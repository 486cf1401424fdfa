/**
 * Picks the key frames of a stream's storyboard from the groups that are recorded: the first of ten seconds
 * of UTC, as often as their processor time allows, of the smallest quality that is live. Compares each
 * picture with the one before.
 * In: groups of the packager and of the smallest quality, synchronously. Out: small pictures to
 * recording/storyboard, changes of the picture. Never slows the recorder: it copies the first frame of the
 * video and leaves the rest to the queue.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { VideoTrack } from '@oxbow/media/frame';
import { readBoxHead } from '@oxbow/media/isobmff/box';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import type { SegmentGroup } from '@oxbow/media/segment';
import type { MakeKeyPicture } from '../../ffmpeg/engine.ts';
import { MAX_KEY_DISTANCE_US, SLOT_US, type Storyboards, slotOf } from '../../recording/storyboard/storyboards.ts';
import { PictureDistance } from './picture-distance.ts';
import type { StoryboardQueue } from './storyboard-queue.ts';

/** Largest sides of a picture, pixels: a vertical one has as many pixels as a horizontal one. */
const SIDE = 160;
/** Largest picture, bytes: 8,640 of them and their heads are 25 MB. */
const MAX_PICTURE_BYTES = 2860;
/** A quality that is later than this has no picture: it is made of the stream, µs. */
const LATE_US = 8_000_000;

/** What became of a picture. */
export type PictureResult = 'stored' | 'dropped' | 'failed';

/** How far two pictures of a stream that follow each other differ. */
export interface PictureChange {
  /** When they were shown, UTC in ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Mean difference of their luma in 16 × 16 cells, 0 to 255. */
  readonly difference: number;
}

/** What the sampler of a stream needs. */
interface StoryboardSamplerOptions {
  readonly streamId: string;
  readonly storyboards: Pick<Storyboards, 'append'>;
  readonly queue: Pick<StoryboardQueue, 'offer' | 'made'>;
  readonly makePicture: MakeKeyPicture;
  /** Whether pictures are wanted and the disk has room. */
  readonly mayMake: () => boolean;
  readonly counted: (result: PictureResult) => void;
  /** A picture took processor time; the next one is this far away. */
  readonly measured: (spent: { readonly cpuUs: number; readonly distanceUs: number }) => void;
  /** Whether a quality with fewer pixels is live, whose segments come through `takeSmaller`. */
  readonly hasSmaller: (pixels: number) => boolean;
}

/** What a picture is made of. */
interface PictureSource {
  readonly msn: number;
  /** µs since 1970. */
  readonly atUs: number;
  /** An init and a fragment of the key frame. */
  readonly bytes: Uint8Array;
}

/** The storyboard of one stream while it is recorded. */
export class StoryboardSampler {
  readonly #options: StoryboardSamplerOptions;
  readonly #closing = new AbortController();
  readonly #distance = new PictureDistance();
  /** Slot of the newest picture that was requested. */
  #slotUs = Number.NEGATIVE_INFINITY;
  #keyUs = Number.NEGATIVE_INFINITY;
  #keyDistanceUs = SLOT_US;
  #last: Promise<void> = Promise.resolve();
  /** The newest picture. */
  #seen: { readonly atUs: number; readonly reachMs: number; readonly luma: Uint8Array } | undefined;
  /** The group of the stream of which the smaller quality is awaited. */
  #awaited: Pick<PictureSource, 'msn' | 'atUs'> | undefined;
  /** The newest key frame of the smaller quality, if it came before the group of the stream. */
  #ahead: PictureSource | undefined;
  #changed: (change: PictureChange) => void = () => {};

  constructor(options: StoryboardSamplerOptions) {
    this.#options = options;
  }

  /** Sets the listener of changes. Pictures with a gap between them are not compared. */
  onChange(changed: (change: PictureChange) => void): void {
    this.#changed = changed;
  }

  /** Takes a group that is recorded. Never waits, never throws. */
  take(group: SegmentGroup): void {
    const { mayMake, hasSmaller } = this.#options;
    const video = videoOf(group);
    if (!video?.segment.independent) return;
    const { startUs: atUs, msn } = group;
    const distanceUs = atUs - this.#keyUs;
    this.#keyUs = atUs;
    if (distanceUs > 0 && distanceUs <= MAX_KEY_DISTANCE_US) this.#keyDistanceUs = distanceUs;
    if (!this.#isDue(atUs) || !mayMake()) return;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (hasSmaller(pixelsOf(video.track))) {
      this.#awaited ??= { msn, atUs };
      const isLate = atUs - this.#awaited.atUs >= LATE_US;
      if (ahead?.msn !== msn && !isLate) return;
    }
    const source = ahead?.msn === msn ? ahead : sourceOf(group);
    if (source) this.#offer(source);
  }

  /** Takes a segment of the smallest quality. Never waits, never throws. */
  takeSmaller(group: SegmentGroup): void {
    if (!this.#isDue(group.startUs) || !videoOf(group)?.segment.independent) return;
    const source = sourceOf(group);
    if (!source) return;
    if (this.#awaited && group.msn >= this.#awaited.msn) this.#offer(source);
    else this.#ahead = source;
  }

  /** Takes no more groups; resolves when nothing of the stream is written any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#last;
  }

  #isDue(atUs: number): boolean {
    return slotOf(atUs) - this.#slotUs >= this.#distance.us && !this.#closing.signal.aborted;
  }

  #offer({ atUs, bytes }: PictureSource): void {
    const { queue, counted } = this.#options;
    const keyDistanceUs = this.#keyDistanceUs;
    this.#awaited = undefined;
    const done = Promise.withResolvers<void>();
    const isTaken = queue.offer({
      bytes: bytes.length,
      run: () => this.#make(bytes, atUs, keyDistanceUs).finally(done.resolve),
    });
    if (!isTaken) {
      counted('dropped');
      return;
    }
    this.#slotUs = slotOf(atUs);
    this.#last = done.promise;
  }

  async #make(bytes: Uint8Array, atUs: number, keyDistanceUs: number): Promise<void> {
    const { makePicture, storyboards, streamId, counted, measured, queue } = this.#options;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    try {
      const bounds = { width: SIDE, height: SIDE, maxBytes: MAX_PICTURE_BYTES };
      const { jpeg, luma, cpuUs } = await makePicture({ bytes, ...bounds }, { signal });
      this.#distance.add(cpuUs, queue.made(streamId));
      const distanceUs = this.#distance.us;
      measured({ cpuUs, distanceUs });
      const reachMs = (distanceUs + keyDistanceUs) / 1000;
      this.#compare(atUs, luma, reachMs);
      if (await storyboards.append(streamId, { atUs, reachMs, jpeg })) counted('stored');
    } catch (error) {
      if (signal.aborted) return;
      counted('failed');
      throw error;
    }
  }

  #compare(atUs: number, luma: Uint8Array, reachMs: number): void {
    const before = this.#seen;
    this.#seen = { atUs, reachMs, luma: luma.slice() };
    // Either may reach over what is between them: distances change.
    const reachUs = 1000 * Math.max(reachMs, before?.reachMs ?? 0);
    if (!before || atUs <= before.atUs || atUs - before.atUs > reachUs) return;
    const difference = differenceOf(luma, before.luma);
    this.#changed({ fromMs: before.atUs / 1000, toMs: atUs / 1000, difference });
  }
}

/** The video of a group; undefined if it has none. */
function videoOf(
  group: SegmentGroup,
): { readonly track: VideoTrack; readonly segment: SegmentGroup['tracks'][number] } | undefined {
  const track = group.init.tracks.find((each) => each.kind === 'video');
  const segment = track && group.tracks.find(({ trackId }) => trackId === track.id);
  return segment && { track, segment };
}

/** Pixels of a video track. */
export function pixelsOf({ config: { width, height } }: VideoTrack): number {
  return width * height;
}

/** A copy of the first frame of the video; undefined if there is none. */
function sourceOf(group: SegmentGroup): PictureSource | undefined {
  const video = videoOf(group);
  const start = video && firstFrame(video.segment.bytes);
  if (!start) return undefined;
  return { msn: group.msn, atUs: group.startUs, bytes: concatBytes([printInit([video.track]), start]) };
}

/** Mean difference of two grids of the same size. */
function differenceOf(grid: Uint8Array, other: Uint8Array): number {
  return grid.reduce((sum, luma, cell) => sum + Math.abs(luma - (other[cell] ?? luma)), 0) / grid.length;
}

/** A fragment of only the first frame; undefined if there is none. */
export function firstFrame(segment: Uint8Array): Uint8Array | undefined {
  const frame = parseSegment(segment)?.[0];
  if (!frame) return undefined;
  const bytes = new Uint8Array(fragmentLength([frame]));
  printFragment(bytes, 0, { sequence: 1, trackId: frame.trackId, tfdt: frame.dts, frames: [frame] });
  return bytes;
}

/** The boxes up to the first mdat, which begin with the key frame; undefined if there is none. */
export function firstFragment(bytes: Uint8Array): Uint8Array | undefined {
  for (let at = 0; ; ) {
    const box = readBoxHead(bytes, at);
    if (!box) return undefined;
    at += box.size;
    if (box.type === 'mdat') return at <= bytes.length ? bytes.subarray(0, at) : undefined;
  }
}
