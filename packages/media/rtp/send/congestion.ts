/**
 * Decides when a viewer's connection cannot carry the stream, so that its queue drops up to the next key
 * frame.
 * In: figures of the viewer after each of its reports, the bitrate sent. Out: a yes or no. Pure.
 *
 * The stream has one bitrate for all viewers: media is dropped only when the connection is far below it.
 * Random loss of 10 % is repaired by NACK and is no congestion.
 */
import type { ReceiverFigures } from './receiver-figures.ts';

/** Loss from which a connection counts as congested. */
const HIGH_LOSS = 0.25;
/** The bandwidth that the viewer reports is below this share of the bitrate. */
const LOW_BANDWIDTH = 0.6;
/** Queues in the network have grown by this much, ms. */
const LONG_QUEUE_MS = 1000;
/** This many reports one after another. */
const REPORTS = 3;
/** After a drop the connection recovers: reports of this time do not count, ms. */
const RECOVERY_MS = 3000;

/** Watches one viewer. */
export class CongestionWatch {
  #bad = 0;
  #seen = 0;
  #droppedMs = Number.NEGATIVE_INFINITY;

  /**
   * Whether the queue has to drop up to the next key frame now; true once for each period of congestion.
   *
   * @param sentBitrate of the stream, bits per second
   * @param nowMs any clock that does not go back
   */
  shouldDrop(figures: ReceiverFigures, sentBitrate: number, nowMs: number): boolean {
    if (figures.reports === this.#seen) return false;
    this.#seen = figures.reports;
    if (nowMs - this.#droppedMs < RECOVERY_MS) return false;
    this.#bad = isBad(figures, sentBitrate) ? this.#bad + 1 : 0;
    if (this.#bad < REPORTS) return false;
    this.#bad = 0;
    this.#droppedMs = nowMs;
    return true;
  }
}

function isBad({ lossRate, bitrate, roundTripMs, leastRoundTripMs }: ReceiverFigures, sentBitrate: number): boolean {
  if (lossRate >= HIGH_LOSS) return true;
  if (bitrate !== undefined && bitrate < LOW_BANDWIDTH * sentBitrate) return true;
  return roundTripMs !== undefined && leastRoundTripMs !== undefined && roundTripMs - leastRoundTripMs > LONG_QUEUE_MS;
}
