/**
 * Where the viewer is and how he gets where he wishes to be: live, shifted, in the past, offline; which deck plays what, and when they
 * change places. The table of states stands in docs/3-watch/player.md.
 * In: wishes, pictures of the decks. Out: loads, seeks, swaps on the screen; its state for the snapshot.
 */
import { type Failure, failureOf } from '../api/client.ts';
import type { Deck, Source } from './deck.ts';
import type { LiveEdge } from './live-edge.ts';
import type { Loop } from './loop.ts';
import { findMoment, type Moments } from './moments.ts';
import type { Retry } from './retry.ts';
import type { Screen } from './screen.ts';
import type { Snapshot } from './snapshot.ts';
import type { Stalls } from './stalls.ts';
import { type Conditions, LONG_PAUSE_MS, type State } from './state.ts';
import type { Switching } from './switching.ts';
import type { CourseState } from './tell.ts';

/** What a course is made of. */
export interface CourseParts extends Conditions {
  readonly recorded: Moments;
}

/** From one picture to the next: more than this was a seek, milliseconds. */
const JUMP_MS = 500;
/** A wish this near to now means now, milliseconds. */
const NOW_MS = 4_000;

/** Where the viewer is, and wishes to be, on one stream; `close` ends it. */
export class Course {
  readonly #parts: CourseParts;
  readonly #state: State;
  readonly #screen: Screen;
  readonly #edge: LiveEdge;
  readonly #switching: Switching;
  readonly #stalls: Stalls;
  readonly #retry: Retry;
  readonly #loop: Loop;
  readonly #steadyMs: () => number;
  #isFinding = false;
  #isClosed = false;
  /** The moment that was asked for last, where it could not be had; unix milliseconds. */
  #refusedMs: number | null = null;
  /** Counts wishes, so that a late answer to an old one is dropped. */
  #turn = 0;

