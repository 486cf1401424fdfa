/**
 * Moves one camera while a person holds a button: a movement ends when it is not repeated, so that a lost
 * connection stops the camera.
 * In: speeds, stops. Out: requests to the camera, one at a time; the newest wish replaces those that wait.
 * ONVIF PTZ 5.3.
 */
import {
  type PtzPreset,
  type PtzSpeed,
  parsePresets,
  printGetPresets,
  printGotoPreset,
  printMove,
  printStop,
  ptzService,
} from '@oxbow/wire/onvif/ptz';
import { OnvifClient } from '../../ingest/onvif/onvif-client.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { StoredCamera } from './camera-table.ts';
import { addressOf } from './stored-address.ts';

/** A movement that is not repeated for this long ends, ms. */
export const HOLD_MS = 1500;
/** The camera stops by itself after this, s: oxbow may be gone. */
const CAMERA_S = 3;
/** A movement is sent again after this, ms, so that the camera continues. */
const AGAIN_MS = 1000;
/** Longest wait for the camera, ms. */
const REQUEST_MS = 5000;
/** Places are read again after this, ms. */
const PRESETS_MS = 60_000;

/** Dependencies. */
export interface CameraMoverParts {
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly failed: (error: unknown) => void;
}

/** A movement, a place, or an end. */
type Wish = PtzSpeed | { readonly preset: string } | 'stop';

export class CameraMover implements AsyncDisposable {
  readonly #parts: CameraMoverParts;
  readonly #camera: () => StoredCamera;
  readonly #ends = new AbortController();
  #client: OnvifClient | undefined;
  #wish: Wish | undefined;
  #running: Promise<void> | undefined;
  #isMoving = false;
  #sent: { readonly wish: PtzSpeed; readonly atMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #presets: { readonly items: Promise<readonly PtzPreset[]>; readonly untilMs: number } | undefined;

  /** @param camera its row, as it is now */
  constructor(parts: CameraMoverParts, camera: () => StoredCamera) {
    this.#parts = parts;
    this.#camera = camera;
  }

  /**
   * Moves until `stop`, or until this is not repeated for 1.5 s. Resolves when the camera has taken it.
   *
   * @throws OxbowError `source-failed`
   */
  move(speed: PtzSpeed): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.stop().catch(this.#parts.failed), HOLD_MS);
    return this.#want(speed);
  }

  /** Ends every movement. @throws OxbowError `source-failed` */
  stop(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#want('stop');
  }

  /** Goes to a place. @throws OxbowError `source-failed` */
  goTo(preset: string): Promise<void> {
    clearTimeout(this.#timer);
    return this.#want({ preset });
  }

  /** The places; none if the camera does not answer. */
  presets(): Promise<readonly PtzPreset[]> {
    const nowMs = this.#parts.clock.nowMs();
    if (!this.#presets || this.#presets.untilMs <= nowMs) {
      this.#presets = { items: this.#readPresets(), untilMs: nowMs + PRESETS_MS };
    }
    return this.#presets.items;
  }

  async #readPresets(): Promise<readonly PtzPreset[]> {
    try {
      return parsePresets(await this.#call(printGetPresets));
    } catch (error) {
      this.#parts.failed(error);
      return [];
    }
  }

  /** Stops the camera if it moves. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#isMoving || this.#running) await this.stop().catch(this.#parts.failed);
    this.#ends.abort();
  }

  #want(wish: Wish): Promise<void> {
    this.#wish = wish;
    this.#running ??= this.#work().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Sends wishes until none waits: one that fails keeps no stop from being sent. */
  async #work(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    for (let wish = this.#wish; wish !== undefined; wish = this.#wish) {
      this.#wish = undefined;
      try {
        if (wish === 'stop') await this.#stopNow();
        else if ('preset' in wish) await this.#goNow(wish.preset);
        else if (this.#isDue(wish)) await this.#moveNow(wish);
        failure = undefined;
      } catch (error) {
        failure = { error };
      }
    }
    if (failure) throw failure.error;
  }

  async #moveNow(wish: PtzSpeed): Promise<void> {
    this.#isMoving = true;
    await this.#call((profile) => printMove(profile, wish, CAMERA_S));
    this.#sent = { wish, atMs: this.#parts.clock.nowMs() };
  }

  async #stopNow(): Promise<void> {
    this.#sent = undefined;
    await this.#call(printStop);
    this.#isMoving = false;
  }

  async #goNow(preset: string): Promise<void> {
    await this.#stopNow();
    await this.#call((profile) => printGotoPreset(profile, preset));
  }

  #isDue(wish: PtzSpeed): boolean {
    if (!this.#sent) return true;
    const { pan, tilt, zoom } = this.#sent.wish;
    const isSame = pan === wish.pan && tilt === wish.tilt && zoom === wish.zoom;
    return !isSame || this.#parts.clock.nowMs() - this.#sent.atMs >= AGAIN_MS;
  }

  /** Calls the service with the profile; a client that has failed is opened again. */
  async #call(print: (profile: string) => string) {
    const { net, clock } = this.#parts;
    const camera = this.#camera();
    using deadline = withDeadline(REQUEST_MS, 'the movement of a camera', { signal: this.#ends.signal });
    const { signal } = deadline;
    try {
      if (!this.#client) {
        const client = new OnvifClient({ address: addressOf(camera), trusted: true, net, clock });
        await client.open({ signal });
        this.#client = client;
      }
      const service = this.#client.serviceOf(ptzService);
      if (!service) throw this.#client.failed('does not move', 'refused');
      return await this.#client.call(service, print(camera.profile), { signal });
    } catch (error) {
      this.#client = undefined;
      if (error instanceof OxbowError || !signal.aborted) throw error;
      throw new OxbowError('source-failed', `The camera did not answer within ${REQUEST_MS / 1000} s.`, {
        cause: error,
      });
    }
  }
}
