/**
 * Watches playback and reports what no event reports: stalled pictures, playlists that end, the end of a
 * recording; runs the rate control of live.
 * In: a tick every 300 ms, what the buffers show. Out: events for the controller, speeds and small seeks of
 * the live edge.
 */
import type { PlaybackController, PlayerParts } from './playback-controller.ts';
import { LONG_PAUSE_MS } from './playback-state.ts';
import type { VideoBuffer } from './video/video-buffer.ts';

/** A viewer who catches up is live again within this of the target, seconds. */
const CAUGHT_UP_S = 0.3;
/**
 * If two ticks are further apart, the page or the machine was suspended, and a wait is not the network's
 * fault. Milliseconds.
 */
const SUSPENDED_MS = 1_000;
/** Shortest time between two requests of a tick, milliseconds. */
const RETRY_MS = 5_000;
/** A recording that ends this shortly before now is still being written, milliseconds. */
const NEAR_NOW_MS = 60_000;

/** Watches one player. */
export class Watchdog {
  readonly #parts: PlayerParts;
  readonly #controller: PlaybackController;
  #tickedAt = Number.POSITIVE_INFINITY;
  #tickedWallMs = Number.POSITIVE_INFINITY;
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: PlayerParts, controller: PlaybackController) {
    this.#parts = parts;
    this.#controller = controller;
  }

  /** The picture of a buffer waits for media. */
  waiting(buffer: VideoBuffer): void {
    const { buffers, edge, stalls, steadyMs, changed } = this.#parts;
    if (buffer !== buffers.front || buffer.video.seeking) return;
    if (this.#controller.isLive && !stalls.waiting && !stalls.isSettling(steadyMs())) edge.waits(buffer);
    stalls.waits(steadyMs());
    changed();
  }

  /** The tab is shown again: the browser may have stopped playback. */
  shownAgain(): void {
    const { buffers, edge, stalls, steadyMs, changed } = this.#parts;
    const { wantPlay, mode } = this.#controller.state;
    const { kind, video } = buffers.front;
    if (video.ownerDocument.hidden) return;
    edge.restart();
    stalls.begins(steadyMs());
    if (wantPlay && kind !== null && video.paused && mode !== 'offline') buffers.play();
    changed();
  }

  /** Every 300 ms. */
  tick(): void {
    const { buffers, steadyMs, changed } = this.#parts;
    const controller = this.#controller;
    const at = steadyMs();
    this.#watchClocks(at);
    buffers.front.look();
    if (controller.state.pending) buffers.back.look();
    controller.step({ type: 'tick' });
    const { front } = buffers;
    if (this.#isSteady && controller.state.retry.dueMs === null && !front.video.paused) {
      this.#watchStall(at, front);
      if (this.#parts.stalls.waiting) controller.step({ type: 'missing-segment-reached' });
    }
    this.#watchPause(at, front);
    if (!front.video.paused && !front.video.ownerDocument.hidden && this.#isSteady) this.#pace(at, front);
    changed();
  }

  /** No other source is being prepared. */
  get #isSteady(): boolean {
    return this.#controller.state.pending === null;
  }

  /** After a sleep of the machine or a page that was blocked, waiting is not a stall of the network. */
  #watchClocks(at: number): void {
    const wallMs = this.#parts.wallMs();
    const suspendedMs = Math.max(at - this.#tickedAt, wallMs - this.#tickedWallMs);
    this.#tickedAt = at;
    this.#tickedWallMs = wallMs;
    const isShown = !this.#parts.buffers.front.video.ownerDocument.hidden; // ticks of a hidden tab are rare anyway
    if (isShown && suspendedMs > SUSPENDED_MS) this.#parts.stalls.begins(at);
  }

  /** Whether a request is allowed now: at most one every five seconds. */
  #mayRequest(at: number): boolean {
    if (at - this.#probedAt < RETRY_MS) return false;
    this.#probedAt = at;
    return true;
  }

  #watchStall(at: number, front: VideoBuffer): void {
    const { stalls, edge } = this.#parts;
    const { mode, streamLive, inRoom } = this.#controller.state;
    const { details, video } = front;
    // The element sends no event if the picture already waits when a seek ends or the page resumes.
    if (video.readyState < 3 && !video.ended) stalls.waits(at);
    if (!stalls.waiting || mode === 'offline') return;
    if (front.kind === 'past' && details && video.currentTime > details.edge - 0.5) {
      if (!inRoom) this.#watchEnd(at, front);
    } else if (mode === 'live' && !streamLive) {
      if (stalls.hasWaited(at)) this.#controller.step({ type: 'starved' });
    } else {
      const verdict = stalls.look(at, !video.ownerDocument.hidden);
      if (verdict === 'fine' || mode !== 'live') return;
      if (verdict === 'stall') edge.stalled();
      if (verdict === 'lost') this.#controller.step({ type: 'lost' });
      else if (!inRoom) edge.recover(front);
    }
  }

  /** The end of a window's playlist is reached. */
  #watchEnd(at: number, { details, edgeMs }: VideoBuffer): void {
    const isOpen = details?.live === true;
    const isNow = edgeMs !== null && this.#parts.now() - edgeMs < NEAR_NOW_MS;
    if ((isOpen && !isNow) || !this.#mayRequest(at)) return;
    // After a hole in one of its tracks a playlist may end without an event of the element.
    this.#controller.step({ type: isOpen ? 'past-over' : 'ended' });
  }

  #watchPause(at: number, { kind, hls }: VideoBuffer): void {
    const { pausedAtMs, wantPlay } = this.#controller.state;
    if (pausedAtMs === null || wantPlay || at - pausedAtMs <= LONG_PAUSE_MS) return;
    // The position will be loaded from its window: nothing need be loaded until then.
    if (kind === 'live' && hls?.loadingEnabled) hls.stopLoad();
  }

  #pace(at: number, front: VideoBuffer): void {
    const { edge, now } = this.#parts;
    const { mode, shownMs, rate, loop, streamLive, inRoom } = this.#controller.state;
    const { details, edgeMs, kind } = front;
    if (inRoom) return; // the room's controller does this
    if (kind === 'live' && mode === 'live') {
      edge.step(front);
    } else if (kind === 'live' && mode === 'shifted') {
      const lateS = edge.lateS(front);
      // Slower than real time: the live list will soon no longer have the position.
      if (isLeaving(front) && shownMs !== null && this.#mayRequest(at)) this.#controller.step({ type: 'leaving' });
      else if (lateS !== null && rate >= 1 && lateS <= CAUGHT_UP_S && !loop)
        this.#controller.step({ type: 'caught-up' });
    } else if (mode === 'past' && rate > 1 && details?.live && edgeMs !== null && shownMs !== null) {
      const targetMs = details.targetduration * 1000;
      const isAtEnd = edgeMs - shownMs < 2 * targetMs && now() - edgeMs < 4 * targetMs;
      if (streamLive && isAtEnd && !loop) this.#controller.step({ type: 'past-over' });
    }
  }
}

/** The position is about to leave the live list of a buffer. */
function isLeaving({ details, picture: { mediaTime } }: VideoBuffer): boolean {
  return details !== null && mediaTime !== null && mediaTime < details.fragmentStart + details.targetduration;
}
