/**
 * Sessions, API tokens, stream keys and revocations in the metadata store. Times are whole µs there, ms here.
 * In: rows of the accounts. Out: rows of the store.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../store/schema.ts';
import type { ApiToken, TokenScope } from './api-tokens.ts';
import { auditRows } from './audit/audit-rows.ts';
import type { AuditRows } from './audit/audit-trail.ts';
import { type IdentityRows, identityRows } from './identity/identities.ts';
import { type EmailCodeRows, emailCodeRows } from './mail/email-codes.ts';
import { type MailRows, mailRows } from './mail/mail-rows.ts';
import type { PublishKey, PublishScope } from './publish-keys.ts';
import type { Rows } from './secret-table.ts';
import type { Session } from './sessions.ts';
import type { Invitation } from './users/invitations.ts';
import type { User } from './users/user.ts';
import { invitationRows, userRows } from './users/user-tables.ts';
import type { WatchEpoch } from './watch-tokens.ts';

/** What is kept of accounts. */
export interface AccountTables {
  readonly sessions: Rows<Session>;
  readonly tokens: Rows<ApiToken>;
  readonly publishKeys: Rows<PublishKey>;
  readonly epochs: Rows<WatchEpoch>;
  readonly users: Rows<User>;
  readonly invitations: Rows<Invitation>;
  readonly emailCodes: EmailCodeRows;
  readonly mails: MailRows;
  readonly audit: AuditRows;
  readonly identities: IdentityRows;
}

/** The tables of a store. */
export function accountTables(db: Kysely<Tables>): AccountTables {
  return {
    sessions: sessionRows(db),
    tokens: tokenRows(db),
    publishKeys: keyRows(db),
    epochs: epochRows(db),
    users: userRows(db),
    invitations: invitationRows(db),
    emailCodes: emailCodeRows(db),
    mails: mailRows(db),
    audit: auditRows(db),
    identities: identityRows(db),
  };
}

function sessionRows(db: Kysely<Tables>): Rows<Session> {
  return {
    async all() {
      const rows = await db.selectFrom('session').selectAll().execute();
      return rows.map(({ id, digest, user_id, created_us, seen_us, address, program }) => ({
        id,
        digest,
        userId: user_id ?? undefined,
        address,
        program,
        createdMs: created_us / 1000,
        seenMs: seen_us / 1000,
      }));
    },
    async put({ id, digest, userId, createdMs, seenMs, address, program }) {
      const user_id = userId ?? null;
      const row = { id, digest, user_id, created_us: toUs(createdMs), seen_us: toUs(seenMs), address, program };
      const { seen_us } = row;
      await db
        .insertInto('session')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_us }))
        .execute();
    },
    remove: async (id) => void (await db.deleteFrom('session').where('id', '=', id).execute()),
  };
}

function tokenRows(db: Kysely<Tables>): Rows<ApiToken> {
  return {
    async all() {
      const rows = await db.selectFrom('api_token').selectAll().execute();
      return rows.map(({ id, digest, user_id, label, scopes, created_us, expires_us }) => ({
        id,
        digest,
        userId: user_id ?? undefined,
        label,
        scopes: scopes.split(' ') as TokenScope[],
        createdMs: created_us / 1000,
        expiresMs: toMs(expires_us),
      }));
    },
    async put({ id, digest, userId, label, scopes, createdMs, expiresMs }) {
      const expires_us = toUsOrNull(expiresMs);
      const row = {
        id,
        digest,
        user_id: userId ?? null,
        label,
        scopes: scopes.join(' '),
        created_us: toUs(createdMs),
        expires_us,
      };
      await db.insertInto('api_token').values(row).execute();
    },
    remove: async (id) => void (await db.deleteFrom('api_token').where('id', '=', id).execute()),
  };
}

function keyRows(db: Kysely<Tables>): Rows<PublishKey> {
  return {
    async all() {
      const rows = await db.selectFrom('publish_key').selectAll().execute();
      return rows.map(({ id, digest, label, stream_id, prefix, max_streams, allow, ...times }) => ({
        id,
        digest,
        label,
        scope: scopeOf(stream_id, prefix ?? '', max_streams ?? 0),
        allow: allow === '' ? [] : allow.split(' '),
        createdMs: times.created_us / 1000,
        expiresMs: toMs(times.expires_us),
        usedMs: toMs(times.used_us),
      }));
    },
    async put({ id, digest, label, scope, allow, createdMs, expiresMs, usedMs }) {
      const changing = { expires_us: toUsOrNull(expiresMs), used_us: toUsOrNull(usedMs) };
      const of =
        scope.type === 'stream'
          ? { stream_id: scope.streamId, prefix: null, max_streams: null }
          : { stream_id: null, prefix: scope.prefix, max_streams: scope.maxStreams };
      const row = { id, digest, label, ...of, allow: allow.join(' '), created_us: toUs(createdMs), ...changing };
      await db
        .insertInto('publish_key')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
        .execute();
    },
    remove: async (id) => void (await db.deleteFrom('publish_key').where('id', '=', id).execute()),
  };
}

function scopeOf(streamId: string | null, prefix: string, maxStreams: number): PublishScope {
  return streamId === null ? { type: 'prefix', prefix, maxStreams } : { type: 'stream', streamId };
}

function epochRows(db: Kysely<Tables>): Rows<WatchEpoch> {
  return {
    all: () => db.selectFrom('watch_epoch').selectAll().execute(),
    async put({ stream, epoch }) {
      await db
        .insertInto('watch_epoch')
        .values({ stream, epoch })
        .onConflict((conflict) => conflict.column('stream').doUpdateSet({ epoch }))
        .execute();
    },
    remove: async (stream) => void (await db.deleteFrom('watch_epoch').where('stream', '=', stream).execute()),
  };
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}

function toUsOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : toUs(ms);
}

function toMs(us: number | null): number | undefined {
  return us === null ? undefined : us / 1000;
}
