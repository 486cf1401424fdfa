/**
 * Sessions of browsers that are signed in as administrator, by a cookie with a random secret.
 * In: the secret of a cookie. Out: its session. Only the digest of the secret is stored.
 */
import type { Clock } from '../lib/clock.ts';
import { createSecret, digestOf } from './random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

/** The session of one browser. */
export interface Session extends SecretRow {
  readonly createdMs: number;
  /** Last use, to the hour. */
  readonly seenMs: number;
  /** IP address at sign-in. */
  readonly address: string;
  /** User-Agent at sign-in, cut to 300 characters. */
  readonly program: string;
}

/** A session expires so long after its last use, ms. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** The last use is stored at most this often, ms. */
const SEEN_EACH_MS = 3_600_000;
/** Above this the least recently used session is removed. */
const MAX_SESSIONS = 1000;
const MAX_PROGRAM = 300;

/** All sessions. */
export class Sessions {
  readonly #table: SecretTable<Session>;
  readonly #clock: Clock;

  private constructor(table: SecretTable<Session>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Reads the stored sessions; expired ones are deleted. */
  static async open(rows: Rows<Session>, clock: Clock): Promise<Sessions> {
    const sessions = new Sessions(await SecretTable.open(rows), clock);
    for (const session of sessions.#table.all) {
      if (!sessions.#lasts(session)) await sessions.#table.remove(session.id);
    }
    return sessions;
  }

  /** Valid sessions, the most recently used first. */
  get all(): readonly Session[] {
    return this.#table.all.filter((one) => this.#lasts(one)).sort((a, b) => b.seenMs - a.seenMs);
  }

  /** Creates the session of a browser. The secret is returned only here. */
  async make(from: {
    readonly address: string;
    readonly program: string;
  }): Promise<{ readonly session: Session; readonly secret: string }> {
    for (const { id } of this.all.slice(MAX_SESSIONS - 1)) await this.#table.remove(id);
    const secret = createSecret();
    const nowMs = this.#clock.nowMs();
    const session: Session = {
      id: createSecret(9),
      digest: digestOf(secret),
      createdMs: nowMs,
      seenMs: nowMs,
      address: from.address,
      program: from.program.slice(0, MAX_PROGRAM),
    };
    await this.#table.put(session);
    return { session, secret };
  }

  /** The session of a secret; undefined if unknown or expired. */
  find(secret: string): Session | undefined {
    const session = this.#table.find(secret);
    return session && this.#lasts(session) ? session : undefined;
  }

  /** Extends a session; true if the cookie of the browser has to be extended too. */
  async seen(session: Session): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    if (nowMs - session.seenMs < SEEN_EACH_MS) return false;
    await this.#table.change({ ...session, seenMs: nowMs });
    return true;
  }

  /** Ends a session at once; false for an unknown id. */
  remove(id: string): Promise<boolean> {
    return this.#table.remove(id);
  }

  #lasts({ seenMs }: Session): boolean {
    return this.#clock.nowMs() - seenMs < SESSION_MS;
  }
}
