/**
 * One visit to a watch page: the stream, the player, the timeline, the marks of a clip.
 * In: the stream's name, the box for the picture. Out: components, which read the fields and call the
 * methods.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { isLost } from '../api/client.ts';
import { poll } from '../api/poll.ts';
import { loadHls, noPlayer, playerNotLoaded } from '../media/load-engine.ts';
import { preferences } from '../media/preferences.svelte.ts';
import { type MediaRequests, noRequests } from '../media/requests.ts';
import { idle, type MediaState } from '../media/state.ts';
import type { OpenPlayer } from '../player/open.ts';
import type { RoomLink } from '../player/sync-target.ts';
import { playedView } from '../rules/past.ts';
import type { Clip, TimeSpan } from '../time/span.ts';
import { TimelineState } from '../timeline/state.svelte.ts';
import { Connection } from './connection.svelte.ts';
import { beginAt, playerFor } from './load-player.ts';
import { NoteTimer } from './notes.ts';
import { isLive } from './overlay.ts';
import { PeerShare } from './peer-share.svelte.ts';
import { type LinkNote, linkNote } from './picture/link-note.ts';
import { RealTime } from './real-time.svelte.ts';

const TICK_MS = 1_000;

/** The state of a watch page; `close` with the page. */
export class WatchSession {
  readonly name: string;
  readonly connection: Connection;
  readonly timeline: TimelineState;
  /** The snapshot of the player. */
  player = $state.raw<MediaState>(idle);
  /** The controls of the player. */
  controls = $state.raw<MediaRequests>(noRequests);
  /** The server's time, unix milliseconds, updated each second. */
  nowMs = $state(Date.now());
  clip = $state.raw<Clip>({ fromMs: null, toMs: null });
  /** The player is in a room, but this browser does not say which time it shows: it plays by itself. */
  playsAlone = $state(false);
  readonly live = $derived.by(() => isLive(this.player, this.connection.lost));
  /** The room that the player is in. */
  readonly #room: RoomLink | null;
  #leaveRoom = (): void => {};
  readonly #ends = new AbortController();
  #player: OpenPlayer | null = null;
  /** The last snapshot of the player itself. */
  #base: MediaState = idle;
  /** How the viewer gets live: over WebRTC in place of the live list; segments from other viewers. */
  readonly choices: { readonly realTime: RealTime; readonly peers: PeerShare };
  readonly #notes = new NoteTimer(() => this.controls.forgetNote());
  /** A request of the address that the page cannot show; removed after a while. */
  linkNote = $state.raw<LinkNote | null>(null);
  readonly #linkNotes = new NoteTimer(() => {
    this.linkNote = null;
  });

  /** @param room controls the player; null: the viewer does */
  constructor(name: string, room: RoomLink | null = null) {
    this.name = name;
    this.#room = room;
    this.connection = new Connection(name, (view) => this.#streamChanged(view), room?.clock);
    const peers = new PeerShare(name, () => this.#player?.liveChanged(), room !== null);
    this.choices = { realTime: new RealTime(), peers };
    this.timeline = new TimelineState(name, () => this.connection.clock.now());
  }

  /**
   * Starts playback and requests, until `close`.
   *
   * @param surface a positioned box; the player fills it
   * @param atMs where to start, unix milliseconds; null for now
   * @param span plays in a loop; null for none
   */
  async start(surface: HTMLElement, atMs: number | null, span: TimeSpan | null): Promise<void> {
    const { signal } = this.#ends;
    const [Hls] = await Promise.all([loadHls(), this.connection.open()]);
    const { stream } = this.connection;
    if (stream && Hls?.isSupported()) await this.choices.peers.streamChanged(stream);
    if (signal.aborted) return;
    const player = Hls && playerFor(this, Hls, surface, (snapshot) => this.#playerChanged(snapshot));
    if (player) this.#begin(player, surface, atMs, span);
    else this.player = { ...this.player, failure: Hls ? noPlayer : playerNotLoaded };
    await Promise.all([
      this.connection.keep(),
      this.timeline.start(),
      poll(TICK_MS, async () => this.#tick(), { signal }),
    ]);
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    this.#notes.close();
    this.#linkNotes.close();
    this.connection.close();
    this.timeline.close();
    this.#leaveRoom();
    this.choices.realTime.close();
    this.#player?.close();
    this.choices.peers.close();
  }

  /** @param bySeconds forward; negative is back */
  step = (bySeconds: number): void => {
    const { shownMs } = this.player;
    if (shownMs !== null) this.controls.goTo(shownMs + bySeconds * 1000, { back: bySeconds < 0 });
  };

  /** Plays the oldest kept time. */
  goToFirst = (): void => {
    const { firstMs } = this.connection;
    if (firstMs !== null) this.controls.goTo(firstMs);
  };

  #begin(player: OpenPlayer, surface: HTMLElement, atMs: number | null, span: TimeSpan | null): void {
    this.#player = player;
    const room = player.target === null ? null : this.#room;
    this.playsAlone = this.#room !== null && room === null;
    this.controls = room ? room.controls(player.controls, () => this.player) : player.controls;
    player.controls.setVolume(preferences.volume);
    if (!this.player.muted) player.controls.toggleMuted(); // browsers allow only muted video to start by itself
    if (room && player.target) {
      if (this.connection.stream) player.streamChanged(playedView(this.connection.stream));
      this.#leaveRoom = room.attach(player.target);
      return;
    }
    this.choices.realTime.begin({
      stream: this.name,
      surface,
      player: player.controls,
      now: this.connection.clock.now,
      snapshot: () => this.#base,
      onChange: () => this.#playerChanged(this.#base),
      onControls: (controls) => {
        this.controls = controls ?? player.controls;
      },
    });
    beginAt(player, this.connection, atMs, span);
    const typed = new URLSearchParams(location.search).get('t');
    this.linkNote = linkNote({ atMs, typed, firstMs: this.connection.firstMs, nowMs: this.connection.clock.now() });
    this.#linkNotes.show(this.linkNote);
    if (span) this.clip = span;
  }

  #streamChanged(view: StreamView): void {
    const { failure } = this.player;
    this.#player?.streamChanged(view);
    if (this.#player?.target) void this.choices.peers.streamChanged(view);
    if (view.state !== 'live') this.choices.realTime.ended();
    // oxbow responds again: the player need not wait for its next attempt.
    if (failure && isLost(failure)) this.#player?.controls.again();
  }

  #tick(): void {
    this.nowMs = this.connection.clock.now();
    if (this.connection.failure) this.choices.peers.ended();
  }

  #playerChanged(snapshot: MediaState): void {
    // Only a change is stored: several players of a page may have different volumes.
    const isSet = this.#player !== null && !snapshot.muted && snapshot.volume !== this.player.volume;
    this.#base = snapshot;
    this.player = this.choices.realTime.apply(snapshot);
    if (isSet) preferences.volume = snapshot.volume;
    this.choices.peers.moved(snapshot.behindMs);
    this.#notes.show(snapshot.note);
  }
}
