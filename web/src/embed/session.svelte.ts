/**
 * One player alone: what the server says of its stream, the player once somebody wants to watch, the timeline.
 * In: EmbedOptions, the box for the picture. Out: EmbedPlayer.svelte, <oxbow-player>.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { poll } from '../api/poll.ts';
import type { OpenPlayer } from '../player/open.ts';
import { idle, type PlayerControls, type Snapshot } from '../player/snapshot.ts';
import { stillUrl } from '../player/source/window.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { Connection } from '../watch/connection.svelte.ts';
import { beginAt, loadHls, noPlayer, playerFor, playerNotLoaded } from '../watch/load-player.ts';
import { NoteTimer } from '../watch/notes.ts';
import type { EmbedOptions } from './options.ts';

const TICK_MS = 1_000;
/** A still this far behind now is surely there, milliseconds. */
const STILL_BEHIND_MS = 8_000;

/** The state of a player alone; `close` when it goes. */
export class EmbedSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
  /** What the player says of itself; before it is there, what it will be. */
  player = $state.raw<Snapshot>(idle);
  /** Hears nothing before the player is there. */
  controls = $state.raw<PlayerControls | null>(null);
  /** Somebody pressed play, or it plays by itself. */
  begun = $state(false);
  /** Address of a still of where it would begin; null where there is none. */
  poster = $state<string | null>(null);
  /** The server's time, unix milliseconds, told anew each second. */
  nowMs = $state(Date.now());
  #options: EmbedOptions;
  readonly #onChange: () => void;
  readonly #ends = new AbortController();
  #player: OpenPlayer | null = null;
  #surface: HTMLElement | null = null;
  readonly #notes = new NoteTimer(() => this.#player?.forgetNote());

  /** @param onChange called after each change of what is shown or known */
  constructor(options: EmbedOptions, onChange: () => void = () => {}) {
    this.name = options.stream;
    this.#options = options;
    this.#onChange = onChange;
    this.player = { ...idle, muted: options.muted };
    this.connection = new Connection(options.stream, (view) => {
      this.#player?.streamChanged(view);
      this.poster ??= this.#posterOf(view); // once: it is there for somebody who waits, not to be watched
      onChange();
    });
    this.timeline = new TimelineState(options.stream, () => this.connection.clock.now());
  }

  /**
   * Asks the server, and plays if `autoplay` is set, until `close`.
   *
   * @param surface a positioned box; the player fills it
   */
  async open(surface: HTMLElement): Promise<void> {
    const { signal } = this.#ends;
    this.#surface = surface;
    const opened = this.connection.open();
    if (this.#options.autoplay || this.begun) this.begin();
    await opened;
    if (signal.aborted) return;
    await Promise.all([
      this.connection.keep(),
      this.timeline.start(),
      poll(TICK_MS, async () => this.#tick(), { signal }),
    ]);
  }

  /** Loads the player and plays; once is enough. */
  async begin(): Promise<void> {
    if (!this.begun) this.player = { ...this.player, failure: null };
    this.begun = true;
    if (!this.#surface || this.#player) return;
    const Hls = await loadHls();
    if (this.#ends.signal.aborted || this.#player) return;
    if (!Hls) {
      this.begun = false; // the next press tries again
      this.#playerChanged({ ...this.player, failure: playerNotLoaded });
      return;
    }
    const { muted, volume } = this.player;
    const { atMs, span } = this.#options;
    const player = playerFor(this, Hls, this.#surface, (snapshot) => this.#playerChanged(snapshot));
    if (!player) {
      return this.#playerChanged({ ...this.player, failure: noPlayer });
    }
    this.#player = player;
    this.controls = player;
    player.setVolume(volume);
    if (this.player.muted !== muted) player.toggleMuted();
    beginAt(player, this.connection, atMs, span);
  }

  /** It goes: nothing is asked or played any more. */
  close(): void {
    this.#ends.abort();
    this.#notes.close();
    this.connection.close();
    this.timeline.close();
    this.#player?.close();
  }

  /** The stream as the server last told; null before the first answer. */
  get stream(): StreamView | null {
    return this.connection.stream;
  }

  /** After a failure: loads the player where it is not there yet; else as `PlayerControls.again`. */
  again = (): void => {
    if (this.#player) this.#player.again();
    else this.begin();
  };

  /** Plays the last minute that was recorded; the stream is off. */
  goToLast = (): void => {
    const { lastMinuteMs } = this.connection;
    if (lastMinuteMs !== null) this.goTo(lastMinuteMs);
  };

  togglePlay = (): void => {
    if (this.#player) this.#player.togglePlay();
    else this.begin();
  };

  /** @param atMs unix milliseconds; null for now */
  goTo(atMs: number | null): void {
    if (!this.#player) this.#options = { ...this.#options, atMs, span: null };
    else if (atMs === null) this.#player.goLive();
    else this.#player.goTo(atMs);
  }

  /** @param bySeconds forward, or back where negative */
  step(bySeconds: number): void {
    const { shownMs } = this.player;
    if (shownMs !== null) this.#player?.goTo(shownMs + bySeconds * 1000, { back: bySeconds < 0 });
  }

  setMuted(muted: boolean): void {
    if (this.player.muted === muted) return;
    if (this.#player) this.#player.toggleMuted();
    else this.#playerChanged({ ...this.player, muted });
  }

  /** Does not unmute. @param volume 0 to 1 */
  setVolume(volume: number): void {
    const { muted } = this.player;
    if (this.#player) this.#player.setVolume(volume);
    else this.#playerChanged({ ...this.player, volume });
    this.setMuted(muted);
  }

  #posterOf({ name, state, recorded: { from, to } }: StreamView): string | null {
    if (from === null || to === null) return null;
    const lastMs = state === 'live' ? this.connection.clock.now() : Date.parse(to);
    const stillMs = this.#options.atMs ?? lastMs - STILL_BEHIND_MS;
    return stillMs >= Date.parse(from) ? stillUrl(name, stillMs) : null;
  }

  #tick(): void {
    this.nowMs = this.connection.clock.now();
    this.#onChange();
  }

  #playerChanged(snapshot: Snapshot): void {
    this.player = snapshot;
    this.#onChange();
    this.#notes.show(snapshot.note);
  }
}
