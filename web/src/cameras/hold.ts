/**
 * Moves a camera while something is held: the movement is repeated, because the server ends one that is not.
 * In: presses and releases. Out: calls, one at a time, and a stop after the last one.
 */

import type { CameraSpeed } from '../api/cameras.ts';
import { pause } from '../api/poll.ts';

/** A movement is repeated this often, ms; the server ends it after 1500. */
const AGAIN_MS = 700;

interface HoldParts {
  readonly move: (speed: CameraSpeed, signal: AbortSignal) => Promise<void>;
  readonly stop: (signal: AbortSignal) => Promise<void>;
  readonly failed: (error: unknown) => void;
  /** For tests. */
  readonly pause?: typeof pause;
}

/** What is held of one camera. */
export class Hold {
  readonly #parts: HoldParts;
  #held: AbortController | undefined;
  /** The last request for a movement: a stop that overtakes it would be lost. */
  #moving: Promise<void> = Promise.resolve();
  /** Of the page. */
  readonly #ends = new AbortController();

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** Something is held. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Moves until `release`, in place of what was held. */
  press(speed: CameraSpeed): void {
    this.#held?.abort();
    const held = new AbortController();
    this.#held = held;
    void this.#repeat(speed, held.signal);
  }

  /** Stops the camera, if something is held. */
  release(): void {
    if (!this.#held) return;
    this.#held.abort();
    this.#held = undefined;
    const { stop, failed } = this.#parts;
    // What is held meanwhile has replaced the movement: a stop would end that one.
    const sendStop = async () => {
      if (!this.#held) await stop(this.#ends.signal);
    };
    this.#moving.then(sendStop, sendStop).catch(failed);
  }

  /** Releases; requests that wait still end. */
  close(): void {
    this.release();
  }

  async #repeat(speed: CameraSpeed, signal: AbortSignal): Promise<void> {
    const { move, failed, pause: wait = pause } = this.#parts;
    try {
      while (!signal.aborted) {
        this.#moving = move(speed, this.#ends.signal);
        await this.#moving;
        await wait(AGAIN_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
  }
}

/** The movement of a key; null for others. */
export function speedOfKey(key: string): CameraSpeed | null {
  const speed = { pan: 0, tilt: 0, zoom: 0 };
  switch (key) {
    case 'ArrowLeft':
      return { ...speed, pan: -0.5 };
    case 'ArrowRight':
      return { ...speed, pan: 0.5 };
    case 'ArrowUp':
      return { ...speed, tilt: 0.5 };
    case 'ArrowDown':
      return { ...speed, tilt: -0.5 };
    case '+':
    case '=':
      return { ...speed, zoom: 0.5 };
    case '-':
      return { ...speed, zoom: -0.5 };
    default:
      return null;
  }
}
