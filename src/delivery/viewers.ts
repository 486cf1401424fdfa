/**
 * Counts viewers: distinct players that requested media of a stream in the last 30 seconds, or reported that
 * they play it.
 * In: a player key for each request, for each that waits, and for each report. Out: the number of viewers,
 * their sessions. Constant work per request, bounded memory. docs/9-run/https-and-proxies.md, viewers behind
 * a CDN.
 */
import type { MediaAddress } from '../api/media-address.ts';
import { dropOldest } from '../lib/drop-oldest.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import { AnonymousPlayers } from './live/anonymous-players.ts';
import type { PlayerReport, ReportText } from './player-report.ts';

/** A player without requests and reports for this long is no viewer, ms. */
const WATCHES_MS = 30_000;

/** Resolution of the last request, ms. */
const FRESH_MS = 1000;

/**
 * Requests that were under way when a player said goodbye are counted this much later, ms: serving threads
 * report every 250 ms.
 */
const GOODBYE_MS = 2000;
const MAX_GOODBYES = 10_000;

/** Most players that are counted. */
export interface ViewerLimits {
  readonly perStream: number;
  readonly inAll: number;
  /** Of one stream, with the same client in their keys. As many as may hold requests from one address. */
  readonly perClient: number;
}

/** About 200 bytes each. */
const viewerLimits: ViewerLimits = { perStream: 50_000, inAll: 200_000, perClient: 1000 };

interface Seen {
  readonly client: string;
  readonly startedMs: number;
  atMs: number;
  /** Pending requests. */
  held: number;
  /** The last report, and when it came. */
  report: PlayerReport | undefined;
  reportedMs: number;
  /** Reports of a buffer that ran empty after the start. */
  stalls: number;
  /** From the first request or report to the first report that it plays, ms. */
  startupMs: number | undefined;
}

/** The playback of a player that has reported, when it is over. */
export interface EndedPlayback {
  readonly stream: string;
  /** From the first request or report to the last. */
  readonly tookMs: number;
  /** It ended this long ago. */
  readonly agoMs: number;
  readonly startupMs: number | undefined;
  readonly stalls: number;
  readonly hasFailed: boolean;
  readonly last: PlayerReport;
}

/** What a player says in a report, or in a request for media. */
export interface ReportedPlayback {
  /** Name of the stream, or the path of the media. */
  readonly content: string;
  readonly text: ReportText;
  readonly isRequest: boolean;
}

/** The players of one stream. */
interface Audience {
  /** Least recent first. */
  readonly players: Map<string, Seen>;
  /** Players of each client. */
  readonly clients: Map<string, number>;
}

/** One player's playback of a stream. Ages are ms before now. */
export interface Session {
  readonly id: string;
  readonly startedAgoMs: number;
  readonly seenAgoMs: number;
  /** The last report; undefined: the player is known only by its requests. */
  readonly report: PlayerReport | undefined;
  /** Age of the report. */
  readonly reportedAgoMs: number;
}

/** Viewers of all streams. */
export class Viewers {
  readonly #nowMs: () => number;
  readonly #limits: ViewerLimits;
  readonly #onOver: () => void;
  readonly #onPlayed: ((playback: EndedPlayback) => void) | undefined;
  readonly #anonymous: AnonymousPlayers;
  readonly #streams = new Map<string, Audience>();
  /** When players said goodbye, by stream and player, oldest first. */
  readonly #goodbyes = new Map<string, number>();
  #inAll = 0;
  readonly #reports = new Emitter<ReportedPlayback>();

  /**
   * @param options.nowMs a clock that never steps, ms
   * @param options.onOver called for each request of a player beyond the limits
   * @param options.onPlayed called for each player that has reported, when it has left
   */
  constructor(options: {
    nowMs: () => number;
    onOver?: () => void;
    onPlayed?: ((playback: EndedPlayback) => void) | undefined;
    limits?: ViewerLimits;
  }) {
    this.#nowMs = options.nowMs;
    this.#limits = options.limits ?? viewerLimits;
    this.#onOver = options.onOver ?? (() => undefined);
    this.#onPlayed = options.onPlayed;
    this.#anonymous = new AnonymousPlayers(options.nowMs);
  }

  /** Emits every report of a player that names its session. */
  get reports(): Subscribable<ReportedPlayback> {
    return this.#reports;
  }

