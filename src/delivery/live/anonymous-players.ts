/**
 * Tells players apart that have the same address and program and name no session: a player requests each live segment once, so the
 * second request for the same segment is that of a second player.
 * In: requests for segments and parts. Out: the name of a player. Bounded memory; only a segment every few seconds is looked at.
 * Limits: players of the past are not told apart, nor one that takes parts from one that takes segments; a player that requests a
 * segment again counts as two for half a minute; each serving thread counts on its own, so with several the result may be too low.
 */
import type { MediaAddress } from '../../api/media-address.ts';

/** A segment is watched this often, ms: often enough for players that are forgotten after 30 s. */
const EVERY_MS = 5000;
/** Players are no further apart than this, ms. */
const APART_MS = 30_000;
const MAX_WATCHED = APART_MS / EVERY_MS;
/** Players whose requests for one segment are counted; others are told apart by address and program alone. About 100 bytes each. */
const MAX_PLAYERS = 4000;
/** Players of one address and program. */
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
  /** Newest segment last; the stream that was added first goes first. */
  readonly #streams = new Map<string, Watched[]>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * The name of the player behind a request.
   *
   * @param player the same for all that are alike
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
    return count === 1 ? player : `${player}+${count}`;
  }

  /** The segment, where its requests are counted. */
  #watch(stream: string, msn: number): Watched | undefined {
    const nowMs = this.#nowMs();
    const all = this.#streams.get(stream) ?? [];
    const known = all.find((one) => one.msn === msn);
    if (known) return nowMs - known.atMs <= APART_MS ? known : undefined;
    const newest = all.at(-1);
    if (newest && (msn < newest.msn || nowMs - newest.atMs < EVERY_MS)) return undefined;
    const watched = { msn, atMs: nowMs, requests: new Map<string, number>() };
    all.push(watched);
    if (all.length > MAX_WATCHED) all.shift();
    this.#streams.set(stream, all);
    if (this.#streams.size > MAX_STREAMS) this.#streams.delete(this.#streams.keys().next().value!);
    return watched;
  }
}
