/**
 * What happens without the viewer: the stream comes and goes, lists end, decks fail, stall or are paused by others; the pace.
 * In: the stream's state, what the decks tell, a tick every 300 ms. Out: what the course is to do about it.
 */
import type { ErrorData } from 'hls.js';
import type { StreamView } from '../../../src/api/shapes.ts';
import { readFailure } from '../api/client.ts';
import type { Course } from './course.ts';
import type { Deck } from './deck.ts';
import type { LiveEdge } from './live-edge.ts';
import type { Loop } from './loop.ts';
import { Missing, missingPiece } from './missing.ts';
import type { Retry } from './retry.ts';
import type { Screen } from './screen.ts';
import { playbackFailure } from './settings.ts';
import type { Stalls } from './stalls.ts';
import { type Conditions, LONG_PAUSE_MS, type State } from './state.ts';
import type { Switching } from './switching.ts';

/** A viewer who catches up is live again within this of the target, seconds. */
const CAUGHT_UP_S = 0.3;
/** The page or the machine stood still for so long between two ticks: what happened meanwhile says nothing of the network. Milliseconds. */
const STOOD_MS = 1_000;
/** What a tick asks of the course is not asked again for so long, milliseconds. */
const ASKED_MS = 5_000;
/** A recording that ends so shortly before now is still being written, milliseconds. */
const NEAR_NOW_MS = 60_000;

