/**
 * One embedded player: the state of its stream, the player once the viewer starts it, the timeline.
 * In: EmbedOptions, the box for the picture. Out: EmbedPlayer.svelte, <oxbow-player>.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { poll } from '../api/poll.ts';
import { loadHls, noPlayer, playerNotLoaded } from '../media/load-engine.ts';
import { type MediaRequests, noRequests } from '../media/requests.ts';
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
  /** Of the player; before it is loaded, they change how it begins. */
  controls = $state.raw<MediaRequests>({
    ...noRequests,
    togglePlay: () => void this.begin(),
    again: () => void this.begin(),
    goLive: () => this.#beginsAt(null),
    goTo: (atMs) => this.#beginsAt(atMs),
    toggleMuted: () => this.#playerChanged({ ...this.player, muted: !this.player.muted }),
    setVolume: (volume) => this.#playerChanged({ ...this.player, volume, muted: volume <= 0 }),
  });
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
  readonly #notes = new NoteTimer(() => this.controls.forgetNote());

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
    this.controls = player.controls;
    player.controls.setVolume(volume);
    if (this.player.muted !== muted) player.controls.toggleMuted();
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

  /** Plays the last recorded minute; the stream is offline. */
  goToLast = (): void => {
    const { lastMinuteMs } = this.connection;
    if (lastMinuteMs !== null) this.controls.goTo(lastMinuteMs);
  };

  /** Plays the oldest kept time. */
  goToFirst = (): void => {
    const { firstMs } = this.connection;
    if (firstMs !== null) this.controls.goTo(firstMs);
  };

  /** The player is loaded. */
  get isLoaded(): boolean {
    return this.#player !== null;
  }

  /** @param bySeconds forward; negative is back */
  step(bySeconds: number): void {
    const { shownMs } = this.player;
    if (shownMs !== null) this.controls.goTo(shownMs + bySeconds * 1000, { back: bySeconds < 0 });
  }

  #beginsAt(atMs: number | null): void {
    this.#options = { ...this.#options, atMs, span: null };
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
