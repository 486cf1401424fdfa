/**
 * One-time codes in links that are sent by e-mail. Only their digests are stored; a code works once, until it
 * expires, and a new one of the same kind replaces it.
 * In: users and addresses. Out: codes; the user and address of a code that comes back.
 */
import type { Kysely } from 'kysely';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../../store/schema.ts';
import { createSecret, digestOf } from '../random-secret.ts';

/** The purpose of a code. */
type EmailCodeKind = 'verify' | 'reset';

/** A code that was sent. */
interface EmailCode {
  readonly userId: string;
  readonly kind: EmailCodeKind;
  readonly email: string;
}

/** Where codes are stored. */
export interface EmailCodeRows {
  /** Replaces the user's codes of this kind, and removes those that have expired. */
  put(row: EmailCode & { readonly digest: string; readonly expiresMs: number }, nowMs: number): Promise<void>;
  /** Removes a code and returns it. Of two calls at the same time one gets it. */
  take(digest: string): Promise<(EmailCode & { readonly expiresMs: number }) | undefined>;
  /** Removes the codes of a user; `kind` undefined: of any kind. */
  removeOf(userId: string, kind?: EmailCodeKind): Promise<void>;
}

/** How long a code works, ms. */
export const CODE_LIFETIME_MS: Readonly<Record<EmailCodeKind, number>> = { verify: 24 * 3_600_000, reset: 3_600_000 };

export class EmailCodes {
  readonly #rows: EmailCodeRows;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(rows: EmailCodeRows, clock: Pick<Clock, 'nowMs'>) {
    this.#rows = rows;
    this.#clock = clock;
  }

  /** Creates a code. It is returned only here. */
  async make(code: EmailCode): Promise<string> {
    const secret = createSecret();
    const nowMs = this.#clock.nowMs();
    await this.#rows.put({ ...code, digest: digestOf(secret), expiresMs: nowMs + CODE_LIFETIME_MS[code.kind] }, nowMs);
    return secret;
  }

  /**
   * Uses a code up for `work`; if that fails, the code stays valid. Of two calls at the same time
   * one succeeds.
   *
   * @throws OxbowError `email-code-refused` if it is unknown, expired or of another kind; as `work` does
   */
  async use<T>(secret: string, kind: EmailCodeKind, work: (code: EmailCode) => Promise<T>): Promise<T> {
    const digest = digestOf(secret);
    const code = await this.#rows.take(digest);
    const nowMs = this.#clock.nowMs();
    if (!code || code.kind !== kind || nowMs >= code.expiresMs) {
      throw new OxbowError('email-code-refused', 'The link was already used, has expired, or is incomplete.');
    }
    try {
      return await work(code);
    } catch (error) {
      await this.#rows.put({ ...code, digest }, nowMs);
      throw error;
    }
  }

  /** Revokes the codes of a user; `kind` undefined: of any kind. */
  async revoke(userId: string, kind?: EmailCodeKind): Promise<void> {
    await this.#rows.removeOf(userId, kind);
  }
}

/** The codes in the metadata store. */
export function emailCodeRows(db: Kysely<Tables>): EmailCodeRows {
  const removeOf = async (userId: string, kind?: EmailCodeKind): Promise<void> => {
    const query = db.deleteFrom('email_code').where('user_id', '=', userId);
    await (kind === undefined ? query : query.where('kind', '=', kind)).execute();
  };
  return {
    async put({ digest, userId, kind, email, expiresMs }, nowMs) {
      await db
        .deleteFrom('email_code')
        .where('expires_us', '<=', Math.round(nowMs * 1000))
        .execute();
      await removeOf(userId, kind);
      const expires_us = Math.round(expiresMs * 1000);
      await db.insertInto('email_code').values({ digest, user_id: userId, kind, email, expires_us }).execute();
    },
    async take(digest) {
      const row = await db.deleteFrom('email_code').where('digest', '=', digest).returningAll().executeTakeFirst();
      return (
        row && {
          userId: row.user_id,
          kind: row.kind as EmailCodeKind,
          email: row.email,
          expiresMs: row.expires_us / 1000,
        }
      );
    },
    removeOf,
  };
}
