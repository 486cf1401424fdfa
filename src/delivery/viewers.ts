/**
 * Counts viewers: distinct players that requested media of a stream in the last 30 seconds.
 * In: a player key for each request, and for each that waits. Out: the number of viewers. Constant work per request, bounded memory.
 */
import type { MediaAddress } from '../api/media-address.ts';
import { AnonymousPlayers } from './live/anonymous-players.ts';

/** A player without requests for this long is no viewer, ms. */
const WATCHES_MS = 30_000;

/** Resolution of the last request, ms. */
const FRESH_MS = 1000;

/** Most players that are counted. */
export interface ViewerLimits {
  readonly perStream: number;
  readonly inAll: number;
}

/** About 100 bytes each. */
const viewerLimits: ViewerLimits = { perStream: 50_000, inAll: 200_000 };

interface Seen {
  atMs: number;
  /** Pending requests. */
  held: number;
}

/** Viewers of all streams. */
export class Viewers {
  readonly #nowMs: () => number;
  readonly #limits: ViewerLimits;
  readonly #onOver: () => void;
  readonly #anonymous: AnonymousPlayers;
  /** By stream, then by player, least recent first. */
  readonly #streams = new Map<string, Map<string, Seen>>();
  #inAll = 0;

  /**
   * @param options.nowMs a clock that never steps, ms
   * @param options.onOver called for each request of a player beyond the limits
   */
  constructor(options: { nowMs: () => number; onOver?: () => void; limits?: ViewerLimits }) {
    this.#nowMs = options.nowMs;
    this.#limits = options.limits ?? viewerLimits;
    this.#onOver = options.onOver ?? (() => undefined);
    this.#anonymous = new AnonymousPlayers(options.nowMs);
  }

  /**
   * Notes a player that was served.
   *
   * @param key short; the same for all requests of a player
   * @param address what it requested, if other players may have the same name
   */
  seen(stream: string, key: string, address?: MediaAddress): void {
    const player = address === undefined ? key : this.#anonymous.nameOf(stream, key, address);
    const players = this.#streams.get(stream) ?? new Map<string, Seen>();
    const known = players.get(player);
    if (known) {
      if (this.#nowMs() - known.atMs > FRESH_MS) this.#refresh(players, player, known);
      return;
    }
    this.#forgetOld(stream, players);
    if (players.size >= this.#limits.perStream || this.#inAll >= this.#limits.inAll) {
      this.#onOver();
      return;
    }
    players.set(player, { atMs: this.#nowMs(), held: 0 });
    this.#inAll++;
    this.#streams.set(stream, players);
  }

  /** Counts a player with a pending request as a viewer until the returned function is called. */
  waits(stream: string, player: string): () => void {
    const players = this.#streams.get(stream);
    const known = players?.get(player);
    if (!players || !known) return () => undefined;
    known.held++;
    return () => {
      known.held--;
      if (players.get(player) === known) this.#refresh(players, player, known);
    };
  }

  /** Number of viewers of a stream. */
  of(stream: string): number {
    const players = this.#streams.get(stream);
    if (!players) return 0;
    this.#forgetOld(stream, players);
    return players.size;
  }

  /** Removes players that watch no more, of all streams. */
  forgetOld(): void {
    for (const [stream, players] of this.#streams) this.#forgetOld(stream, players);
  }

  #refresh(players: Map<string, Seen>, player: string, known: Seen): void {
    known.atMs = this.#nowMs();
    players.delete(player);
    players.set(player, known);
  }

  #forgetOld(stream: string, players: Map<string, Seen>): void {
    const beforeMs = this.#nowMs() - WATCHES_MS;
    for (const [player, known] of players) {
      if (known.atMs >= beforeMs) break;
      if (known.held > 0) this.#refresh(players, player, known);
      else if (players.delete(player)) this.#inAll--;
    }
    if (players.size === 0) this.#streams.delete(stream);
  }
}
