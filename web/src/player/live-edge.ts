/**
 * Keeps a live buffer at its target latency: measures how late the picture is, lets the rate controller
 * correct it, and raises the target after a stall.
 * In: lists, frames and stalls of the buffer in front. Out: speeds and seeks on that buffer; figures for the
 * snapshot.
 */
import { LatencyTarget } from './latency-target.ts';
import { RateController } from './rate-controller.ts';
import { bufferedAheadS } from './video/buffered.ts';
import type { Stalls } from './video/stalls.ts';
import type { VideoBuffer } from './video/video-buffer.ts';

/** What the edge is measured with. */
interface LiveEdgeParts {
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  /** A clock that is never set, milliseconds. */
  readonly steadyMs: () => number;
  readonly networkS: () => number | null;
  readonly stalls: Stalls;
  /** Another loader loads whole segments: it needs the distance that lists declare for them. */
  readonly isWhole: (buffer: VideoBuffer) => boolean;
}

/** Distance that a seek keeps from the end of the buffer, seconds. */
const TAIL_S = 0.15;
/** Later than this, and with less than that ahead, the buffer is not worth waiting for, seconds. */
const LOST_S = 4;
/** If the end of a list moves back by more than this, the clock of its source was set back; milliseconds. */
const SET_BACK_MS = 1_000;

/** The live edge of one stream. */
export class LiveEdge {
  readonly #parts: LiveEdgeParts;
  readonly #target = new LatencyTarget();
  readonly #rate = new RateController();
  #buffer: VideoBuffer | null = null;
  #endMs: number | null = null;
  /** UTC of the end of the buffer; null until the buffer reaches the end of the list. */
  #bufferedMs: number | null = null;
  /** The picture stalls, and no seek has followed yet. */
  #stuck = false;

  constructor(parts: LiveEdgeParts) {
    this.#parts = parts;
  }

  /** Distance from the edge to play at, seconds. */
  get targetLatencyS(): number {
    return this.#target.targetLatencyS;
  }

  /** The list of a buffer was loaded or has grown. */
  listed(buffer: VideoBuffer): void {
    const { details, edgeMs } = buffer;
    if (!details || edgeMs === null) return;
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#endMs = null;
      this.#bufferedMs = null;
      this.#target.restart();
      this.#rate.reset();
    }
    if (this.#endMs !== null && edgeMs < this.#endMs - SET_BACK_MS) {
      this.#bufferedMs = null;
      this.#target.restart();
    } else if (this.#endMs !== null && edgeMs < this.#endMs + 1) return;
    this.#endMs = edgeMs;
    const promise = {
      partTargetS: details.partList?.length && !this.#parts.isWhole(buffer) ? details.partTarget : 0,
      holdBackS: details.holdBack || 3 * details.targetduration,
    };
    this.#target.listed(edgeMs, this.#parts.now(), promise, this.#parts.networkS() ?? 0);
  }

  /** The buffer, which plays live, has grown. */
  arrived(buffer: VideoBuffer): void {
    const { details, video, picture } = buffer;
    if (buffer !== this.#buffer || this.#parts.isWhole(buffer) || !details?.partList?.length) return;
    const endS = video.currentTime + bufferedAheadS(video);
    const endMs = buffer.frames.timeOf(endS - 0.001);
    if (endMs === null || (this.#bufferedMs !== null && endMs < this.#bufferedMs + 1)) return;
    // Until it has reached the end of the list, it is filled with media that was there before.
    if (this.#bufferedMs === null && details.edge - endS > details.partTarget / 2) return;
    this.#bufferedMs = endMs;
    this.#target.arrived(endMs, this.#parts.now(), picture.frameS);
  }

  /** The picture waits for media, or for its decoder. */
  waits({ video }: VideoBuffer): void {
    this.#target.waits(bufferedAheadS(video));
  }

  /**
   * Total latency: server's time minus the programme time on the screen, seconds; null before the first
   * frame.
   */
  totalS(buffer: VideoBuffer): number | null {
    const { skewMs } = buffer.picture;
    return skewMs === null ? null : (this.#parts.now() - this.#parts.steadyMs() + skewMs) / 1000;
  }

  /** How much later than the target the picture of a buffer is, seconds; null if that is unknown. */
  lateS(buffer: VideoBuffer): number | null {
    const totalS = this.totalS(buffer);
    const { lineMs } = this.#target;
    return buffer !== this.#buffer || totalS === null || lineMs === null
      ? null
      : totalS - lineMs / 1000 - this.#target.targetLatencyS;
  }

  /** The picture stalls. */
  stalled(): void {
    this.#target.stalled();
    this.#stuck = true;
  }

  /** That stall does not count: the stream had ended. */
  undo(): void {
    this.#target.undo();
  }

  /**
   * The stall continues: as soon as there is media again, seeks into it, once for each stall. Decoders that
   * ran dry take seconds to continue by themselves; a seek takes none.
   */
  recover(buffer: VideoBuffer): void {
    const { details, video } = buffer;
    if (!this.#stuck || !details || video.seeking) return;
    const position = Math.min(video.currentTime + bufferedAheadS(video), details.edge) - this.#target.targetLatencyS;
    if (position <= video.currentTime + TAIL_S) return;
    this.#stuck = false;
    this.#seek(buffer, position);
  }

  /** The buffer has made a seek. */
  onSeek(): void {
    this.#bufferedMs = null;
    this.#rate.onSeek();
  }

  /** The tab is shown again, or the buffer continues after a pause: earlier measurements are void. */
  restart(): void {
    this.#bufferedMs = null;
    this.#rate.reset();
  }

  /** One step; the buffer plays live. Writes its speed only where that changes. */
  step(buffer: VideoBuffer): void {
    const lateS = this.lateS(buffer);
    if (lateS === null || buffer.video.seeking) return;
    const { video } = buffer;
    const aheadS = bufferedAheadS(video);
    const { rate, seekByS } = this.#rate.next({ lateS, aheadS });
    if (seekByS > 0) {
      const within = Math.min(seekByS, aheadS - TAIL_S);
      const position = buffer.hls?.liveSyncPosition;
      if (lateS > LOST_S && within < lateS / 2 && position && position > video.currentTime)
        this.#seek(buffer, position);
      else if (within > TAIL_S) this.#seek(buffer, video.currentTime + within);
    }
    if (video.playbackRate !== rate) video.playbackRate = rate;
    this.#target.smooth(aheadS, this.#parts.steadyMs());
  }

  #seek(buffer: VideoBuffer, position: number): void {
    this.#parts.stalls.begins(this.#parts.steadyMs());
    buffer.seekTo(position);
    this.onSeek();
  }
}
