/**
 * One visit to a watch page: what the server says, the player, the timeline, the marks of a clip.
 * In: the stream's name, the box for the picture. Out: components, which read the fields and call the methods.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { poll } from '../api/poll.ts';
import { Marking } from '../clips/marking.svelte.ts';
import type { OpenPlayer } from '../player/open.ts';
import { idle, type PlayerControls, type Snapshot } from '../player/snapshot.ts';
import type { RouteSpan } from '../routes.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { Connection } from './connection.svelte.ts';
import { appendLatency } from './latency-log.ts';
import { beginAt, loadHls, noPlayer, playerFor, playerNotLoaded } from './load-player.ts';
import { NoteTimer } from './notes.ts';
import { isLive } from './overlay.ts';
import { preferences } from './player-preferences.svelte.ts';

const TICK_MS = 1_000;

/** Marks of a clip, unix milliseconds; null where none is set. */
export interface ClipMarks {
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

const nothing = (): void => {};
/** Stands for the player until there is one. */
const nullPlayer: PlayerControls = {
  goLive: nothing,
  goTo: nothing,
  togglePlay: nothing,
  again: nothing,
  stepFrame: nothing,
  setRate: nothing,
  toggleMuted: nothing,
  setVolume: nothing,
  setQuality: nothing,
  setSound: nothing,
  setSubtitle: nothing,
  setLoop: nothing,
  togglePicture: nothing,
  forgetNote: nothing,
};

/** The state of a watch page; `close` when it is left. */
export class WatchSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
  /** Markers and pins that are being set. */
  readonly marking: Marking;
  /** What the player says of itself. */
  player = $state.raw<Snapshot>(idle);
  /** What may be asked of it; hears nothing before it is there. */
  controls = $state.raw<PlayerControls>(nullPlayer);
  /** The server's time, unix milliseconds, told anew each second. */
  nowMs = $state(Date.now());
  clip = $state.raw<ClipMarks>({ fromMs: null, toMs: null });
  /** The last minute of the distance to now, one a second; seconds. */
  latencyLog = $state.raw<readonly (number | null)[]>([]);
  readonly live = $derived.by(() => isLive(this.player, this.connection.lost));
  readonly #ends = new AbortController();
  #player: OpenPlayer | null = null;
  readonly #notes = new NoteTimer(() => this.controls.forgetNote());

  constructor(name: string) {
    this.name = name;
    this.connection = new Connection(name, (view) => this.#player?.streamChanged(view));
    this.timeline = new TimelineState(name, () => this.connection.clock.now());
    this.marking = new Marking(name, this.timeline);
  }

  /**
   * Starts to play and to ask the server, until `close`.
   *
   * @param surface a positioned box; the player fills it
   * @param atMs where to start, unix milliseconds; null for now
   * @param span plays over and over; null for none
   */
  async start(surface: HTMLElement, atMs: number | null, span: RouteSpan | null): Promise<void> {
    const { signal } = this.#ends;
    const [Hls] = await Promise.all([loadHls(), this.connection.open()]);
    if (signal.aborted) return;
    const player = Hls && playerFor(this, Hls, surface, (snapshot) => this.#playerChanged(snapshot));
    if (player) this.#begin(player, atMs, span);
    else this.player = { ...this.player, failure: Hls ? noPlayer : playerNotLoaded };
    await Promise.all([
      this.connection.keep(),
      this.timeline.start(),
      poll(TICK_MS, async () => this.#tick(), { signal }),
    ]);
  }

  /** The page is left: nothing is asked or played any more. */
  close(): void {
    this.#ends.abort();
    this.#notes.close();
    this.connection.close();
    this.timeline.close();
    this.marking.close();
    this.#player?.close();
  }

  /** The stream as the server last told; null before the first answer. */
  get stream(): StreamView | null {
    return this.connection.stream;
  }

  /** How many watch; null where the server does not say. */
  get viewers(): number | null {
    return this.stream?.viewers ?? null;
  }

  /** @param bySeconds forward, or back where negative */
  step = (bySeconds: number): void => {
    const { shownMs } = this.player;
    if (shownMs !== null) this.controls.goTo(shownMs + bySeconds * 1000, { back: bySeconds < 0 });
  };

  setClip = (clip: ClipMarks): void => {
    this.clip = clip;
  };

  /** Marks the shown moment as the start or the end of a clip; a mark that would lie beyond the other takes it along. */
  mark = (edge: 'from' | 'to'): void => {
    const { shownMs } = this.player;
    if (shownMs === null) return;
    const { fromMs, toMs } = this.clip;
    if (edge === 'from') this.clip = { fromMs: shownMs, toMs: toMs !== null && toMs > shownMs ? toMs : null };
    else this.clip = { fromMs: fromMs !== null && fromMs < shownMs ? fromMs : null, toMs: shownMs };
  };

  /** Plays the last minute that was recorded. */
  goToLast = (): void => {
    const { lastMinuteMs } = this.connection;
    if (lastMinuteMs !== null) this.controls.goTo(lastMinuteMs);
  };

  /** Plays the oldest moment that is kept. */
  goToFirst = (): void => {
    const { firstMs } = this.connection;
    if (firstMs !== null) this.controls.goTo(firstMs);
  };

  #begin(player: OpenPlayer, atMs: number | null, span: RouteSpan | null): void {
    this.#player = player;
    this.controls = player;
    player.setVolume(preferences.volume);
    if (!this.player.muted) player.toggleMuted(); // browsers let only silent video start by itself
    beginAt(player, this.connection, atMs, span);
    if (span) this.clip = span;
  }

  #tick(): void {
    this.nowMs = this.connection.clock.now();
    const { mode, latency } = this.player;
    this.latencyLog = appendLatency(this.latencyLog, mode === 'live' || mode === 'shifted' ? latency.totalS : null);
  }

  #playerChanged(snapshot: Snapshot): void {
    // Only a change is remembered: several players of a page may each be as loud as they were set.
    const isSet = this.#player !== null && !snapshot.muted && snapshot.volume !== this.player.volume;
    this.player = snapshot;
    if (isSet) preferences.volume = snapshot.volume;
    this.#notes.show(snapshot.note);
  }
}
