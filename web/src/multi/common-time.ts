/**
 * The programme time that all tiles of a page share: live at a common distance from now, or anywhere in the
 * past.
 * In: requests of the viewer, tiles that lack media. Out: the playback state that each tile follows.
 * docs/7-together/multi-view.md.
 */
import { type PlaybackState, positionAt } from '../../../src/api/room/playback.ts';

/** The first distance from now, and the most, ms. */
const BEHIND_MS = 4_000;
const MOST_BEHIND_MS = 30_000;
/** A tile lacks media for this long before all tiles move away from now, and by how much, ms. */
const LACKS_MS = 2_000;
const BACK_BY_MS = 2_000;
/**
 * After this long without such a lack the distance becomes smaller again, by this much at each step that no
 * tile has to seek, ms.
 */
const CALM_MS = 60_000;
const MOST_CALM_MS = 16 * CALM_MS;
const NEARER_EVERY_MS = 500;
const NEARER_BY_MS = 15;
/** After each command tiles have this long to load and to come into step before they count, ms. */
const REST_MS = 8_000;
/** A link waits at its time until the first picture is there, and this much longer for the others, ms. */
const OTHERS_MS = 5_000;
/** A command takes effect this much later, so that every tile begins at the same instant, ms. */
const LEAD_MS = 300;

/** The common time; nothing plays before the first command. */
export class CommonTime {
  readonly #now: () => number;
  /** The first distance from now: a stream whose clock is ahead needs more. */
  #leastMs = BEHIND_MS;
  #behindMs = BEHIND_MS;
  #lacksSinceMs: number | null = null;
  #calmSinceMs: number;
  /** A distance that was too small is tried again after twice the time. */
  #calmMs = CALM_MS;
  #movedMs: number;
  /** It waits at the time of a link: when the first picture was there. */
  #opening: { firstMs: number | null } | null = null;
  #state: PlaybackState;

  /** @param now the server's time, unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#calmSinceMs = now();
    this.#movedMs = now();
    this.#state = {
      rev: 0,
      item: null,
      playing: false,
      rate: 1,
      anchorMedia: 0,
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

  /** It waits at the time of a link, and plays when the pictures are there. */
  get isOpening(): boolean {
    return this.#opening !== null;
  }

  /**
   * Opens a link: its time is not over before pictures are loaded.
   * @param atMs unix milliseconds; live from what is not recorded yet
   */
  open(atMs: number): void {
    this.goTo(atMs);
    if (this.#state.live) return;
    this.#set(atMs, false, false);
    this.#opening = { firstMs: null };
  }

  /**
   * A few times a second while it opens.
   * @param ready this many of `all` tiles have their first picture, or will have none
   */
  picturesCame(ready: number, total: number): void {
    if (!this.#opening || ready === 0) return;
    this.#opening.firstMs ??= this.#now();
    if (ready === total || this.#now() - this.#opening.firstMs >= OTHERS_MS) this.#set(this.atMs, true, false);
  }

  /**
   * The clocks of some tiles are ahead of the common time: live is as much further from now.
   *
   * @param aheadMs the most that one of them is ahead; 0 or more
   */
  keepBehind(aheadMs: number): void {
    const leastMs = BEHIND_MS + aheadMs;
    if (leastMs === this.#leastMs) return;
    this.#behindMs += leastMs - this.#leastMs;
    this.#leastMs = leastMs;
    if (this.#state.live && this.#state.playing) this.goLive();
  }

  /** Plays live. */
  goLive(): void {
    this.#set(this.#now() + LEAD_MS - this.#behindMs, true, true);
  }

  /** @param atMs unix milliseconds; live from what is not recorded yet */
  goTo(atMs: number): void {
    if (atMs > this.#now() - this.#behindMs) this.goLive();
    else this.#set(atMs, this.#state.item === null || this.#state.playing || this.isOpening, false);
  }

  /** Plays or pauses at the current time. */
  toggle(): void {
    const playing = this.#state.playing || this.isOpening;
    const atMs = this.atMs;
    this.#set(playing ? atMs : Math.min(atMs, this.#now() - this.#behindMs), !playing, false);
  }

  /**
   * A few times a second: while live, tiles that lack media move everyone away from now, and a long time
   * without that moves everyone back.
   *
   * @param lacks a tile has nothing to play at the common time
   */
  step(lacks: boolean): void {
    const nowMs = this.#now();
    const isResting = nowMs - this.#state.anchorServer < REST_MS;
    if (!this.#state.live || isResting || !lacks) this.#lacksSinceMs = null;
    if (lacks) this.#calmSinceMs = nowMs;
    if (!this.#state.live) return;
    if (!lacks) this.#comeNearer(nowMs);
    else if (!isResting) this.#moveAway(nowMs);
  }

  get #mostMs(): number {
    return this.#leastMs + MOST_BEHIND_MS - BEHIND_MS;
  }

  #moveAway(nowMs: number): void {
    this.#lacksSinceMs ??= nowMs;
    if (nowMs - this.#lacksSinceMs < LACKS_MS || this.#behindMs >= this.#mostMs) return;
    this.#lacksSinceMs = null;
    if (this.#behindMs > this.#leastMs) this.#calmMs = Math.min(MOST_CALM_MS, 2 * this.#calmMs);
    this.#behindMs = Math.min(this.#mostMs, this.#behindMs + BACK_BY_MS);
    this.goLive();
  }

  #comeNearer(nowMs: number): void {
    if (this.#behindMs <= this.#leastMs || nowMs - this.#calmSinceMs < this.#calmMs) return;
    if (nowMs - this.#movedMs < NEARER_EVERY_MS) return;
    this.#movedMs = nowMs;
    const byMs = Math.min(NEARER_BY_MS, this.#behindMs - this.#leastMs);
    this.#behindMs -= byMs;
    const { rev, anchorMedia } = this.#state;
    this.#state = { ...this.#state, rev: rev + 1, anchorMedia: anchorMedia + byMs };
  }

  #set(anchorMedia: number, playing: boolean, live: boolean): void {
    this.#opening = null;
    const { rev } = this.#state;
    this.#state = {
      rev: rev + 1,
      item: 'multi',
      playing,
      rate: 1,
      anchorMedia,
      live,
      by: '',
      anchorServer: this.#now() + LEAD_MS,
    };
  }
}
