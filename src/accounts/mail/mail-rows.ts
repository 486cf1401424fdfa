/**
 * Messages that wait for the mail server, in the metadata store. Recipient and text are sealed: links in them set passwords.
 * In: messages of the queue, a secret box. Out: rows of the table `mail_message`. Times are whole µs there, ms here.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import type { SecretBox } from '../secret-box.ts';
import type { MailContent } from './messages.ts';

/** A message that waits. */
export interface WaitingMail {
  readonly id: string;
  /** The user that it is about; undefined: an invitation. */
  readonly userId: string | undefined;
  readonly to: string;
  readonly content: MailContent;
  /** Attempts that failed. */
  readonly tries: number;
  /** Time of the next attempt, ms since 1970. */
  readonly nextMs: number;
  /** After this it is of no use, ms since 1970. */
  readonly expiresMs: number;
}

/** A message as it is stored. */
export interface StoredMail extends Omit<WaitingMail, 'to' | 'content'> {
  /** Recipient and content, see `sealMail`. */
  readonly sealed: string;
}

/** Where messages are stored. */
export interface MailRows {
  /** The oldest first. */
  all(): Promise<readonly StoredMail[]>;
  /** Adds a message, or notes its next attempt. */
  put(row: StoredMail): Promise<void>;
  remove(id: string): Promise<void>;
}

/** What is stored of a message. */
export function sealMail({ to, content, ...row }: WaitingMail, box: SecretBox): StoredMail {
  return { ...row, sealed: box.seal(JSON.stringify({ to, content })) };
}

/** A stored message; undefined if the secret of this server has changed. */
export function openMail({ sealed, ...row }: StoredMail, box: SecretBox): WaitingMail | undefined {
  const text = box.open(sealed);
  return text === undefined ? undefined : { ...row, ...(JSON.parse(text) as Pick<WaitingMail, 'to' | 'content'>) };
}

/** The messages in the metadata store. */
export function mailRows(db: Kysely<Tables>): MailRows {
  return {
    async all() {
      const rows = await db.selectFrom('mail_message').selectAll().orderBy('seq').execute();
      return rows.map(({ id, user_id, sealed, tries, next_us, expires_us }) => ({
        ...{ id, userId: user_id ?? undefined, sealed, tries },
        ...{ nextMs: next_us / 1000, expiresMs: expires_us / 1000 },
      }));
    },
    async put({ id, userId, sealed, tries, nextMs, expiresMs }) {
      const next_us = Math.round(nextMs * 1000);
      const expires_us = Math.round(expiresMs * 1000);
      await db
        .insertInto('mail_message')
        .values({ id, user_id: userId ?? null, sealed, tries, next_us, expires_us })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ tries, next_us }))
        .execute();
    },
    remove: async (id) => void (await db.deleteFrom('mail_message').where('id', '=', id).execute()),
  };
}