/** Keeps one player going. */
export class Keeper {
  readonly #parts: Conditions;
  readonly #course: Course;
  readonly #state: State;
  readonly #screen: Screen;
  readonly #edge: LiveEdge;
  readonly #switching: Switching;
  readonly #stalls: Stalls;
  readonly #retry: Retry;
  readonly #loop: Loop;
  readonly #steadyMs: () => number;
  readonly #missing = new Missing();
  /** Where the recording goes on behind a piece that is missing ahead of the picture, and in which list; unix milliseconds. */
  #hole: { readonly hls: Deck['hls']; readonly toMs: number } | null = null;
  #tickedAt = Number.POSITIVE_INFINITY;
  #tickedWallMs = Number.POSITIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Conditions, course: Course) {
    this.#parts = parts;
    this.#course = course;
    this.#state = parts.state;
    this.#screen = parts.screen;
    this.#edge = parts.edge;
    this.#switching = parts.switching;
    this.#stalls = parts.stalls;
    this.#retry = parts.retry;
    this.#loop = parts.loop;
    this.#steadyMs = parts.steadyMs;
  }

  /** Tells what the stream does now; it comes back by itself when there is live media again. */
  streamChanged(view: StreamView): void {
    this.#state.streamLive = view.state === 'live';
    if (!this.#state.streamLive && this.#state.mode === 'live' && this.#stalls.takeBack()) this.#edge.takeBack();
    const frameRate = view.tracks?.find(({ kind }) => kind === 'video')?.frameRate;
    if (frameRate) for (const deck of [this.#screen.front, this.#screen.back]) deck.likelyFrameS = 1 / frameRate;
    const waits = this.#state.mode === 'offline' || (this.#state.failure !== null && this.#state.mode === 'live');
    if (this.#state.streamLive && waits && this.#state.wantPlay && this.#switching.to === null && !this.#retry.pending)
      this.#course.showLive();
    this.#parts.changed();
  }

  /** The picture of a deck waits for media. */
  waiting(deck: Deck): void {
    if (deck !== this.#screen.front || deck.video.seeking) return;
    this.#stalls.waits(this.#steadyMs());
    this.#parts.changed();
  }

  /** The list of a deck was loaded or has grown. */
  listed(deck: Deck): void {
    this.#course.alive(deck);
    const { front, back } = this.#screen;
    const gone = deck.kind === 'live' && deck.details?.live === false;
    if (gone && deck === back && this.#switching.to !== null) {
      // The list of a generation that is over: the next one is not there yet.
      this.#switching.drop();
      this.#lost(front.kind === null);
    } else if (
      gone &&
      deck === front &&
      this.#state.mode === 'live' &&
      this.#switching.to === null &&
      this.#state.streamLive
    ) {
      if (!this.#retry.pending) this.#lost(true); // it plays on to its end meanwhile
    } else if (deck === front && deck.kind === 'live') {
      this.#edge.listed(deck);
    }
  }

  /** A deck has played its list to the end. */
  ended(deck: Deck): void {
    if (deck !== this.#screen.front || this.#switching.to !== null) return;
    const { edgeMs } = deck;
    if (this.#loop.span) this.#course.show(this.#loop.span.fromMs);
    else if (deck.kind === 'past' && edgeMs !== null) this.#course.goTo(edgeMs + 2);
    else if (deck.kind === 'live' && this.#state.mode === 'shifted' && edgeMs !== null) this.#course.goTo(edgeMs + 2);
    else if (!this.#state.streamLive) this.#state.mode = 'offline';
    else if (!this.#retry.pending) this.#lost(true);
    this.#parts.changed();
  }

  /** hls.js gave up on a deck. */
  failed(deck: Deck, data: ErrorData): void {
    const failure = playbackFailure(data);
    const isBack = this.#switching.to !== null && deck === this.#screen.back;
    if (!isBack && deck !== this.#screen.front) return;
    const piece = deck.kind === 'past' ? missingPiece(data) : null;
    if (piece && isBack && this.#missing.first()) {
      this.#switching.drop();
      this.#course.stepOver(piece.toMs);
      return;
    }
    if (piece && !isBack && !this.#missing.ahead(piece)) {
      deck.hls?.stopLoad();
      this.#hole = { hls: deck.hls, toMs: piece.toMs }; // what is there before it is played first
      return;
    }
    const wasLive = deck.kind === 'live';
    const isRefused = failure.status >= 400 && failure.status < 500;
    const isTriedAgain = wasLive || !isBack || (this.#retry.turns > 0 && !isRefused);
    if (isBack) this.#switching.drop();
    else deck.hls?.stopLoad();
    if (wasLive && failure.code === 'stream-offline') {
      this.#course.goOffline();
      if (this.#state.streamLive) this.#lost(false); // it says that it is live: soon it will be
    } else if (data.type === 'networkError' && isTriedAgain) {
      if (!this.#screen.front.ready) this.#state.failure = failure;
      if (wasLive && (isBack || this.#state.mode !== 'shifted')) this.#state.mode = 'live';
      this.#lost(!isBack);
    } else if (isBack && this.#state.mode === 'shifted' && this.#retry.turns > 0) {
      this.#state.mode = 'live'; // where it was is not recorded
      this.#lost(false);
    } else if (isBack) {
      this.#course.refuse(failure);
    } else {
      this.#state.targetMs = null;
      this.#state.failure = failure;
      if (this.#state.mode === 'idle') this.#state.mode = 'live';
    }
    this.#parts.changed();
  }

  /** What played, or was to be played, is lost: it is tried again until it works. */
  #lost(soon: boolean): void {
    this.#retry.lost(this.#steadyMs(), { soon });
  }

  #tryAgain(): void {
    const { mode, targetMs, shownMs } = this.#state;
    const atMs = targetMs ?? shownMs;
    const isBehind = mode === 'shifted' || (mode === 'past' && this.#screen.front.kind === 'past');
    if (isBehind && atMs !== null) {
      this.#course.switchTo(this.#parts.sources.past(atMs));
    } else if (this.#state.streamLive) this.#course.switchTo(this.#parts.sources.live());
    else {
      this.#retry.done();
      this.#course.goOffline();
    }
  }

  /** Someone else plays the element on, who may have paused it too. */
  played(deck: Deck): void {
    const isOthers = !this.#state.wantPlay && !deck.video.paused;
    if (isOthers && deck === this.#screen.front && this.#switching.to === null) this.#course.togglePlay();
  }

  /** Someone else paused the element: a key of the keyboard, a headset, the picture in picture. */
  paused(deck: Deck): void {
    const { video } = deck;
    const expected =
      !video.paused ||
      !this.#state.wantPlay ||
      video.ended ||
      video.ownerDocument.hidden ||
      this.#state.mode === 'offline';
    if (deck === this.#screen.front && !expected && this.#switching.to === null) {
      this.#state.wantPlay = false;
      this.#state.pausedAt = this.#steadyMs();
    }
    this.#parts.changed();
  }

  /** The tab is shown again: what was going on before may have been stopped by the browser. */
  shownAgain(): void {
    const { front } = this.#screen;
    if (front.video.ownerDocument.hidden) return;
    this.#edge.restart();
    this.#stalls.begins(this.#steadyMs());
    if (this.#state.wantPlay && front.kind !== null && front.video.paused && this.#state.mode !== 'offline')
      this.#screen.play();
    this.#parts.changed();
  }

  /** Every 300 ms. */
  tick(): void {
    const at = this.#steadyMs();
    this.#watchClocks(at);
    this.#screen.front.look();
    if (this.#switching.to !== null) this.#screen.back.look();
    if (this.#switching.isOver(at)) this.#giveUp();
    if (this.#switching.to === null && this.#state.wantPlay && this.#retry.due(at)) this.#tryAgain();
    const { front } = this.#screen;
    if (this.#switching.to === null && !this.#retry.pending && !front.video.paused) {
      this.#watchStall(at, front);
      this.#watchHole(front);
    }
    this.#watchPause(at, front);
    const isShown = !front.video.ownerDocument.hidden;
    if (!front.video.paused && isShown && this.#switching.to === null) this.#pace(at, front);
    this.#parts.changed();
  }

  /** After a sleep of the machine or a page that was blocked, waiting is no stall of the network's. */
  #watchClocks(at: number): void {
    const wallMs = this.#parts.wallMs();
    const stoodMs = Math.max(at - this.#tickedAt, wallMs - this.#tickedWallMs);
    this.#tickedAt = at;
    this.#tickedWallMs = wallMs;
    const isShown = !this.#screen.front.video.ownerDocument.hidden; // else ticks are seldom anyway
    if (isShown && stoodMs > STOOD_MS) this.#stalls.begins(at);
  }

  /** Whether it is time to ask something of the course again, which is so every five seconds. */
  #mayAsk(at: number): boolean {
    if (at - this.#askedAt < ASKED_MS) return false;
    this.#askedAt = at;
    return true;
  }

  /** Nothing came of the switch. */
  #giveUp(): void {
    const { to } = this.#switching;
    const failure = readFailure(0, '');
    this.#switching.drop();
    if (to === 'past' && this.#retry.turns === 0) {
      this.#course.refuse(failure);
      return;
    }
    if (to === 'live') {
      this.#state.targetMs = null;
      this.#state.mode = 'live';
    }
    if (this.#screen.front.mediaTime === null) this.#state.failure = failure;
    this.#lost(false);
  }

  #watchStall(at: number, front: Deck): void {
    const { details, edgeMs, video } = front;
    // The event is not told of a picture that waits already when a seek or a blocked page is over.
    if (video.readyState < 3 && !video.ended) this.#stalls.waits(at);
    if (!this.#stalls.waiting || this.#state.mode === 'offline') return;
    if (front.kind === 'past' && details && video.currentTime > details.edge - 0.5) {
      const isNow = edgeMs !== null && this.#parts.now() - edgeMs < NEAR_NOW_MS;
      if ((details.live && !isNow) || !this.#mayAsk(at)) return;
      // Behind a hole in one of its tracks a list may end without the element saying so.
      if (!details.live) this.ended(front);
      else this.#course.showLive(); // the recording is played to its end
      return;
    }
    if (this.#state.mode === 'live' && !this.#state.streamLive) {
      if (this.#stalls.stands(at)) this.#course.goOffline();
      return;
    }
    const verdict = this.#stalls.look(at, !video.ownerDocument.hidden);
    if (verdict === 'fine' || this.#state.mode !== 'live') return;
    if (verdict === 'lost') {
      this.#stalls.begins(at);
      this.#lost(true);
      return;
    }
    if (verdict === 'stall') this.#edge.stalled();
    this.#edge.recover(front);
  }

  /** What lies before a missing piece has been played. */
  #watchHole(front: Deck): void {
    if (this.#hole === null || !this.#stalls.waiting) return;
    const { hls, toMs } = this.#hole;
    this.#hole = null;
    if (hls === front.hls) this.#course.stepOver(toMs);
  }

  #watchPause(at: number, front: Deck): void {
    if (this.#state.pausedAt === null || this.#state.wantPlay || at - this.#state.pausedAt <= LONG_PAUSE_MS) return;
    // The moment comes from its window when the viewer goes on: nothing need be loaded until then.
    if (front.kind === 'live' && front.hls?.loadingEnabled) front.hls.stopLoad();
  }

  #pace(at: number, front: Deck): void {
    if (front.kind === 'live') {
      if (this.#state.mode === 'live') {
        this.#edge.step(front);
        return;
      }
      if (this.#state.mode === 'shifted' && front.isLeaving && this.#state.shownMs !== null && this.#mayAsk(at)) {
        this.#course.goTo(this.#state.shownMs); // slower than the world: the live list will soon no longer have it
        return;
      }
      const lateS = this.#edge.lateS(front);
      if (
        this.#state.mode !== 'shifted' ||
        lateS === null ||
        this.#state.rate < 1 ||
        lateS > CAUGHT_UP_S ||
        this.#loop.span
      )
        return;
      this.#state.mode = 'live';
      this.#state.rate = 1;
      this.#course.applyRate(front);
      return;
    }
    const { details, edgeMs } = front;
    if (
      this.#state.mode !== 'past' ||
      this.#state.rate <= 1 ||
      !details?.live ||
      edgeMs === null ||
      this.#state.shownMs === null
    )
      return;
    const nearEdge = edgeMs - this.#state.shownMs < 2 * details.targetduration * 1000;
    const isNow = this.#parts.now() - edgeMs < 4 * details.targetduration * 1000;
    if (this.#state.streamLive && nearEdge && isNow && !this.#loop.span) this.#course.showLive();
  }
}
