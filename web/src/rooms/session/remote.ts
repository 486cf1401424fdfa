/**
 * The remote of a room: what concerns everyone becomes a command, what concerns one viewer stays with their
 * player.
 * In: controls and keys. Out: commands of the room's playback; the reason where this person may not.
 */
import { pause } from '../../api/poll.ts';
import type { MediaRequests } from '../../media/requests.ts';
import type { MediaState } from '../../media/state.ts';
import type { RoomLink, SyncTarget } from '../../player/sync-target.ts';
import type { RoomClock } from './room-clock.ts';
import type { RoomPlayback } from './room-playback.svelte.ts';
import type { RoomSession } from './room-session.svelte.ts';

/** Someone who drags a slider sends at most one command in this time, milliseconds. */
const SEEK_EVERY_MS = 250;

/** The remote; `close` with the page. */
export class Remote implements RoomLink {
  readonly #room: RoomSession;
  readonly #playback: RoomPlayback;
  readonly #ends = new AbortController();
  /** The position requested while a command is sent, ms. */
  #seekTo: number | null = null;
  #isSeeking = false;

  constructor(room: RoomSession, playback: RoomPlayback) {
    this.#room = room;
    this.#playback = playback;
  }

  /** The server's time. */
  get clock(): RoomClock {
    return this.#room.clock;
  }

  /** Whether this person may control the room. */
  get may(): boolean {
    return this.#room.may('control');
  }

  /** The speed of the room; 1 is normal. */
  get rate(): number {
    return this.#room.view.state.rate;
  }

  /** How much later than the room the picture of the attached player is, ms; null if that is unknown. */
  get offsetMs(): number | null {
    return this.#playback.offsetMs;
  }

  /** The network is too slow for what the attached player plays. */
  get isSlow(): boolean {
    return this.#playback.isSlow;
  }

  /** Plays or pauses. */
  togglePlay(): void {
    void this.#playback.command(this.#room.view.state.playing ? 'pause' : 'play');
  }

  /** Everyone goes to a position, ms, UTC or from the start. */
  seek(positionMs: number): void {
    this.#seekTo = positionMs;
    if (!this.#isSeeking) void this.#seekNow();
  }

  /** Everyone goes forward; negative is back. */
  step(bySeconds: number): void {
    this.seek((this.#seekTo ?? this.#room.positionMs()) + bySeconds * 1000);
  }

  /** Everyone goes to the live edge. */
  goLive(): void {
    void this.#playback.command('live');
  }

  /** Plays an entry of the playlist. @param positionMs omitted: live, or from the start */
  play(item: string, positionMs?: number): void {
    void this.#playback.command('item', { item, ...(positionMs !== undefined && { positionMs }) });
  }

  /**
   * The controls of a player in the room: volume, quality and tracks are the player's, the rest is the
   * room's.
   */
  controls(local: MediaRequests, shown: () => MediaState): MediaRequests {
    return { ...this.#playback.controls(local, shown), goTo: (atMs) => this.seek(atMs) };
  }

  /** Keeps a player in step until the returned function is called. */
  attach(target: SyncTarget): () => void {
    return this.#playback.attach(target);
  }

  /** Ends what waits. */
  close(): void {
    this.#ends.abort();
  }

  async #seekNow(): Promise<void> {
    this.#isSeeking = true;
    while (this.#seekTo !== null && !this.#ends.signal.aborted) {
      const positionMs = this.#seekTo;
      await Promise.all([this.#playback.command('seek', { positionMs }), pause(SEEK_EVERY_MS, this.#ends.signal)]);
      if (this.#seekTo === positionMs) this.#seekTo = null;
    }
    this.#isSeeking = false;
  }
}
