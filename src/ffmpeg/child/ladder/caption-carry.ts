/**
 * Keeps the closed captions of pictures that a rung leaves out: the next picture that it encodes carries them
 * too.
 * In: decoded pictures with their side data. Out: the same. Native code: child processes only.
 */

import { joinTriplets } from '@oxbow/media/captions/merge';
import { AV_FRAME_DATA_A53_CC } from 'node-av/constants';
import type { Frame as Picture } from 'node-av/lib';

/** Triplets that wait at most, bytes: a broken source fills none of the memory. */
const MAX_BYTES = 3 * 31 * 16;

/** The captions that wait in one rung. */
export class CaptionCarry {
  #waiting: Uint8Array[] = [];
  #bytes = 0;

  /** The picture is not encoded now: its captions wait. */
  take(picture: Picture): void {
    const captions = picture.getSideData(AV_FRAME_DATA_A53_CC);
    if (!captions) return;
    if (this.#bytes + captions.length <= MAX_BYTES) {
      this.#waiting.push(Uint8Array.from(captions));
      this.#bytes += captions.length;
    }
    picture.removeSideData(AV_FRAME_DATA_A53_CC);
  }

  /** The picture is kept for a segment without a picture: its captions were shown. */
  forget(picture: Picture): void {
    picture.removeSideData(AV_FRAME_DATA_A53_CC);
  }

  /** The picture is encoded next: it gets the captions that wait before its own. */
  give(picture: Picture): void {
    if (this.#bytes === 0) return;
    this.take(picture);
    const { now, rest } = joinTriplets(this.#waiting);
    this.#waiting = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    if (now.length > 0) picture.newSideData(AV_FRAME_DATA_A53_CC, now.length).set(now);
  }
}
