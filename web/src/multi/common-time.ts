/**
 * The programme time that all tiles of a page share: live at a common distance from now, or anywhere in the past.
 * In: requests of the viewer, tiles that lack media. Out: the playback state that each tile follows. docs/5-together/multi-view.md.
 */
import { type PlaybackState, positionAt } from '../../../src/api/room/playback.ts';

/** The first distance from now, and the most, ms. */
const BEHIND_MS = 4_000;
const MOST_BEHIND_MS = 30_000;
/** A tile lacks media for this long before all tiles move away from now, and by how much, ms. */
const LACKS_MS = 2_000;
const BACK_BY_MS = 2_000;
/** After each command tiles have this long to load and to come into step before they count, ms. */
const REST_MS = 8_000;
/** A command takes effect this much later, so that every tile begins at the same instant, ms. */
const LEAD_MS = 300;

/** The common time; nothing plays before the first command. */
export class CommonTime {
  readonly #now: () => number;
  #behindMs = BEHIND_MS;
  #lacksSinceMs: number | null = null;
  #state: PlaybackState;

  /** @param now the server's time, unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#state = {
      ...{ rev: 0, item: null, playing: false, rate: 1, anchorMedia: 0 },
      anchorServer: 0,
      live: false,
      by: '',
    };
  }

  /** What each tile follows; the same object until the next command. */
  get state(): PlaybackState {
    return this.#state;
  }

  /** The programme time, unix milliseconds. */
  get atMs(): number {
    return positionAt(this.#state, this.#now());
  }

  /** Plays live. */
  goLive(): void {
    this.#set(this.#now() + LEAD_MS - this.#behindMs, true, true);
  }

  /** @param atMs unix milliseconds; live from what is not recorded yet */
  goTo(atMs: number): void {
    if (atMs > this.#now() - this.#behindMs) this.goLive();
    else this.#set(atMs, this.#state.item === null || this.#state.playing, false);
  }

  /** Plays or pauses at the current time. */
  toggle(): void {
    const { playing } = this.#state;
    const atMs = this.atMs;
    this.#set(playing ? atMs : Math.min(atMs, this.#now() - this.#behindMs), !playing, false);
  }

  /**
   * A few times a second: while live, tiles that lack media move everyone away from now.
   *
   * @param lacks a tile has nothing to play at the common time
   */
  step(lacks: boolean): void {
    const isResting = this.#now() - this.#state.anchorServer < REST_MS;
    if (!lacks || !this.#state.live || isResting) {
      this.#lacksSinceMs = null;
      return;
    }
    this.#lacksSinceMs ??= this.#now();
    if (this.#now() - this.#lacksSinceMs < LACKS_MS || this.#behindMs >= MOST_BEHIND_MS) return;
    this.#lacksSinceMs = null;
    this.#behindMs += BACK_BY_MS;
    this.goLive();
  }

  #set(anchorMedia: number, playing: boolean, live: boolean): void {
    const { rev } = this.#state;
    this.#state = {
      ...{ rev: rev + 1, item: 'multi', playing, rate: 1, anchorMedia, live, by: '' },
      anchorServer: this.#now() + LEAD_MS,
    };
  }
}
