/**
 * Keeps one picture in step with its room: holds the state of synchronization, and performs the effects of
 * its transitions on the player.
 * In: the playback state, the server's clock, the frames that were shown. Out: plays, pauses, seeks and
 * speeds of the player; its offset. docs/7-together/in-step.md has the rules.
 */
import type { PlaybackState } from '../../../src/api/room/playback.ts';
import type { SyncTarget } from '../player/sync-target.ts';
import { dueMs, lacksMedia, offsetMs } from './sync-measure.ts';
import { initialSync, type SyncEffect, type SyncEvent, type SyncView } from './sync-state.ts';
import { nextSync } from './sync-transitions.ts';

/** What a controller is created with. */
export interface SyncParts {
  readonly target: SyncTarget;
  /** The server's time, unix ms. */
  readonly now: () => number;
  /** The clock of the target's frames, ms. */
  readonly steadyMs: () => number;
  /** The page is not visible: it shows no frames, and browsers delay its timers. */
  readonly hidden: () => boolean;
  /** The browser changes the speed without a gap in the sound; without that, only seeks correct. */
  readonly changesRate: boolean;
  /** Live media from elsewhere has no common positions: only pauses and starts are the room's. */
  readonly hasPositions: (item: string) => boolean;
}

/** Usual interval of the steps, ms. */
export const STEP_MS = 250;

/** Whether the browser changes the speed without a gap: Safari interrupts the sound each time. */
export function changesRateSmoothly(): boolean {
  return !/apple/i.test(navigator.vendor);
}

/** Keeps one target in step. */
export class SyncController {
  readonly #parts: SyncParts;
  #state = initialSync;

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /**
   * How much later than the room the picture is, ms; negative if it is early. Null without frames, while it
   * loads, and where there is no media.
   */
  get offsetMs(): number | null {
    return offsetMs(this.#state, this.#view());
  }

  /** The network does not deliver what plays as fast as it plays. */
  get isSlow(): boolean {
    return this.#state.supply.isSlow;
  }

  /**
   * It should play and has no media, or waits for the room with media in reserve. In a room that waits: it is
   * not ready.
   */
  get lacks(): boolean {
    return lacksMedia(this.#state, this.#view());
  }

  /** When `step` is needed next, unix ms of the server; null: at the usual interval. */
  get dueMs(): number | null {
    return dueMs(this.#state, this.#view());
  }

  /** The room has another state. */
  update(room: PlaybackState): void {
    if (room === this.#state.room || room === this.#state.next) return;
    this.#take({ type: 'room', room });
    this.step();
  }

  /** The page is shown again, or the machine slept: the picture is measured again from here. */
  wake(): void {
    this.#take({ type: 'wake' });
  }

  /**
   * The server was gone and is back, or the source: whatever lacked media before says nothing about the
   * network of this member.
   */
  returned(): void {
    this.#take({ type: 'returned' });
  }

  /** Every 250 ms, and at `dueMs`. */
  step(): void {
    this.#take({ type: 'due' });
    this.#take({ type: 'step' });
  }

  #take(event: SyncEvent): void {
    const { state, effects } = nextSync(this.#state, event, this.#view());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #view(): SyncView {
    const { target, now, steadyMs, hidden, changesRate, hasPositions } = this.#parts;
    return { nowMs: now(), steadyMs: steadyMs(), hidden: hidden(), changesRate, hasPositions, target };
  }

  #perform(effect: SyncEffect): void {
    const { target } = this.#parts;
    switch (effect.do) {
      case 'follow':
        target.follow(null, effect.playing, effect.rate);
        break;
      case 'place': {
        const { positionsMs, playing, rate, placement } = effect;
        const isTaken = positionsMs.some((atMs) => target.follow(atMs, playing, rate));
        this.#take({ type: isTaken ? 'placed' : 'refused', placement });
        break;
      }
      case 'correct':
        target.correct(effect.factor);
        break;
      case 'ease':
        target.ease?.(effect.isSlow);
        break;
    }
  }
}
