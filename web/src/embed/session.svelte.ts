/**
 * One embedded player: the state of its stream, the player once the viewer starts it, the timeline.
 * In: EmbedOptions, the box for the picture. Out: EmbedPlayer.svelte, <oxbow-player>.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { poll } from '../api/poll.ts';
import { loadHls, noPlayer, playerNotLoaded } from '../media/load-engine.ts';
import type { MediaRequests } from '../media/requests.ts';
import { idle, type MediaState } from '../media/state.ts';
import type { OpenPlayer } from '../player/open.ts';
import { stillUrl } from '../player/source/window.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { Connection } from '../watch/connection.svelte.ts';
import { beginAt, playerFor } from '../watch/load-player.ts';
import { NoteTimer } from '../watch/notes.ts';
import type { EmbedOptions } from './options.ts';

const TICK_MS = 1_000;
/** A still this long before now exists, milliseconds. */
const STILL_BEHIND_MS = 8_000;

/** The state of an embedded player; `close` ends it. */
export class EmbedSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
  /** The snapshot of the player; before it is loaded, its initial state. */
  player = $state.raw<MediaState>(idle);
  /** Null before the player is loaded. */
  controls = $state.raw<MediaRequests | null>(null);
  /** The viewer pressed play, or it plays by itself. */
  begun = $state(false);
  /** Address of the still where playback would start; null if there is none. */
  poster = $state<string | null>(null);
  /** The server's time, unix milliseconds, updated each second. */
  nowMs = $state(Date.now());
  #options: EmbedOptions;
  readonly #onChange: () => void;
  readonly #ends = new AbortController();
  #player: OpenPlayer | null = null;
  #surface: HTMLElement | null = null;
  readonly #notes = new NoteTimer(() => this.#player?.forgetNote());

  /** @param onChange called after each change of the shown or known state */
  constructor(options: EmbedOptions, onChange: () => void = () => {}) {
    this.name = options.stream;
    this.#options = options;
    this.#onChange = onChange;
    this.player = { ...idle, muted: options.muted };
    this.connection = new Connection(options.stream, (view) => {
      this.#player?.streamChanged(view);
      this.poster ??= this.#posterOf(view); // once: the poster is not updated
      onChange();
    });
    this.timeline = new TimelineState(options.stream, () => this.connection.clock.now());
  }

  /**
   * Requests the stream, and plays if `autoplay` is set, until `close`.
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

  /** Loads the player and plays; the first call counts. */
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

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    this.#notes.close();
    this.connection.close();
    this.timeline.close();
    this.#player?.close();
  }

  /** The stream in the last response; null before the first one. */
  get stream(): StreamView | null {
    return this.connection.stream;
  }

  /** After a failure: loads the player if needed; otherwise `MediaRequests.again`. */
  again = (): void => {
    if (this.#player) this.#player.again();
    else this.begin();
  };

  /** Plays the last recorded minute; the stream is offline. */
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

  /** @param bySeconds forward; negative is back */
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

  #playerChanged(snapshot: MediaState): void {
    this.player = snapshot;
    this.#onChange();
    this.#notes.show(snapshot.note);
  }
}
