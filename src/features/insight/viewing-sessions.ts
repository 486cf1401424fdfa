/**
 * Follows the sessions of players by their reports, and adds up what each did in each minute.
 * In: reports in the order in which they come, of this node. Out: rows of minutes that are over; the audience
 * now. Bounded memory. docs/9-run/insight.md.
 */
import type { CmcdReport } from './cmcd/report.ts';
import { openSession, type PlaySession, playedTo, type ReportedBy, takeReport } from './play-session.ts';
import { type Content, MINUTE_MS, type ViewingRow } from './viewing-row.ts';

/** A session without reports for this long is over, ms. Players report every 30 s or more often. */
const SILENT_MS = 180_000;
/** One that has said goodbye is forgotten after this, ms: reports may come in another order. */
const ENDED_MS = 60_000;
/** A minute is stored this long after its end, ms: players collect reports. */
const STORED_AFTER_MS = 10_000;

/** Most sessions in memory, about 1 KB each. */
export interface SessionLimits {
  readonly inAll: number;
  /** Of one address, or one /64 of IPv6. */
  readonly perClient: number;
}

const sessionLimits: SessionLimits = { inAll: 50_000, perClient: 1000 };

/** A session that plays now. */
export interface PlayingNow {
  readonly session: string;
  readonly content: Content;
  readonly edge: string;
  readonly country: string;
  readonly isLive: boolean;
}

interface ViewingSessionsOptions {
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** Takes the rows. */
  readonly store: (row: ViewingRow) => void;
  readonly limits?: SessionLimits;
}

/** The sessions of this node. */
export class ViewingSessions {
  readonly #options: ViewingSessionsOptions;
  readonly #limits: SessionLimits;
  /** By content and session. */
  readonly #sessions = new Map<string, PlaySession>();
  /** Sessions of each client. */
  readonly #clients = new Map<string, number>();

  constructor(options: ViewingSessionsOptions) {
    this.#options = options;
    this.#limits = options.limits ?? sessionLimits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Takes a report.
   *
   * @returns false if it is of a new session beyond the limits
   */
  report(by: ReportedBy, report: CmcdReport): boolean {
    const key = `${by.content.kind} ${by.content.id} ${report.session}`;
    const nowMs = this.#options.nowMs();
    const session = this.#sessions.get(key) ?? this.#open(key, by, report.session, nowMs);
    if (!session) return false;
    takeReport(session, by, report, nowMs);
    return true;
  }

  /** The sessions that play. */
  playing(): PlayingNow[] {
    return [...this.#sessions.values()]
      .filter(({ state }) => state === 'p' || state === 'r' || state === 'k' || state === 'w')
      .map(({ id, content, edge, country, isLive }) => ({ session: id, content, edge, country, isLive }));
  }

  /** Stores minutes that are over, and forgets sessions that are. */
  sweep(): void {
    const nowMs = this.#options.nowMs();
    const before = Math.floor((nowMs - STORED_AFTER_MS) / MINUTE_MS);
    for (const [key, session] of this.#sessions) {
      const silentMs = nowMs - session.heardMs;
      const isOver = silentMs > (session.hasEnded ? ENDED_MS : SILENT_MS);
      if (isOver) this.#end(key, session);
      else this.#store(session, before);
    }
  }

  /** Stores everything: the process ends. */
  close(): void {
    for (const [key, session] of this.#sessions) {
      this.#store(session, Number.POSITIVE_INFINITY);
      this.#remove(key, session);
    }
  }

  #open(key: string, by: ReportedBy, sid: string, nowMs: number): PlaySession | undefined {
    const ofClient = this.#clients.get(by.client) ?? 0;
    const { inAll, perClient } = this.#limits;
    if (this.#sessions.size >= inAll || (by.client !== '' && ofClient >= perClient)) return undefined;
    const session = openSession(by, sid, nowMs);
    this.#sessions.set(key, session);
    this.#clients.set(by.client, ofClient + 1);
    return session;
  }

  #end(key: string, session: PlaySession): void {
    playedTo(session, session.heardMs);
    if (session.positionMs !== undefined) session.minuteAt(session.lastMs).leftS = session.positionMs / 1000;
    this.#store(session, Number.POSITIVE_INFINITY);
    this.#remove(key, session);
  }

  #remove(key: string, { client }: PlaySession): void {
    this.#sessions.delete(key);
    const left = (this.#clients.get(client) ?? 1) - 1;
    if (left > 0) this.#clients.set(client, left);
    else this.#clients.delete(client);
  }

  /** @param before minute since 1970 */
  #store({ minutes }: PlaySession, before: number): void {
    for (const [minute, row] of minutes) {
      if (minute >= before) continue;
      minutes.delete(minute);
      this.#options.store(row);
    }
  }
}
