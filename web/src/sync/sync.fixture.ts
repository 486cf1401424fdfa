/**
 * A simulated player for the tests of the sync controller: media that plays, seeks that take time, frames of
 * 40 ms.
 * In: how it behaves. Out: a SyncTarget; time that the test advances.
 */
import type { PlaybackState } from '../../../src/api/room/playback.ts';
import { positionAt } from '../../../src/api/room/playback.ts';
import type { ShownFrame, SyncTarget } from '../player/sync-target.ts';
import { STEP_MS, SyncController, type SyncParts } from './sync-controller.ts';

/** The server's clock when the simulation begins, unix ms. */
export const START_MS = 1_800_000_000_000;
const FRAME_MS = 40;
const TICK_MS = 5;
const SEGMENT_MS = 2_000;

/** A state that takes effect after `inMs` of the simulation. */
export function stateAt(rev: number, inMs: number, parts: Partial<PlaybackState> = {}): PlaybackState {
  const anchorServer = START_MS + inMs;
  const usual = { item: 'film', playing: true, rate: 1, anchorMedia: 60_000, live: false, by: 'ann' };
  return { rev, anchorServer, ...usual, ...parts };
}

/** A player. */
export class SimulatedTarget implements SyncTarget {
  frames: ShownFrame[] = [];
  busy = false;
  waits = false;
  paused = true;
  pictured = false;
  ended = false;
  durationMs: number | null = null;
  aheadS = 10;
  frameMs = FRAME_MS;
  /** What a request costs, ms. */
  seekMs = 70;
  loadMs = 400;
  playMs = 30;
  /** What is in the browser, ms. */
  bufferedFrom = 0;
  bufferedTo = 0;
  /** The media begins here, ms. */
  beginsMs = 0;
  /** What is not there yet begins here, ms. */
  edgeMs = Number.POSITIVE_INFINITY;
  positionMs = 0;
  rate = 1;
  factor = 1;
  /** Its picture does not advance, although it plays. */
  stuck = false;
  /** Media that arrives in a second, seconds; null: everything is there soon after it is requested. */
  network: number | null = null;
  /** Of the segment that arrives. */
  #receivedMs = 0;
  /** Every request, in order. */
  readonly seeks: number[] = [];
  readonly rates: number[] = [];
  readonly eased: boolean[] = [];
  #resumeAt = 0;
  #nowMs = 0;
  #shownMs = Number.NEGATIVE_INFINITY;

  isBuffered(positionMs: number): boolean {
    return this.bufferedFrom <= positionMs && positionMs < this.bufferedTo;
  }

  exists(positionMs: number): boolean {
    return positionMs < this.edgeMs;
  }

  follow(atMs: number | null, playing: boolean, rate: number): boolean {
    const started = playing && this.paused;
    this.paused = !playing;
    this.rate = rate;
    this.correct(1);
    if (atMs === null) {
      if (started) this.#resumeAt = this.#nowMs + this.playMs;
      return true;
    }
    if (atMs >= this.edgeMs || (this.pictured && atMs < this.beginsMs)) return false;
    this.seeks.push(atMs);
    this.frames = [];
    this.busy = true;
    this.#resumeAt = this.#nowMs + (this.isBuffered(atMs) ? this.seekMs : this.loadMs);
    this.positionMs = Math.max(this.beginsMs, atMs);
    this.#shownMs = Number.NEGATIVE_INFINITY;
    if (this.network !== null && !this.isBuffered(atMs)) {
      this.bufferedFrom = this.bufferedTo = Math.floor(atMs / SEGMENT_MS) * SEGMENT_MS;
      this.#receivedMs = 0;
      this.#resumeAt = Number.POSITIVE_INFINITY;
      return true;
    }
    if (this.network !== null) return true;
    this.bufferedFrom = Math.max(this.beginsMs, Math.min(this.bufferedFrom, atMs));
    this.bufferedTo = Math.min(this.edgeMs, Math.max(this.bufferedTo, atMs + 20_000));
    return true;
  }

  /** With a slow network media arrives in segments of 2 s, from the one with the position on. */
  #download(ms: number): void {
    if (this.network === null) return;
    this.#receivedMs += ms * this.network;
    if (this.#receivedMs < SEGMENT_MS || this.bufferedTo - this.positionMs > 20_000) return;
    this.#receivedMs = 0;
    this.bufferedTo = Math.min(this.edgeMs, this.bufferedTo + SEGMENT_MS);
    if (this.busy) this.#resumeAt = this.#nowMs;
  }

  correct(factor: number): void {
    if (factor !== this.factor) this.rates.push(factor);
    this.factor = factor;
  }

  ease(isSlow: boolean): void {
    this.eased.push(isSlow);
  }

  /** Time passes. */
  pass(nowMs: number, ms: number): void {
    this.#nowMs = nowMs;
    this.#download(ms);
    if (nowMs < this.#resumeAt || this.stuck) return;
    this.waits = this.network !== null && !this.paused && this.positionMs >= this.bufferedTo;
    if (this.waits) return;
    if (this.busy) {
      this.busy = false;
      this.pictured = true;
    }
    if (!this.paused) this.positionMs += ms * this.rate * this.factor;
    const frameMs = Math.floor(this.positionMs / FRAME_MS) * FRAME_MS;
    if (!this.pictured || frameMs === this.#shownMs) return;
    this.#shownMs = frameMs;
    this.frames = [...this.frames, { atMs: nowMs, positionMs: frameMs }].slice(-7);
  }
}

/** A room with one player, and its time. */
export class Simulation {
  readonly target = new SimulatedTarget();
  readonly controller: SyncController;
  nowMs = 0;
  hidden = false;
  #stepAt = 0;
  #state: PlaybackState | null = null;

  constructor(parts: Partial<SyncParts> = {}) {
    this.controller = new SyncController({
      target: this.target,
      now: () => START_MS + this.nowMs,
      steadyMs: () => this.nowMs,
      hidden: () => this.hidden,
      changesRate: true,
      hasPositions: () => true,
      ...parts,
    });
  }

  /** The room has another state. */
  update(state: PlaybackState): void {
    this.#state = state;
    this.controller.update(state);
  }

  /** Time passes; returns how late the picture was at each moment, ms. */
  pass(ms: number): number[] {
    const late: number[] = [];
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += TICK_MS;
      this.target.pass(this.nowMs, TICK_MS);
      const dueMs = this.controller.dueMs ?? Number.POSITIVE_INFINITY;
      if (this.nowMs >= this.#stepAt || START_MS + this.nowMs >= dueMs) {
        this.#stepAt = this.nowMs + STEP_MS;
        this.controller.step();
      }
      if (this.#state) late.push(positionAt(this.#state, START_MS + this.nowMs) - this.target.positionMs);
    }
    return late;
  }
}
