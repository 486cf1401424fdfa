/**
 * Messages that wait for the mail server, in the metadata store. Recipient and text are sealed: links in them
 * set passwords.
 * In: messages of the queue, a secret box. Out: rows of the table `mail_message`. Times are whole µs there,
 * ms here.
 */
import type { Kysely, Selectable } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import type { MailMessageTable } from '../../store/tables/account-tables.ts';
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
  /** Rows that several nodes send; absent: only this process does. */
  readonly shared?: SharedMails;
}

/**
 * Claims of nodes that share one table. A node owns a message until the time of its next attempt; then any
 * node may take it.
 */
export interface SharedMails {
  /**
   * Takes messages whose time has come, the oldest first.
   *
   * @param untilMs the next attempt, if this node does not come to it: ms since 1970
   */
  take(limit: number, times: { readonly nowMs: number; readonly untilMs: number }): Promise<readonly StoredMail[]>;
  /**
   * Moves the next attempt of a message, and notes the failed ones; false if another node has it, or it was
   * removed.
   */
  move(message: Pick<WaitingMail, 'id' | 'nextMs' | 'tries'>, toMs: number): Promise<boolean>;
  /** Removes the messages about a user, of all nodes. */
  removeOf(userId: string): Promise<void>;
}

/** The stored message. */
export function sealMail({ to, content, ...row }: WaitingMail, box: SecretBox): StoredMail {
  return { ...row, sealed: box.seal(JSON.stringify({ to, content })) };
}

/** A stored message; undefined if the secret of this server has changed. */
export function openMail({ sealed, ...row }: StoredMail, box: SecretBox): WaitingMail | undefined {
  const text = box.open(sealed);
  return text === undefined ? undefined : { ...row, ...(JSON.parse(text) as Pick<WaitingMail, 'to' | 'content'>) };
}

/** The messages in the metadata store. @param isShared several nodes send them */
export function mailRows(db: Kysely<Tables>, isShared = false): MailRows {
  return {
    ...(isShared && { shared: sharedMails(db) }),
    async all() {
      return (await db.selectFrom('mail_message').selectAll().orderBy('seq').execute()).map(storedOf);
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

function sharedMails(db: Kysely<Tables>): SharedMails {
  return {
    async take(limit, { nowMs, untilMs }) {
      const nowUs = Math.round(nowMs * 1000);
      const due = db.selectFrom('mail_message').select('id').where('next_us', '<=', nowUs).orderBy('seq').limit(limit);
      const ids = (await due.execute()).map(({ id }) => id);
      if (ids.length === 0) return [];
      // Of two nodes that have found the same message, the first changes it.
      const taken = await db
        .updateTable('mail_message')
        .set({ next_us: Math.round(untilMs * 1000) })
        .where('id', 'in', ids)
        .where('next_us', '<=', nowUs)
        .returningAll()
        .execute();
      return taken.map(storedOf);
    },
    async move({ id, nextMs, tries }, toMs) {
      const { numUpdatedRows } = await db
        .updateTable('mail_message')
        .set({ tries, next_us: Math.round(toMs * 1000) })
        .where('id', '=', id)
        .where('next_us', '=', Math.round(nextMs * 1000))
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    removeOf: async (userId) => void (await db.deleteFrom('mail_message').where('user_id', '=', userId).execute()),
  };
}

function storedOf({ id, user_id, sealed, tries, next_us, expires_us }: Selectable<MailMessageTable>): StoredMail {
  return {
    id,
    userId: user_id ?? undefined,
    sealed,
    tries,
    nextMs: next_us / 1000,
    expiresMs: expires_us / 1000,
  };
}
