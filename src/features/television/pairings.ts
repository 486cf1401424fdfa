/**
 * Televisions that wait for a person. They are in the database, so every node answers.
 * In: a code, a secret. Out: who has allowed the television, once. RFC 8628; docs/decisions/0125.
 */
import { randomInt } from 'node:crypto';
import type { Kysely } from 'kysely';
import { createSecret, digestOf } from '../../accounts/random-secret.ts';
import { CODE_LENGTH, CODE_LETTERS } from '../../api/television/television-shapes.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../../store/schema.ts';

/** A pairing is valid for this long, ms. */
export const PAIRING_MS = 10 * 60_000;
/** Televisions that wait at the same time. */
export const MAX_WAITING = 1000;

/** What a person has allowed. */
export interface Allowed {
  /** Undefined: the administrator of the command line. */
  readonly userId: string | undefined;
  /** Path of the page that opens. */
  readonly opens: string;
  /** The session of the person. What one that ends meanwhile has allowed, is not. */
  readonly sessionId: string;
}

export class Pairings {
  readonly #db: Kysely<Tables>;
  readonly #clock: Clock;

  constructor(db: Kysely<Tables>, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @throws OxbowError `limit-reached` */
  async make(): Promise<{ readonly code: string; readonly secret: string; readonly expiresMs: number }> {
    const nowUs = this.#nowUs();
    await this.#db.deleteFrom('television_pairing').where('expires_us', '<=', nowUs).execute();
    const { count } = await this.#db
      .selectFrom('television_pairing')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_WAITING) {
      throw new OxbowError('limit-reached', `${MAX_WAITING} televisions wait for a person already; try again later.`);
    }
    const code = Array.from({ length: CODE_LENGTH }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]).join('');
    const secret = createSecret();
    const expiresMs = this.#clock.nowMs() + PAIRING_MS;
    const row = { code: digestOf(code), secret: digestOf(secret), expires_us: nowUs + PAIRING_MS * 1000 };
    await this.#db
      .insertInto('television_pairing')
      .values({ ...row, approved: 0, user_id: null, session_id: null, opens: '/tv' })
      .execute();
    return { code, secret, expiresMs };
  }

  /**
   * Allows a television once.
   *
   * @param code in any case, with or without a separator
   * @throws OxbowError `television-unknown` for a code that no television shows now
   */
  async allow(code: string, { userId, opens, sessionId }: Allowed): Promise<void> {
    const letters = code.toUpperCase().replace(/[^A-Z]/g, '');
    const changed = await this.#db
      .updateTable('television_pairing')
      .set({ approved: 1, user_id: userId ?? null, opens, session_id: sessionId })
      .where('code', '=', digestOf(letters))
      .where('approved', '=', 0)
      .where('expires_us', '>', this.#nowUs())
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) {
      throw new OxbowError('television-unknown', `No television shows the code ${letters.slice(0, 20)} now.`);
    }
  }

  /**
   * What a person has allowed, for one request only; undefined while none has.
   *
   * @throws OxbowError `television-gone` once the code has expired or was redeemed
   */
  async redeem(secret: string): Promise<Allowed | undefined> {
    const digest = digestOf(secret);
    const nowUs = this.#nowUs();
    const row = await this.#db
      .selectFrom('television_pairing')
      .selectAll()
      .where('secret', '=', digest)
      .where('expires_us', '>', nowUs)
      .executeTakeFirst();
    if (!row) throw new OxbowError('television-gone', 'The code of this television has expired; request another one.');
    if (row.approved === 0) return undefined;
    // Of two requests at the same time one deletes it.
    const deleted = await this.#db.deleteFrom('television_pairing').where('secret', '=', digest).executeTakeFirst();
    if (deleted.numDeletedRows === 0n)
      throw new OxbowError('television-gone', 'The code of this television was redeemed already.');
    return { userId: row.user_id ?? undefined, opens: row.opens, sessionId: row.session_id ?? '' };
  }

  #nowUs(): number {
    return Math.round(this.#clock.nowMs() * 1000);
  }
}
