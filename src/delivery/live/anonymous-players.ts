/**
 * Distinguishes players that send the same address and User-Agent and no session. A player requests each live
 * segment once, so a second request for a segment comes from a second player.
 * In: requests for segments and parts. Out: a player name. Bounded memory; it samples one segment every few
 * seconds. Limits: players of recordings are not distinguished, nor a player of parts from one of segments; a
 * repeated request counts as a second player for half a minute; each serving thread counts separately, so the
 * result may be too low.
 */
import type { MediaAddress } from '../../api/media-address.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';

/** Interval of sampled segments, ms: well below the 30 s for which a viewer counts. */
const EVERY_MS = 5000;
/** Requests for a sampled segment are counted for this long, ms: the most that players are apart. */
const APART_MS = 30_000;
const MAX_WATCHED = APART_MS / EVERY_MS;
/**
 * Players counted for one segment; others are distinguished by address and User-Agent only. About 100 bytes
 * each.
 */
const MAX_PLAYERS = 4000;
/** Players of one address and User-Agent. */
const MAX_PER_CLIENT = 100;
const MAX_STREAMS = 2000;

interface Watched {
  readonly msn: number;
  readonly atMs: number;
  /** By player and rendition. */
  readonly requests: Map<string, number>;
}

/** Players of all streams. */
export class AnonymousPlayers {
  readonly #nowMs: () => number;
  /** Newest segment last; the stream that was added first is removed first. */
  readonly #streams = new Map<string, Watched[]>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * The name of the player that sent a request.
   *
   * @param player key of address and User-Agent
   * @param address what it requests; segments and first parts are counted
   */
  nameOf(stream: string, player: string, address: MediaAddress): string {
    const isCounted =
      address.kind === 'segment' || address.kind === 'ts-segment' || (address.kind === 'part' && address.part === 0);
    const watched = isCounted ? this.#watch(stream, address.msn) : undefined;
    if (!watched) return player;
    const { requests } = watched;
    const key = `${player} ${address.kind} ${'rendition' in address ? address.rendition : ''}`;
    const count = (requests.get(key) ?? 0) + 1;
    if (count > MAX_PER_CLIENT || (count === 1 && requests.size >= MAX_PLAYERS)) return player;
    requests.set(key, count);
    return count === 1 ? player : `${count}+${player}`;
  }

  /** The sampled segment; undefined if the segment is not sampled. */
  #watch(stream: string, msn: number): Watched | undefined {
    const nowMs = this.#nowMs();
    const players = this.#streams.get(stream) ?? [];
    const player = players.find((candidate) => candidate.msn === msn);
    if (player) return nowMs - player.atMs <= APART_MS ? player : undefined;
    const newest = players.at(-1);
    if (newest && (msn < newest.msn || nowMs - newest.atMs < EVERY_MS)) return undefined;
    const watched = { msn, atMs: nowMs, requests: new Map<string, number>() };
    players.push(watched);
    if (players.length > MAX_WATCHED) players.shift();
    this.#streams.set(stream, players);
    dropOldest(this.#streams, MAX_STREAMS);
    return watched;
  }
}
