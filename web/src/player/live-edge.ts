/**
 * Keeps a live deck at its target: measures how late the picture is, lets the pace correct it, and sets the target back after a stall.
 * In: lists, frames and stalls of the deck in front. Out: speeds and seeks on that deck; figures for the snapshot.
 */
import { Aim } from './aim.ts';
import type { Deck } from './deck.ts';
import { Pace } from './pace.ts';
import type { Stalls } from './stalls.ts';

/** What the edge is measured with. */
export interface LiveEdgeParts {
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  /** A clock that nobody sets, milliseconds. */
  readonly steadyMs: () => number;
  readonly networkS: () => number | null;
  readonly stalls: Stalls;
}

/** What is kept between a seek and the end of the buffer, seconds. */
const TAIL_S = 0.15;
/** Later than this, and with less than that ahead, the buffer is not worth waiting for, seconds. */
const LOST_S = 4;
/** A list whose end goes back by more is of a source whose clock was set back, milliseconds. */
const SET_BACK_MS = 1_000;

/** The live edge of one stream. */
export class LiveEdge {
  readonly #parts: LiveEdgeParts;
  readonly #aim = new Aim();
  readonly #pace = new Pace();
  #deck: Deck | null = null;
  #endMs: number | null = null;
  /** It stands still, and was not sought out of that yet. */
  #stuck = false;

  constructor(parts: LiveEdgeParts) {
    this.#parts = parts;
  }

  /** Distance from the edge to play at, seconds. */
  get targetS(): number {
    return this.#aim.targetS;
  }

  /** The list of a deck was loaded or has grown. */
  listed(deck: Deck): void {
    const { details, edgeMs } = deck;
    if (!details || edgeMs === null) return;
    if (deck !== this.#deck) {
      this.#deck = deck;
      this.#endMs = null;
      this.#aim.restart();
      this.#pace.reset();
    }
    if (this.#endMs !== null && edgeMs < this.#endMs - SET_BACK_MS) this.#aim.restart();
    else if (this.#endMs !== null && edgeMs < this.#endMs + 1) return;
    this.#endMs = edgeMs;
    const promise = {
      partTargetS: details.partList?.length ? details.partTarget : 0,
      holdBackS: details.holdBack || 3 * details.targetduration,
    };
    this.#aim.listed(edgeMs, this.#parts.now(), promise, this.#parts.networkS() ?? 0);
  }

  /** From the world to the screen, seconds; null before the first frame. */
  totalS(deck: Deck): number | null {
    const { skewMs } = deck;
    return skewMs === null ? null : (this.#parts.now() - this.#parts.steadyMs() + skewMs) / 1000;
  }

  /** How much later the picture of a deck is than wished, seconds; null where that is not known. */
  lateS(deck: Deck): number | null {
    const totalS = this.totalS(deck);
    const { lineMs } = this.#aim;
    return deck !== this.#deck || totalS === null || lineMs === null
      ? null
      : totalS - lineMs / 1000 - this.#aim.targetS;
  }

  /** The picture stands still for want of media. */
  stalled(): void {
    this.#aim.stalled();
    this.#stuck = true;
  }

  /** That was no stall: the stream itself had ended. */
  takeBack(): void {
    this.#aim.takeBack();
  }

  /**
   * The picture still stands: once there is media again, a seek into it, one for each stall. Decoders take seconds to go on by
   * themselves after they ran dry; a seek takes none.
   */
  recover(deck: Deck): void {
    const { details, video } = deck;
    if (!this.#stuck || !details || video.seeking) return;
    const position = Math.min(video.currentTime + deck.aheadS, details.edge) - this.#aim.targetS;
    if (position <= video.currentTime + TAIL_S) return;
    this.#stuck = false;
    this.#seek(deck, position);
  }

  /** Another seek was made on the deck. */
  sought(): void {
    this.#pace.sought();
  }

  /** The tab is shown again, or the deck plays on: what was known of it is old. */
  restart(): void {
    this.#pace.reset();
  }

  /** One step; the deck plays live. Writes its speed only where that changes. */
  step(deck: Deck): void {
    const lateS = this.lateS(deck);
    if (lateS === null || deck.video.seeking) return;
    const { aheadS, video } = deck;
    const { rate, seekByS } = this.#pace.next({ lateS, aheadS });
    if (seekByS > 0) {
      const within = Math.min(seekByS, aheadS - TAIL_S);
      const position = deck.hls?.liveSyncPosition;
      if (lateS > LOST_S && within < lateS / 2 && position && position > video.currentTime) this.#seek(deck, position);
      else if (within > TAIL_S) this.#seek(deck, video.currentTime + within);
    }
    if (video.playbackRate !== rate) video.playbackRate = rate;
    this.#aim.smooth(aheadS, this.#parts.steadyMs());
  }

  #seek(deck: Deck, position: number): void {
    this.#parts.stalls.begins(this.#parts.steadyMs());
    deck.seekTo(position);
    this.#pace.sought();
  }
}
