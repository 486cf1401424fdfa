/**
 * Plays one stream: holds the state of playback, and performs the effects of its transitions on the two
 * buffers.
 * In: requests of the viewer, events of the buffers, findings of the watchdog. Out: loads, seeks, swaps; a
 * summary for the snapshot.
 */

import type { ErrorData } from 'hls.js';
import { failureOf } from '../api/client.ts';
import type { BackgroundPlay } from '../media/background.ts';
import type { PlaybackSummary } from './build-state.ts';
import type { LiveEdge } from './live-edge.ts';
import { nextPlayback } from './playback.ts';
import {
  initialState,
  type PlaybackEffect,
  type PlaybackEvent,
  type PlaybackState,
  type PlaybackView,
} from './playback-state.ts';
import { playbackFailure } from './settings.ts';
import { missingSegment } from './source/missing.ts';
import { findPlayableMoment, type MomentFinder } from './source/moments.ts';
import type { Sources } from './sources.ts';
import type { DoubleBuffer } from './video/double-buffer.ts';
import type { Stalls } from './video/stalls.ts';
import type { VideoBuffer } from './video/video-buffer.ts';

/** The parts that the controller and the watchdog of one player work with. */
export interface PlayerParts {
  readonly buffers: DoubleBuffer;
  readonly edge: LiveEdge;
  readonly sources: Sources;
  readonly stalls: Stalls;
  readonly recorded: MomentFinder;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  /** A clock that is never set, milliseconds. */
  readonly steadyMs: () => number;
  /** This machine's clock, which continues while it sleeps; unix milliseconds. */
  readonly wallMs: () => number;
  /** The sound of a hidden page. */
  readonly background: BackgroundPlay;
  /** The snapshot may have changed. */
  readonly changed: () => void;
}

/** From one picture to the next: more than this was a seek, milliseconds. */
const JUMP_MS = 500;

/** The playback of one stream; `close` ends it. */
export class PlaybackController {
  readonly #parts: PlayerParts;
  #state = initialState;
  #isClosed = false;

  constructor(parts: PlayerParts) {
    this.#parts = parts;
  }

  get state(): Readonly<PlaybackState> {
    return this.#state;
  }

  /** What the snapshot says about it. */
  get summary(): PlaybackSummary {
    const { pending, failure, wantPlay, rate, catchingUp, note, loop, ...state } = this.#state;
    const { stalls, buffers, steadyMs } = this.#parts;
    const { kind, video } = buffers.front;
    const mode = state.mode === 'idle' ? (pending?.to ?? 'idle') : state.mode;
    const waits = pending !== null || video.readyState < 3 || video.seeking || stalls.waiting;
    return {
      mode,
      loading: mode !== 'offline' && mode !== 'idle' && failure === null && waits,
      seeking: state.targetMs !== null,
      // The first attempt is loading like any other.
      tryingLive: mode === 'live' && kind === 'past' && state.retry.turns > 0,
      wantPlay,
      switching: pending !== null,
      rate,
      catchingUp,
      shownMs: state.targetMs ?? state.shownMs,
      failure,
      note,
      stalls: stalls.count,
      stalledMs: stalls.stalledMs(steadyMs()),
      loop,
    };
  }

  /** The buffer in front plays live, where the viewer sees it. */
  get isLive(): boolean {
    const { kind, video } = this.#parts.buffers.front;
    const { mode, pending } = this.#state;
    return mode === 'live' && kind === 'live' && !pending && !video.paused && !video.ownerDocument.hidden;
  }

