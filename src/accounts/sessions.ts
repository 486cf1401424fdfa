/**
 * Sessions of browsers that are signed in: as a user, or as the administrator of the command line, by a
 * cookie with a random secret.
 * In: the secret of a cookie. Out: its session. Only the digest of the secret is stored.
 */
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { createSecret, digestOf } from './random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

/** The session of one browser. */
export interface Session extends SecretRow {
  /** Undefined: the administrator of the command line. */
  readonly userId: string | undefined;
  readonly createdMs: number;
  /** Last use, to the hour. */
  readonly seenMs: number;
  /** IP address at sign-in. */
  readonly address: string;
  /** User-Agent at sign-in, cut to 300 characters. */
  readonly program: string;
  /** Of a television: it watches and joins rooms as its user, and changes nothing else. */
  readonly isTelevision: boolean;
}

/** A session expires this long after its last use, ms. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** The last use is stored at most this often, ms. */
const SEEN_EACH_MS = 3_600_000;
/**
 * Above this the user's least recently used session is removed; of the administrator of the command line, who
 * has many programs, 1000.
 */
const MAX_OF_USER = 50;
const MAX_OF_ADMINISTRATOR = 1000;
/** Most sessions in all. */
const MAX_SESSIONS = 200_000;
const MAX_PROGRAM = 300;

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
    await sessions.removeExpired();
    return sessions;
  }

  /** Valid sessions, the most recently used first. */
  get all(): readonly Session[] {
    return this.#table.all.filter((session) => this.#lasts(session)).sort((a, b) => b.seenMs - a.seenMs);
  }

  /** Valid sessions of a user, the most recently used first. */
  of(userId: string | undefined): readonly Session[] {
    const sessions = this.#table.all.filter((session) => session.userId === userId && this.#lasts(session));
    return sessions.sort((a, b) => b.seenMs - a.seenMs);
  }

  /** A valid session. */
  get(id: string): Session | undefined {
    const session = this.#table.get(id);
    return session && this.#lasts(session) ? session : undefined;
  }

  /** A valid session, as it is in the database now: another node may have begun or ended it a moment ago. */
  async read(id: string): Promise<Session | undefined> {
    await this.#table.refresh(id);
    return this.get(id);
  }

  /**
   * Creates the session of a browser. The secret is returned only here.
   *
   * @throws OxbowError `limit-reached`
   */
  async make(from: {
    readonly address: string;
    readonly program: string;
    readonly userId?: string | undefined;
    /** Default false. */
    readonly isTelevision?: boolean;
  }): Promise<{ readonly session: Session; readonly secret: string }> {
    if (this.#table.size >= MAX_SESSIONS) await this.removeExpired();
    if (this.#table.size >= MAX_SESSIONS) {
      throw new OxbowError('limit-reached', `${MAX_SESSIONS} browsers are signed in already.`);
    }
    const most = from.userId === undefined ? MAX_OF_ADMINISTRATOR : MAX_OF_USER;
    for (const { id } of this.of(from.userId).slice(most - 1)) await this.#table.remove(id);
    const secret = createSecret();
    const nowMs = this.#clock.nowMs();
    const session: Session = {
      id: createSecret(9),
      digest: digestOf(secret),
      userId: from.userId,
      createdMs: nowMs,
      seenMs: nowMs,
      address: from.address,
      program: from.program.slice(0, MAX_PROGRAM),
      isTelevision: from.isTelevision ?? false,
    };
    await this.#table.put(session);
    return { session, secret };
  }

  /** The session of a secret; undefined if unknown or expired. */
  find(secret: string): Session | undefined {
    const session = this.#table.find(secret);
    return session && this.#lasts(session) ? session : undefined;
  }

  /** As `SecretTable.lookUp`. */
  lookUp(secret: string): Promise<void> | undefined {
    return this.#table.lookUp(secret, this.#clock.monotonicMs());
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

  /** Ends all sessions of a user at once, but the one to keep. */
  async removeOf(userId: string | undefined, { keep }: { readonly keep?: string | undefined } = {}): Promise<void> {
    await Promise.all(this.of(userId).map(async ({ id }) => id !== keep && this.#table.remove(id)));
  }

  /** Deletes expired sessions: they count no more, and their addresses are not kept. Call it now and then. */
  async removeExpired(): Promise<void> {
    for (const session of this.#table.all) if (!this.#lasts(session)) await this.#table.remove(session.id);
  }

  #lasts({ seenMs }: Session): boolean {
    return this.#clock.nowMs() - seenMs < SESSION_MS;
  }
}