  /**
   * Notes a player that was served.
   *
   * @param key the same for all requests of a player: its identity, and after a dot what limits players of
   *   one client
   * @param address what it requested, if other players may have the same name
   */
  seen(stream: string, key: string, address?: MediaAddress): void {
    const name = address === undefined ? key : this.#anonymous.nameOf(stream, key, address);
    const player = identityOf(name);
    const audience = this.#streams.get(stream);
    const present = audience?.players.get(player);
    if (audience && present) {
      if (this.#nowMs() - present.atMs > FRESH_MS) this.#refresh(audience.players, player, present);
      return;
    }
    const leftMs = this.#goodbyes.get(`${stream} ${player}`);
    if (leftMs !== undefined && this.#nowMs() - leftMs < GOODBYE_MS) return;
    this.#add(stream, player, clientOf(name));
  }

  /**
   * Notes what a player says about itself; a goodbye removes it.
   *
   * @param key as for `seen`: a player is one viewer by its requests and by its reports
   */
  reported(stream: string, key: string, report: PlayerReport): void {
    if (report.text) this.#reports.emit({ content: stream, text: report.text, isRequest: false });
    const player = identityOf(key);
    const goodbye = `${stream} ${player}`;
    if (report.hasLeft) {
      if (!this.#remove(stream, player, report)) return;
      this.#goodbyes.delete(goodbye);
      this.#goodbyes.set(goodbye, this.#nowMs());
      dropOldest(this.#goodbyes, MAX_GOODBYES);
      return;
    }
    this.#goodbyes.delete(goodbye);
    const audience = this.#streams.get(stream);
    const present = audience?.players.get(player);
    if (audience && present) this.#refresh(audience.players, player, present);
    const seen = present ?? this.#add(stream, player, clientOf(key));
    if (!seen) return;
    if (report.state === 'buffering' && seen.report?.state === 'playing') seen.stalls++;
    seen.report = report;
    seen.reportedMs = this.#nowMs();
    if (report.state === 'playing') seen.startupMs ??= seen.reportedMs - seen.startedMs;
  }

  /**
   * Notes what a player says in a request for media.
   *
   * @param content name of the stream, or the path
   */
  requested(content: string, text: ReportText): void {
    this.#reports.emit({ content, text, isRequest: true });
  }

  /** Counts a player with a pending request as a viewer until the returned function is called. */
  waits(stream: string, key: string): () => void {
    const player = identityOf(key);
    const players = this.#streams.get(stream)?.players;
    const seen = players?.get(player);
    if (!players || !seen) return () => undefined;
    seen.held++;
    return () => {
      seen.held--;
      if (players.get(player) === seen) this.#refresh(players, player, seen);
    };
  }

  /**
   * Counts a player with its own connection, until the returned function is called.
   * @param key as for `seen`
   */
  connected(stream: string, key: string): () => void {
    this.seen(stream, key);
    const stop = this.waits(stream, key);
    return () => {
      stop();
      this.#remove(stream, identityOf(key));
    };
  }

  /** Number of viewers of a stream. */
  of(stream: string): number {
    const audience = this.#streams.get(stream);
    if (!audience) return 0;
    this.#forgetOld(stream, audience);
    return audience.players.size;
  }

  /** The sessions of a stream's viewers. */
  sessions(stream: string): Session[] {
    if (this.of(stream) === 0) return [];
    const nowMs = this.#nowMs();
    return Array.from(this.#streams.get(stream)!.players, ([id, { startedMs, atMs, held, report, reportedMs }]) => ({
      id,
      startedAgoMs: nowMs - startedMs,
      seenAgoMs: held > 0 ? 0 : nowMs - atMs,
      report,
      reportedAgoMs: nowMs - reportedMs,
    }));
  }

  /** Removes players that watch no more, of all streams. */
  forgetOld(): void {
    for (const [stream, audience] of this.#streams) this.#forgetOld(stream, audience);
  }

  /** Adds a player; undefined beyond the limits. */
  #add(stream: string, player: string, client: string): Seen | undefined {
    const audience = this.#streams.get(stream) ?? { players: new Map(), clients: new Map() };
    this.#forgetOld(stream, audience);
    const { players, clients } = audience;
    const { perStream, inAll, perClient } = this.#limits;
    const ofClient = clients.get(client) ?? 0;
    if (players.size >= perStream || this.#inAll >= inAll || (client !== '' && ofClient >= perClient)) {
      this.#onOver();
      return undefined;
    }
    const nowMs = this.#nowMs();
    const seen: Seen = {
      client,
      startedMs: nowMs,
      atMs: nowMs,
      held: 0,
      report: undefined,
      reportedMs: nowMs,
      stalls: 0,
      startupMs: undefined,
    };
    players.set(player, seen);
    clients.set(client, ofClient + 1);
    this.#inAll++;
    this.#streams.set(stream, audience);
    return seen;
  }

  #refresh(players: Map<string, Seen>, player: string, seen: Seen): void {
    seen.atMs = this.#nowMs();
    players.delete(player);
    players.set(player, seen);
  }

  /** @returns false if it was not counted */
  #remove(stream: string, player: string, goodbye?: PlayerReport): boolean {
    const audience = this.#streams.get(stream);
    const seen = audience?.players.get(player);
    if (!audience || !seen) return false;
    const { players, clients } = audience;
    players.delete(player);
    this.#inAll--;
    const left = clients.get(seen.client)! - 1;
    if (left > 0) clients.set(seen.client, left);
    else clients.delete(seen.client);
    if (players.size === 0) this.#streams.delete(stream);
    const last = seen.report ?? goodbye;
    if (this.#onPlayed && last) {
      const { startedMs, startupMs, stalls } = seen;
      const endedMs = goodbye ? this.#nowMs() : seen.atMs;
      const agoMs = this.#nowMs() - endedMs;
      const hasFailed = goodbye?.hasFailed === true;
      this.#onPlayed({ stream, tookMs: endedMs - startedMs, agoMs, startupMs, stalls, hasFailed, last });
    }
    return true;
  }

  #forgetOld(stream: string, { players }: Audience): void {
    const beforeMs = this.#nowMs() - WATCHES_MS;
    for (const [player, seen] of players) {
      if (seen.atMs >= beforeMs) break;
      if (seen.held > 0) this.#refresh(players, player, seen);
      else this.#remove(stream, player);
    }
  }
}

function identityOf(key: string): string {
  const dot = key.indexOf('.');
  return dot < 0 ? key : key.slice(0, dot);
}

/** Empty: not limited. */
function clientOf(key: string): string {
  const dot = key.indexOf('.');
  return dot < 0 ? '' : key.slice(dot + 1);
}