  constructor(parts: CourseParts) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#screen = parts.screen;
    this.#edge = parts.edge;
    this.#switching = parts.switching;
    this.#stalls = parts.stalls;
    this.#retry = parts.retry;
    this.#loop = parts.loop;
    this.#steadyMs = parts.steadyMs;
  }

  /** What the snapshot tells of it. */
  get state(): CourseState {
    const { to } = this.#switching;
    const { kind, video } = this.#screen.front;
    const mode = this.#state.mode === 'idle' ? (to ?? 'idle') : this.#state.mode;
    const waits = video.readyState < 3 || video.seeking || this.#stalls.waiting;
    return {
      mode,
      loading: mode !== 'offline' && mode !== 'idle' && this.#state.failure === null && (to !== null || waits),
      // The first try is loading like any other.
      tryingLive: mode === 'live' && kind === 'past' && this.#retry.turns > 0,
      wantPlay: this.#state.wantPlay,
      switching: to !== null,
      rate: this.#state.rate,
      shownMs: this.#state.targetMs ?? this.#state.shownMs,
      failure: this.#state.failure,
      note: this.#state.note,
      stalls: this.#stalls.count,
      loop: this.#loop.span,
    };
  }

  /** As `Remote.goLive`. */
  goLive(): void {
    this.#state.note = null;
    this.showLive();
  }

  /** As `Remote.again`. */
  again(): void {
    const { mode, shownMs } = this.#state;
    const atMs = this.#refusedMs ?? (mode === 'past' || mode === 'shifted' ? shownMs : null);
    if (atMs === null) this.goLive();
    else this.goTo(atMs);
  }

  /** As `Remote.goTo`. */
  goTo(atMs: number, how: { readonly back?: boolean } = {}): void {
    this.#loop.leave(atMs);
    this.#state.note = null;
    const turn = ++this.#turn;
    this.#find(atMs, how.back ?? false, turn).catch((error: unknown) => {
      if (this.#isClosed) return;
      const failure = failureOf(error);
      if (turn === this.#turn) this.refuse(failure);
    });
  }

  /** What was asked for cannot be had: the picture that plays goes on with a note, and where none does that is told in its place. */
  refuse(failure: Failure): void {
    this.#isFinding = false;
    this.#refusedMs = this.#state.targetMs;
    this.#state.targetMs = null;
    const { front } = this.#screen;
    const isLost = this.#retry.turns > 0 || (this.#state.wantPlay && front.hls?.loadingEnabled === false);
    if (front.mediaTime === null || isLost) this.#state.failure = failure;
    else this.#state.note = { key: 'note.failed', failure };
    this.#changed();
  }

  /** Goes on behind a piece that cannot be had. @param toMs its end, unix milliseconds */
  stepOver(toMs: number): void {
    this.goTo(toMs + 2);
    this.#state.note = { key: 'note.missing', toMs };
    this.#changed();
  }

  /** As `Remote.togglePlay`. */
  togglePlay(): void {
    const { front } = this.#screen;
    this.#state.wantPlay = !this.#state.wantPlay || (front.video.paused && this.#switching.to === null);
    if (!this.#state.wantPlay) {
      this.#state.pausedAt = this.#steadyMs();
      front.video.pause();
      this.#screen.back.video.pause();
    } else if (this.#state.mode === 'offline' || this.#state.mode === 'idle') {
      this.goLive();
    } else if (this.#switching.to !== null) {
      this.#screen.back.video.play().catch(() => {}); // asked again once it is in front
    } else {
      this.#resume(front);
    }
    this.#changed();
  }

  /**
   * Pauses for steps from frame to frame.
   *
   * @returns the deck to step on; null while there is none
   */
  standStill(): Deck | null {
    const { front } = this.#screen;
    if (this.#switching.to !== null || front.mediaTime === null) return null;
    if (this.#state.wantPlay) this.#state.pausedAt = this.#steadyMs();
    this.#state.wantPlay = false;
    front.video.pause();
    if (this.#state.mode === 'live') this.#state.mode = 'shifted';
    this.#stalls.begins(this.#steadyMs());
    return front;
  }

  /** As `Remote.setRate`. */
  setRate(rate: number): void {
    this.#state.rate = Math.min(2, Math.max(0.5, rate));
    if (this.#state.mode === 'live' && this.#state.rate < 1) this.#state.mode = 'shifted';
    if (this.#state.mode === 'live')
      this.#state.rate = 1; // there is nothing to catch up with
    else this.applyRate(this.#screen.front);
    this.#changed();
  }

  /** As `Remote.setLoop`. */
  setLoop(span: Snapshot['loop']): void {
    this.#loop.set(span);
    const { span: looped } = this.#loop;
    if (looped && !this.#loop.holds(this.#state.targetMs ?? this.#state.shownMs)) this.goTo(looped.fromMs);
    this.#changed();
  }

  /** As `Remote.forgetNote`. */
  forgetNote(): void {
    this.#state.note = null;
    this.#changed();
  }

  /** Nothing is begun any more. */
  close(): void {
    this.#turn += 1;
    this.#isClosed = true;
  }

  /** As `goLive`, with the note that is told. */
  showLive(): void {
    this.#turn += 1;
    this.#isFinding = false;
    this.#refusedMs = null;
    this.#state.failure = null;
    this.#state.targetMs = null;
    this.#loop.leave(null);
    this.#state.wantPlay = true;
    this.#state.rate = 1;
    this.#retry.done();
    const { front } = this.#screen;
    const position = front.hls?.liveSyncPosition;
    if (!this.#state.streamLive) {
      this.goOffline();
    } else if (this.#plays(front) && front.kind === 'live' && typeof position === 'number') {
      this.#switching.drop();
      this.#state.mode = 'live';
      this.#seek(front, position);
      this.#screen.play();
    } else {
      this.switchTo(this.#parts.sources.live());
    }
    this.#changed();
  }

  /** There is nothing to show of now: the last picture stays until the stream is live. */
  goOffline(): void {
    const { front } = this.#screen;
    this.#switching.drop();
    this.#state.targetMs = null;
    this.#state.mode = 'offline';
    if (front.kind !== 'past') return;
    front.hls?.stopLoad();
    front.video.pause();
  }

  /** Finds what to show for a moment, and shows it. */
  async #find(wishedMs: number, back: boolean, turn: number): Promise<void> {
    const { recorded, now } = this.#parts;
    const { front } = this.#screen;
    this.#state.failure = null;
    this.#refusedMs = null;
    this.#retry.done();
    if (wishedMs > now() - NOW_MS && this.#state.streamLive) return this.showLive();
    this.#state.targetMs = wishedMs;
    this.#isFinding = true;
    this.#changed();
    const isListed = this.#plays(front) && front.positionOf(wishedMs) !== null;
    const moment = await findMoment(recorded, wishedMs, { back, isListed });
    if (turn !== this.#turn || this.#isClosed) return;
    if (!moment) {
      if (now() - wishedMs > LONG_PAUSE_MS) this.#state.note = { key: 'note.nothingAfter' };
      return this.showLive();
    }
    if (moment.skipped) this.#state.note = { key: 'note.skipped', skipped: moment.skipped };
    this.show(moment.atMs);
    this.#changed();
  }

  /** Shows a moment that is recorded, unix milliseconds. */
  show(atMs: number): void {
    const { front } = this.#screen;
    this.#state.targetMs = atMs;
    this.#isFinding = false;
    const position = this.#plays(front) ? front.positionOf(atMs) : null;
    if (position === null) {
      this.switchTo(this.#parts.sources.past(atMs));
      return;
    }
    this.#switching.drop();
    this.#state.mode = front.kind === 'live' ? 'shifted' : 'past';
    this.applyRate(front);
    this.#seek(front, position);
    if (this.#state.wantPlay) this.#screen.play();
  }

  /** The deck has a list that still serves. */
  #plays(deck: Deck): boolean {
    if (deck.hls?.loadingEnabled === false) return false; // stopped during a long pause
    return deck.details !== null && this.#state.mode !== 'offline' && !this.#retry.pending && this.#retry.turns === 0;
  }

  #seek(deck: Deck, position: number): void {
    this.#stalls.begins(this.#steadyMs());
    this.#edge.sought();
    deck.seekTo(position);
  }

  /** After a pause: where it was, from the same list while that has it. */
  #resume(front: Deck): void {
    const pausedMs = this.#state.pausedAt === null ? 0 : this.#steadyMs() - this.#state.pausedAt;
    this.#state.pausedAt = null;
    this.#edge.restart();
    this.#stalls.begins(this.#steadyMs());
    const isStopped = front.kind === 'live' && pausedMs > LONG_PAUSE_MS;
    if (
      isStopped ||
      (front.kind === 'live' && this.#state.shownMs !== null && front.positionOf(this.#state.shownMs) === null)
    ) {
      if (this.#state.shownMs !== null) {
        this.goTo(this.#state.shownMs);
        return;
      }
    }
    if (this.#state.mode === 'live') this.#state.mode = 'shifted';
    this.applyRate(front);
    this.#screen.play();
  }

  /** Prepares a source behind the picture. */
  switchTo(source: Source): void {
    this.#switching.begin(source, this.#state.wantPlay, this.#steadyMs());
  }

  /** Something came for a deck. */
  alive(deck: Deck): void {
    if (deck === this.#screen.back) this.#switching.alive(this.#steadyMs());
  }

  #swap(mode: Source['kind']): void {
    this.#switching.done();
    this.#screen.swap();
    const { front } = this.#screen;
    this.#state.mode = mode;
    this.#state.failure = null;
    this.#retry.done();
    this.#stalls.begins(this.#steadyMs());
    if (front.kind === 'live') this.#edge.listed(front);
    this.applyRate(front);
    if (this.#state.wantPlay) this.#screen.play();
    else front.video.pause();
  }

  /** The viewer's speed, where the pace has none of its own. */
  applyRate({ video }: Deck): void {
    const rate = this.#state.mode === 'live' ? 1 : this.#state.rate;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  /** A deck has a new picture. */
  framed(deck: Deck): void {
    const { front, back } = this.#screen;
    const { to } = this.#switching;
    const isNew = to !== null && deck === back && deck.ready;
    if (isNew) this.#swap(to);
    else if (deck !== front || !deck.ready) return;
    this.#stalls.flows(this.#steadyMs());
    if (this.#switching.to === null && !this.#isFinding) this.#state.targetMs = null;
    const shown = this.#screen.front;
    const beforeMs = this.#state.shownMs;
    this.#state.shownMs = shown.shownMs ?? beforeMs;
    const hasJumped = Math.abs((this.#state.shownMs ?? 0) - (beforeMs ?? 0)) > JUMP_MS;
    if (this.#state.mode === 'offline' && shown.kind === 'live' && !shown.video.paused && this.#state.streamLive)
      this.#state.mode = 'live';
    this.turnLoop();
    // Whoever sees the new picture marks its moment, not that of the one before.
    if (isNew || hasJumped || shown.video.paused) this.#changed();
  }

  /** At the end of the span that is looped, back to its start. */
  turnLoop(): void {
    if (this.#switching.to !== null || this.#state.targetMs !== null || !this.#state.wantPlay) return;
    const atMs = this.#loop.turn(this.#state.shownMs, this.#screen.front.frameS);
    if (atMs !== null) this.show(atMs);
  }

  #changed(): void {
    if (!this.#isClosed) this.#parts.changed();
  }
}
