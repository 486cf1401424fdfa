/**
 * Browsers that are signed in as administrator: by a cookie that holds a random word.
 * In: the word of a cookie. Out: its session; what is kept is the word's digest.
 */
import type { Clock } from '../lib/clock.ts';
import { createSecret, digestOf } from './random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

/** A browser that is signed in. */
export interface Session extends SecretRow {
  readonly createdMs: number;
  /** When it was last used, to the hour. */
  readonly seenMs: number;
  /** Whence it was signed in. */
  readonly address: string;
  /** Its User-Agent then, cut to 300 characters. */
  readonly program: string;
}

/** A session that nobody uses ends after this, ms. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** That it is used is written down this often at most, ms. */
const SEEN_EACH_MS = 3_600_000;
/** More are not kept: the one that was not used for longest goes. */
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

  /** Reads what is kept; sessions that have ended are deleted. */
  static async open(rows: Rows<Session>, clock: Clock): Promise<Sessions> {
    const sessions = new Sessions(await SecretTable.open(rows), clock);
    for (const session of sessions.#table.all) {
      if (!sessions.#lasts(session)) await sessions.#table.remove(session.id);
    }
    return sessions;
  }

  /** Those that last, the one used last first. */
  get all(): readonly Session[] {
    return this.#table.all.filter((one) => this.#lasts(one)).sort((a, b) => b.seenMs - a.seenMs);
  }

  /** Signs a browser in. The word is told once. */
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

  /** The session of a word, while it lasts. */
  find(secret: string): Session | undefined {
    const session = this.#table.find(secret);
    return session && this.#lasts(session) ? session : undefined;
  }

  /** Makes a session last anew from now on; true where it is time to tell the browser so too. */
  async seen(session: Session): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    if (nowMs - session.seenMs < SEEN_EACH_MS) return false;
    await this.#table.change({ ...session, seenMs: nowMs });
    return true;
  }

  /** Ends a session, at once; false where there is none of that id. */
  remove(id: string): Promise<boolean> {
    return this.#table.remove(id);
  }

  #lasts({ seenMs }: Session): boolean {
    return this.#clock.nowMs() - seenMs < SESSION_MS;
  }
}
