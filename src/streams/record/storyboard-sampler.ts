/**
 * Picks the key frames of a stream's storyboard from the groups that are recorded: the first of every ten
 * seconds of UTC. Compares each picture with the one before.
 * In: groups of the packager, synchronously. Out: small pictures to recording/storyboard, changes of the
 * picture. Never slows the recorder: it copies the first fragment of the video and leaves the rest to the
 * queue.
 */

import { concatBytes } from '@oxbow/media/bytes';
import { readBoxHead } from '@oxbow/media/isobmff/box';
import { printInit } from '@oxbow/media/isobmff/init';
import type { SegmentGroup } from '@oxbow/media/segment';
import type { MakeKeyPicture } from '../../ffmpeg/engine.ts';
import { SLOT_US, type Storyboards, slotOf } from '../../recording/storyboard/storyboards.ts';
import type { StoryboardQueue } from './storyboard-queue.ts';

/** Largest sides of a picture, pixels: a vertical one has as many pixels as a horizontal one. */
const SIDE = 160;
/** Largest picture, bytes: 8,640 of them and their heads are 25 MB. */
const MAX_PICTURE_BYTES = 2860;
/** Longest distance of key frames that a picture reaches over, µs. */
const MAX_KEY_DISTANCE_US = 60_000_000;

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
  readonly queue: Pick<StoryboardQueue, 'offer'>;
  readonly makePicture: MakeKeyPicture;
  /** Whether pictures are wanted and the disk has room. */
  readonly mayMake: () => boolean;
  readonly counted: (result: PictureResult) => void;
}

/** The storyboard of one stream while it is recorded. */
export class StoryboardSampler {
  readonly #options: StoryboardSamplerOptions;
  readonly #closing = new AbortController();
  #slotUs = Number.NEGATIVE_INFINITY;
  #keyUs = Number.NEGATIVE_INFINITY;
  #keyDistanceUs = SLOT_US;
  #last: Promise<void> = Promise.resolve();
  /** The newest picture. */
  #seen: { readonly atUs: number; readonly luma: Uint8Array } | undefined;
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
    const { queue, counted, mayMake } = this.#options;
    const video = group.init.tracks.find(({ kind }) => kind === 'video');
    const segment = video && group.tracks.find(({ trackId }) => trackId === video.id);
    if (!video || !segment?.independent) return;
    const atUs = group.startUs;
    const distanceUs = atUs - this.#keyUs;
    this.#keyUs = atUs;
    if (distanceUs > 0 && distanceUs <= MAX_KEY_DISTANCE_US) this.#keyDistanceUs = distanceUs;
    if (slotOf(atUs) <= this.#slotUs || this.#closing.signal.aborted || !mayMake()) return;
    const start = firstFragment(segment.bytes);
    if (!start) return;
    const bytes = concatBytes([printInit([video]), start]);
    const done = Promise.withResolvers<void>();
    const reachMs = (SLOT_US + this.#keyDistanceUs) / 1000;
    const isTaken = queue.offer({
      bytes: bytes.length,
      run: () => this.#make(bytes, atUs, reachMs).finally(done.resolve),
    });
    if (!isTaken) {
      counted('dropped');
      return;
    }
    this.#slotUs = slotOf(atUs);
    this.#last = done.promise;
  }

  /** Takes no more groups; resolves when nothing of the stream is written any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#last;
  }

  async #make(bytes: Uint8Array, atUs: number, reachMs: number): Promise<void> {
    const { makePicture, storyboards, streamId, counted } = this.#options;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    try {
      const bounds = { width: SIDE, height: SIDE, maxBytes: MAX_PICTURE_BYTES };
      const { jpeg, luma } = await makePicture({ bytes, ...bounds }, { signal });
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
    this.#seen = { atUs, luma: luma.slice() };
    if (!before || atUs <= before.atUs || atUs - before.atUs > reachMs * 1000) return;
    const difference = differenceOf(luma, before.luma);
    this.#changed({ fromMs: before.atUs / 1000, toMs: atUs / 1000, difference });
  }
}

/** Mean difference of two grids of the same size. */
function differenceOf(grid: Uint8Array, other: Uint8Array): number {
  return grid.reduce((sum, luma, cell) => sum + Math.abs(luma - (other[cell] ?? luma)), 0) / grid.length;
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