  /** Takes an event and has the snapshot built. */
  take(event: PlaybackEvent): void {
    this.step(event);
    if (!this.#isClosed) this.#parts.changed();
  }

  /** Takes an event: changes the state, then performs the effects. */
  step(event: PlaybackEvent): void {
    if (this.#isClosed) return;
    const { state, effects } = nextPlayback(this.#state, event, this.#view());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  /**
   * Pauses for steps from frame to frame. Returns the buffer to step on; null during a switch, before the
   * buffer is in front.
   */
  hold(): VideoBuffer | null {
    this.step({ type: 'hold' });
    return this.#state.pending ? null : this.#parts.buffers.front;
  }

  /** A buffer has a new picture. */
  onFrame(buffer: VideoBuffer): void {
    const { buffers, stalls, steadyMs, changed } = this.#parts;
    if (!buffer.ready || this.#isClosed) return;
    const isNew = this.#state.pending !== null && buffer === buffers.back;
    if (isNew) this.step({ type: 'first-picture' });
    else if (buffer !== buffers.front) return;
    stalls.flows(steadyMs());
    const beforeMs = this.#state.shownMs ?? 0;
    this.step({ type: 'frame' });
    const hasJumped = Math.abs((this.#state.shownMs ?? 0) - beforeMs) > JUMP_MS;
    // The page must show the time of the new picture, not that of the one before.
    if (isNew || hasJumped || buffers.front.video.paused) changed();
  }

  /** A buffer received something. */
  progressed(buffer: VideoBuffer): void {
    const { buffers, edge } = this.#parts;
    if (buffer === buffers.back) this.step({ type: 'progress' });
    else if (this.isLive) edge.arrived(buffer);
  }

  /** The list of a buffer was loaded or has grown. */
  listed(buffer: VideoBuffer): void {
    this.progressed(buffer);
    const over = buffer.kind === 'live' && buffer.details?.live === false;
    this.step({ type: 'list', front: buffer === this.#parts.buffers.front, over });
  }

  /** hls.js gave up on a buffer. */
  failed(buffer: VideoBuffer, data: ErrorData): void {
    const segment = buffer.kind === 'past' ? missingSegment(data) : null;
    const isNetwork = data.type === 'networkError';
    const front = buffer === this.#parts.buffers.front;
    this.take({ type: 'failed', front, failure: playbackFailure(data), isNetwork, segment });
  }

  /** A buffer has played its list to the end. */
  ended(buffer: VideoBuffer): void {
    if (buffer === this.#parts.buffers.front) this.take({ type: 'ended' });
  }

  /** An element was started, perhaps by something else than this player. */
  played(buffer: VideoBuffer): void {
    if (buffer === this.#parts.buffers.front) this.take({ type: 'played' });
  }

  /**
   * An element was paused, perhaps by something else: a key of the keyboard, a headset, picture in picture.
   */
  paused(buffer: VideoBuffer): void {
    const { video } = buffer;
    const isFront = buffer === this.#parts.buffers.front;
    const isOther = video.paused && !video.ended && !video.ownerDocument.hidden;
    const wantsPlay = isFront && this.state.wantPlay && this.state.mode !== 'offline';
    this.#parts.background.paused(video, wantsPlay, this.#parts.changed);
    if (isFront && isOther) this.take({ type: 'paused' });
    else this.#parts.changed();
  }

  /** Nothing is begun after this. */
  close(): void {
    this.#isClosed = true;
  }

  #view(): PlaybackView {
    const { buffers, now, steadyMs } = this.#parts;
    const { front } = buffers;
    return {
      steadyMs: steadyMs(),
      nowMs: now(),
      front: {
        kind: front.kind,
        listed: front.details !== null,
        stopped: front.hls?.loadingEnabled === false,
        hasPicture: front.picture.mediaTime !== null,
        ready: front.ready,
        paused: front.video.paused,
        shownMs: front.picture.shownMs,
        // Not needed for each frame.
        get edgeMs() {
          return front.edgeMs;
        },
        get liveSyncPosition() {
          return front.hls?.liveSyncPosition ?? null;
        },
        get frameS() {
          return front.picture.frameS;
        },
        positionOf: (atMs) => front.positionOf(atMs),
      },
    };
  }

  #perform(effect: PlaybackEffect): void {
    const { buffers, edge, sources, stalls, steadyMs } = this.#parts;
    const { front, back } = buffers;
    const play = this.#state.wantPlay;
    switch (effect.do) {
      case 'load-live':
        buffers.prepare(sources.live(effect.atMs), { play });
        break;
      case 'load-past':
        buffers.prepare(sources.past(effect.atMs), { play });
        break;
      case 'drop':
        buffers.drop();
        break;
      case 'swap':
        buffers.swap();
        break;
      case 'play':
        buffers.play();
        break;
      case 'pause':
        front.video.pause();
        break;
      case 'play-back':
        back.video.play().catch(() => {}); // requested again when it comes to the front
        break;
      case 'pause-back':
        back.video.pause();
        break;
      case 'stop-loading':
        front.hls?.stopLoad();
        break;
      case 'seek':
        stalls.begins(steadyMs());
        edge.onSeek();
        front.seekTo(effect.position);
        break;
      case 'set-speed':
        if (front.video.playbackRate !== effect.rate) front.video.playbackRate = effect.rate;
        break;
      case 'find':
        this.#find(effect);
        break;
      case 'expect-wait':
        stalls.begins(steadyMs());
        break;
      case 'measure-edge':
        edge.listed(front);
        break;
      case 'restart-rate':
        edge.restart();
        break;
      case 'undo-stall':
        if (stalls.undo()) edge.undo();
        break;
    }
  }

  #find({ request, atMs, back, isListed }: Extract<PlaybackEffect, { do: 'find' }>): void {
    findPlayableMoment(this.#parts.recorded, atMs, { back, isListed }).then(
      (moment) => this.take({ type: 'found', request, requestedMs: atMs, moment }),
      (error: unknown) => {
        if (!this.#isClosed) this.take({ type: 'find-failed', request, failure: failureOf(error) });
      },
    );
  }
}
