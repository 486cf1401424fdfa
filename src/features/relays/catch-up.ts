/**
 * The pace of media that is behind: a receiver that expects it in real time gets the GOP on the air a few
 * times as fast, not at once.
 * In: the frames that are sent, and a clock. Out: how long to wait. Pure.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';

/**
 * Media time that may be sent in a second of time, seconds: the beginning catches up with live, and no buffer
 * of a receiver overflows.
 */
const SPEED = 4;
/** Shorter waits are left out, ms. */
const LEAST_WAIT_MS = 20;

/** Paces one connection. */
export class CatchUp {
  /** Only its frames count: others may come long before or after those of the same time. */
  #reference: Pick<Track, 'id' | 'timescale'> | undefined;
  #from: { readonly mediaUs: number; readonly atMs: number } | undefined;

  /** Times begin again. */
  restart(reference: Pick<Track, 'id' | 'timescale'>): void {
    this.#reference = reference;
    this.#from = undefined;
  }

  /**
   * Takes a frame that was sent.
   *
   * @param nowMs monotonic, ms
   * @returns how long the next one should wait, ms; 0 for media that came in real time
   */
  sent({ trackId, dts }: Pick<Frame, 'trackId' | 'dts'>, nowMs: number): number {
    const reference = this.#reference;
    if (reference?.id !== trackId) return 0;
    const mediaUs = ticksToUs(dts, reference.timescale);
    const from = this.#from;
    const waitMs = from ? from.atMs + (mediaUs - from.mediaUs) / 1000 / SPEED - nowMs : 0;
    // Time without media is no credit: media that comes at once after it is paced as well.
    if (!from || waitMs < 0) this.#from = { mediaUs, atMs: nowMs };
    return waitMs >= LEAST_WAIT_MS ? waitMs : 0;
  }
}
